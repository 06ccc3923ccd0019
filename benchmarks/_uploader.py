"""A city's client, with one connection, that sends what it made before."""

import http.client
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import orjson

BOX = {"label": "car", "bbox": [10, 10, 100, 50]}


class Uploader:
    """One city's client; the city is made where there is none."""

    def __init__(self, url: str, slug: str, **batch: str) -> None:
        from accounts.actions import access_key
        from learning.actions import city
        from learning.models import City

        self.city = City.objects.filter(slug=slug).first() or city.add(slug, by=None)
        self.key = access_key.issue(self.city.user, by=None, scopes=["objects:adopt"])[1]
        self.http = http.client.HTTPConnection(urlsplit(url).netloc)
        answer = self._post("/api/v1/learning/batches", orjson.dumps({"city": slug, **batch}))
        self.path = f"/api/v1/learning/batches/{answer['id']}/items"

    def body(self, size: int, make: Any = None) -> bytes:
        """Make a request of `size` items."""
        return orjson.dumps({"items": [(make or referenced)() for _ in range(size)]})

    def send(self, bodies: list[bytes]) -> float:
        """Send them one after another; answers how long the longest took, in seconds."""
        longest = 0.0
        self.http.close()  # the web may have closed it while nothing was sent
        for body in bodies:
            began = time.perf_counter()
            outcomes = self.outcomes(body)
            longest = max(longest, time.perf_counter() - began)
            assert outcomes == {"accepted"}, outcomes
        return longest

    def outcomes(self, body: bytes) -> set[str]:
        """Send one; answers what became of its items."""
        return {result["outcome"] for result in self._post(self.path, body)["results"]}

    def _post(self, path: str, body: bytes) -> Any:
        self.http.request("POST", path, body, {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        answer = self.http.getresponse()
        content = answer.read()
        assert answer.status < 300, content[:500]
        return orjson.loads(content)


def referenced() -> dict[str, Any]:
    """An item whose object lies in the store already."""
    from core.storage import store

    name = uuid.uuid4()
    return {**_item(name), "image_reference": store().reference(f"{name}.jpg")}


def announced() -> dict[str, Any]:
    """An item with a file that is to be uploaded."""
    name = uuid.uuid4()
    file = {"sha256": name.hex * 2, "md5": name.hex, "size": 48_211, "media_type": "image/jpeg"}
    return {**_item(name), "file": file}


def _item(name: uuid.UUID) -> dict[str, Any]:
    return {
        "event_id": f"event-{name.hex}",
        "camera_id": f"cam-{name.int % 50}",
        "ai_module": "vehicles",
        "label_status": "changed",
        "captured_at": "2026-11-20T08:00:00+05:30",
        "confidence": 0.83,
        "image_quality_score": 0.9,
        "prediction": {"boxes": [BOX]},
        "predicted_by": {"model": "vehicles", "version": "v1.0.0"},
        "correction": {"boxes": [{**BOX, "label": "bus"}]},
        "operator_id": "operator-3",
        "review_time_seconds": 4.0,
    }
