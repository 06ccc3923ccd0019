"""Modules, cities, pictures and deliveries, made by the verbs; images go through the real store under signed addresses."""

import hashlib
import io
import time
from datetime import UTC, date, datetime
from typing import Any

import httpx
import numpy as np
from django.test import Client
from PIL import Image

from core.file_store import FileStore
from core.storage import store
from learning.actions import batch as batches
from learning.actions import city as cities
from learning.actions import module as modules
from learning.models import AiModule, City, LearningSample, UploadBatch

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LABELS = ("car", "bus", "bicycle")
UNCHECKED = {"first_check_share": 0, "later_check_share": 0}
"""A policy by which no reviewer looks at what annotators judged."""


def vehicles(**fields: Any) -> AiModule:
    """A classification module whose city labels are trusted, unless `fields` say otherwise."""
    policy = {"city_labels": "trust", **UNCHECKED, **fields.pop("review_policy", {})}
    facts = {"name": "Vehicles", "task": "classification", "labels": LABELS, **fields}
    return modules.add(facts.pop("slug", "vehicles"), by=None, review_policy=policy, **facts)


def pune(slug: str = "city_pune", **fields: Any) -> City:
    return cities.add(slug, by=None, **fields)


def picture(number: int = 0, size: tuple[int, int] = (48, 32), kind: str = "PNG", **saved: Any) -> bytes:
    """A small image that is unlike that of any other number."""
    image = Image.effect_noise(size, 40).convert("RGB")
    image.putpixel((0, 0), (number % 256, number // 256 % 256, 7))
    out = io.BytesIO()
    image.save(out, kind, **saved)
    return out.getvalue()


def file_of(content: bytes, media_type: str = "image/png") -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "size": len(content),
        "media_type": media_type,
    }


def item(event_id: str = "e-1", content: bytes = b"", **fields: Any) -> dict[str, Any]:
    """An item a city would send: a car, seen rightly; a field given as None is left out."""
    facts = {
        "event_id": event_id,
        "camera_id": "cam-7",
        "ai_module": "vehicles",
        "label_status": "correct",
        "captured_at": NOON.isoformat(),
        "confidence": 0.83,
        "prediction": {"label": "car"},
        "file": file_of(content or event_id.encode()),
        **fields,
    }
    return {name: value for name, value in facts.items() if value is not None}


def opened(city: City, day: date = DAY, **fields: Any) -> UploadBatch:
    return batches.open_batch(city, day, by=city.user, **fields)[0]


def put(upload: dict[str, Any], content: bytes, *, media_type: str = "image/png") -> int:
    """Send an image to its signed address, as a city does, again where the store has a fault; answers the status."""
    if isinstance(store(), FileStore):
        sent = {name: value for name, value in upload["headers"].items() if name not in {"content-length", "content-type"}}
        path = upload["url"].removeprefix("http://testserver")
        return Client().put(path, content, content_type=upload["headers"]["content-type"], headers=sent).status_code
    for wait in (0, 0.5, 2):  # a store that was just begun answers 503 at times
        time.sleep(wait)
        answer = httpx.put(upload["url"], content=content, headers=upload["headers"])
        if answer.status_code < 500:
            break
    return answer.status_code


def sealed(batch: UploadBatch) -> UploadBatch:
    ids, digest = batches.manifest(batch)
    return batches.seal(batch, by=batch.city.user, items=len(ids), sha256=digest)


def registered(batch: UploadBatch) -> UploadBatch:
    """Seal a batch and verify it, as the worker does."""
    batches.verify(sealed(batch).pk)
    batch.refresh_from_db()
    return batch


def delivered(city: City, count: int, *, day: date = DAY, first: int = 0, **fields: Any) -> list[LearningSample]:
    """`count` samples of a city, uploaded and verified, in order."""
    batch = opened(city, day)
    contents = {f"e-{number}": picture(number) for number in range(first, first + count)}
    items = [item(event, content, **fields) for event, content in contents.items()]
    for answer in batches.add_items(batch, items, by=city.user):
        assert put(answer["upload"], contents[answer["event_id"]]) == 200, answer
    registered(batch)
    return list(batch.samples.order_by("id"))


def gestures(**fields: Any) -> AiModule:
    """A module of features, rows of six numbers, that trusts what is said of them."""
    found = AiModule.objects.filter(slug="gestures").first()
    facts = {"name": "Gestures", "task": "features", "labels": ("wave", "point"), "encoding": "hand_v1", "dims": 6}
    return found or modules.add("gestures", by=None, review_policy={"city_labels": "trust", **UNCHECKED}, **{**facts, **fields})


def npz(number: int = 0, rows: int = 4, dims: int = 6) -> bytes:
    """Features that are unlike those of any other number."""
    out = io.BytesIO()
    array = np.arange(rows * dims, dtype="float32").reshape(rows, dims) / 10 + number
    np.savez(out, features=array)
    return out.getvalue()
