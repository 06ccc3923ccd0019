"""What long tests of the review queue do inside their own hub: samples with images that wait, people with sessions, counts."""

import json
from datetime import UTC, datetime

from django.test import Client

from accounts.models import User
from core.ids import new_id
from learning.actions import city, gold, module, quality, summary
from learning.models import Camera, HitlLabel, LearningSample, ReviewSlot, SampleState, StoredObject
from learning.models.quality import STRETCH
from learning.models.summary import Source
from tests.long import eight_annotator

WRONG = 10
"""Every so many samples the prediction is wrong."""


def fill_review(slug: str, samples: str, policy: str) -> None:
    """Make a module of labels with `samples` samples of two cities that wait, each with an image, by the policy (JSON)."""
    terms = json.loads(policy)
    of = module.add(
        slug, by=None, name=slug, task="classification", labels=eight_annotator.LABELS, reasons=["blurred"], review_policy=terms
    )
    at = datetime(2026, 11, 20, tzinfo=UTC)
    cameras = [Camera.objects.create(city=city.add(f"city_{name}", by=None), camera_id="cam") for name in ("pune", "delhi")]
    names = [f"s-{number}" for number in range(int(samples))]
    objects = [
        StoredObject(
            name=f"{new_id()}.jpg", kind="image", sha256="0" * 64, size=40_000, media_type="image/jpeg", verified_at=at
        )
        for _ in names
    ]
    StoredObject.objects.bulk_create(objects, batch_size=1_000)
    rows = [
        LearningSample(
            sample_id=name,
            event_id=name,
            group_key=name,
            module=of,
            city=cameras[number % 2].city,
            camera=cameras[number % 2],
            object=objects[number],
            captured_at=at,
            prediction=_predicted(name, number),
            predicted_by={"model": slug, "version": "1.0.0"},
            state=SampleState.PENDING,
        )
        for number, name in enumerate(names)
    ]
    LearningSample.objects.bulk_create(rows, batch_size=1_000)
    ReviewSlot.objects.bulk_create([ReviewSlot.opened(row) for row in rows], batch_size=1_000)


def _predicted(name: str, number: int) -> dict[str, str]:
    right = eight_annotator.right_of(name)["label"]
    others = [label for label in eight_annotator.LABELS if label != right]
    return {"label": others[number % 2] if number % WRONG == 0 else right}


def people(named: str) -> dict[str, str]:
    """Make people, {name: role} in JSON, and answer the session of each."""
    sessions = {}
    for name, role in json.loads(named).items():
        browser = Client()
        user = User.objects.create(name=name, email=f"{name}@example.org", role=role)
        browser.force_login(user)
        sessions[name] = browser.cookies["sessionid"].value
    return sessions


def count_all() -> None:
    """Count all that pages read anew, and pause who is to be paused: what workers do in a few rounds."""
    last = HitlLabel.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for number in range(last // STRETCH + 1):
        quality.refresh_stretch(number)
    for source in Source:
        summary.refresh_source(source)
    gold.pause_weak()


FUNCTIONS = {function.__name__: function for function in (fill_review, people, count_all)}
