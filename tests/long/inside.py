"""What long tests do inside their own hub, each in a process of its own: `python -m tests.long.inside FUNCTION ARGUMENTS`."""
# ruff: noqa: E402  (Django is set up before its models are imported)

import json
import os
import sys
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.db.models import Count

from accounts.models import User
from core.file_store import FileStore
from core.storage import ObjectMissing, store
from learning.actions import city, module, review
from learning.models import (
    AiModule,
    BatchState,
    Camera,
    HitlLabel,
    LearningSample,
    ReviewSlot,
    SampleState,
    StoredObject,
    UploadBatch,
    UploadRejection,
)
from tests.long import inside_import, inside_mixed, inside_review, inside_telling


def fill_queue(samples: str, overlap: str, people: str) -> list[str]:
    """Make `samples` samples that each wait for `overlap` judgements, and annotators; answers their names."""
    of = module.add(
        "vehicles",
        by=None,
        name="Vehicles",
        task="classification",
        labels=["car", "bus"],
        review_policy={"city_labels": "review", "overlap": int(overlap), "first_check_share": 0, "later_check_share": 0},
    )
    pune = city.add("city_pune", by=None)
    camera = Camera.objects.create(city=pune, camera_id="cam-1")
    rows = [
        LearningSample(
            sample_id=f"s-{number}",
            event_id=f"s-{number}",
            module=of,
            city=pune,
            camera=camera,
            captured_at=datetime(2026, 11, 20, tzinfo=UTC),
            prediction={"label": "car"},
            state=SampleState.PENDING,
            group_key=f"s-{number}",
        )
        for number in range(int(samples))
    ]
    LearningSample.objects.bulk_create(rows, batch_size=1_000)
    ReviewSlot.objects.bulk_create([ReviewSlot.opened(row) for row in rows], batch_size=1_000)
    names = [f"annotator-{number}" for number in range(int(people))]
    for name in names:
        User.objects.create(name=name, email=f"{name}@example.org", role="annotator")
    return names


def annotate(name: str) -> Counter[str]:
    """Judge until no sample waits for anybody any more."""
    by, of = User.objects.get(name=name), AiModule.objects.get(slug="vehicles")
    done = Counter[str]()
    while LearningSample.objects.filter(state=SampleState.PENDING).exists():
        lease = review.lease_next(of, by=by)
        if lease is None:  # what is left is in others' hands, or theirs to judge
            threading.Event().wait(0.02)
        while lease:
            done["decided"] += 1
            token, key = lease.token, uuid.uuid4()
            decided = review.decide(lease.slot, by=by, lease_token=token, client_uuid=key, decision="correct", next=True)
            lease = decided.next_lease
    return done


def judgements() -> dict[str, Any]:
    """Count how often samples were judged, and by how many people."""
    labels = HitlLabel.objects.filter(label_source="review")
    per_sample = labels.values("sample").annotate(judged=Count("id"), people=Count("annotator", distinct=True))
    shapes = Counter(f"{row['judged']} by {row['people']}" for row in per_sample)
    states = Counter(LearningSample.objects.values_list("state", flat=True))
    return {"judged": shapes, "samples": states, "slots": Counter(ReviewSlot.objects.values_list("state", flat=True))}


def verified() -> None:
    """Wait until the workers have done every sealed batch; one that was in a killed worker's hands is free after minutes."""
    while UploadBatch.objects.filter(state=BatchState.SEALED).exists():
        threading.Event().wait(0.5)


def census() -> dict[str, Any]:
    """Count what came in, and compare the rows with what lies in the store."""
    samples = LearningSample.objects.select_related("object", "city").order_by("id")
    images = StoredObject.objects.filter(kind="image")
    return {
        "samples": Counter(sample.city.slug for sample in samples),
        "events": len({(sample.city_id, sample.event_id) for sample in samples}),
        "states": Counter(samples.values_list("state", flat=True)),
        "batches": Counter(UploadBatch.objects.values_list("state", flat=True)),
        "labels": HitlLabel.objects.count(),
        "images": images.count(),
        "files": len({(sample.city_id, sample.object.sha256) for sample in samples if sample.object}),
        "unverified": images.filter(verified_at=None).count(),
        "truths": {sample.event_id: sample.truth for sample in samples},
        "astray": _astray(),
    }


def outcomes() -> dict[str, str]:
    """Answer what became of each event: "accepted" once its image was verified, else why it was rejected."""
    taken = LearningSample.objects.verified().values_list("event_id", flat=True)
    return {**dict(UploadRejection.objects.values_list("event_id", "reason")), **dict.fromkeys(taken, "accepted")}


def left_behind(listed: str) -> dict[str, Any]:
    """Answer which of these uploaded names lie in the store without a row, and how many rows there are of what was sent."""
    names = set(json.loads(Path(listed).read_text()))
    held = set(StoredObject.objects.values_list("name", flat=True))
    waiting = StoredObject.objects.filter(kind="image", verified_at=None)
    return {
        "objects": sorted(name for name in names - held if _is_there(name)),
        "astray": _astray(),
        "unverified": waiting.count(),
        "samples": LearningSample.objects.count(),
        "labels": HitlLabel.objects.count(),
        "thumbnails": StoredObject.objects.filter(kind="thumbnail").count(),
        "images": StoredObject.objects.filter(kind="image").count(),
    }


def groups() -> dict[str, str]:
    """Answer the group of each event."""
    return dict(LearningSample.objects.values_list("event_id", "group_key"))


def _astray() -> list[str]:
    """Answer the objects without a row (where the store is ours alone to list) and the rows without an object."""
    names = set(StoredObject.objects.values_list("name", flat=True))
    home = store()
    if isinstance(home, FileStore):
        # a name that ends in nothing is the scratch file of a write that was killed, and no object
        there = {path.name for path in home.root.glob("*/*") if path.suffix not in {"", ".json"}}
        return sorted(names ^ there)
    return sorted(name for name in names if not _is_there(name))


def _is_there(name: str) -> bool:
    try:
        store().stat(name)
    except ObjectMissing:
        return False
    return True


FUNCTIONS = (
    {
        function.__name__: function
        for function in (fill_queue, annotate, judgements, verified, census, outcomes, left_behind, groups)
    }
    | inside_review.FUNCTIONS
    | inside_import.FUNCTIONS
    | inside_mixed.FUNCTIONS
    | inside_telling.FUNCTIONS
)

if __name__ == "__main__":
    print(json.dumps(FUNCTIONS[sys.argv[1]](*sys.argv[2:])))  # noqa: T201  (read by the test)
