"""Writing examples: sample, judgement or slot, and example of each, in one statement per table."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record_all
from accounts.models import User
from core.ids import new_id
from learning import features, previews
from learning.actions import city as cities
from learning.actions.intake import SAMPLE_NAMESPACE
from learning.actions.settling import announce, apply, city_verdict
from learning.features import Features
from learning.models import (
    AiModule,
    Camera,
    Decision,
    ExampleStatus,
    HitlLabel,
    LabelSchema,
    LabelStatus,
    LearningSample,
    ObjectKind,
    ReviewSlot,
    SampleState,
    SampleType,
    StoredObject,
    TrainingExample,
)
from learning.models.city import HUB
from learning.models.label import LabelSource

EXAMPLES = "examples"
"""The camera of examples, and the beginning of their event ids."""
MAX_EVENT = 200
MEDIA_TYPES = {ObjectKind.FEATURES: features.MEDIA_TYPE, ObjectKind.THUMBNAIL: previews.MEDIA_TYPE}
COPIED = ("user_id", "label", "session_id", "record_id", "performer_id", "timestamp", "consent_given", "is_demo")


@dataclass(frozen=True)
class Facts:
    """What is said of an example; `source` is its relative path, where it has one, and `label_status` what is known of the label.

    confirmed: a person found it right; corrected: a person changed it to this; unconfirmed: it waits for review.
    """

    user_id: str
    label: str
    label_status: str = ExampleStatus.UNCONFIRMED
    session_id: str | None = None
    record_id: uuid.UUID | None = None
    performer_id: str | None = None
    timestamp: datetime = field(default_factory=timezone.now)
    consent_given: bool = False
    is_demo: bool = False
    source: str = ""


@dataclass(frozen=True)
class Incoming:
    """An example on its way in: what is said of it, what its features are, and the object that holds them."""

    facts: Facts
    found: Features
    obj: StoredObject


def event_of(facts: Facts, sha256: str) -> str:
    """Answer the event id of an example: its user's path, or the hash of its features."""
    named = f"{EXAMPLES}:{facts.user_id}/{facts.source or sha256}"
    return named if len(named) <= MAX_EVENT else f"{EXAMPLES}:{hashlib.sha256(named.encode()).hexdigest()}"


def metadata_of(facts: Facts, found: Features) -> dict[str, str]:
    """Answer what the store is told of an example's objects."""
    return {
        "city_id": HUB,
        "camera_id": EXAMPLES,
        "event_id": event_of(facts, found.sha256),
        "label_status": facts.label_status,
        "uploaded_at": timezone.now().isoformat(timespec="seconds"),
        "detection_timestamp": facts.timestamp.isoformat(),
    }


@transaction.atomic
def write(module: AiModule, incoming: Sequence[Incoming], by: User | None) -> list[TrainingExample]:
    """Write the examples, and the rows of objects that have none yet; raises IntegrityError where one is there already."""
    _write_objects(incoming)
    camera = Camera.objects.get_or_create(city=cities.hub(), camera_id=EXAMPLES)[0]
    schema = module.schema
    samples = [_sample(module, camera, one) for one in incoming]
    labels = [_label(sample, schema, one.facts, by) for sample, one in zip(samples, incoming, strict=True)]
    changes = [apply(sample, city_verdict(module.policy, sample, label)) for sample, label in zip(samples, labels, strict=True)]
    LearningSample.objects.bulk_create(samples)
    HitlLabel.objects.bulk_create(label for label in labels if label is not None)
    waiting = [sample for sample in samples if sample.state == SampleState.PENDING]
    ReviewSlot.objects.bulk_create(ReviewSlot.opened(sample) for sample in waiting)
    examples = [_example(module, sample, one) for sample, one in zip(samples, incoming, strict=True)]
    TrainingExample.objects.bulk_create(examples)
    record_all(by, "add", [(row, {"module": module.slug, "sample": row.sample.sample_id}) for row in examples])
    announce(replace(change, sample=sample.pk) for change, sample in zip(changes, samples, strict=True))
    return examples


def _write_objects(incoming: Sequence[Incoming]) -> None:
    now = timezone.now()
    for one in incoming:
        obj, found = one.obj, one.found
        obj.sha256, obj.size, obj.encoding, obj.dtype = found.sha256, found.size, found.encoding, found.dtype
        obj.shape, obj.verified_at = list(found.shape), now
        if obj.thumbnail is not None:
            obj.thumbnail.verified_at = now
    drawn = [one.obj.thumbnail for one in incoming if one.obj.thumbnail is not None]
    for rows in (drawn, [one.obj for one in incoming]):  # an object refers to its thumbnail
        known = [row for row in rows if not row._state.adding]  # noqa: SLF001  (as save asks)
        StoredObject.objects.bulk_create(row for row in rows if row._state.adding)  # noqa: SLF001
        for row in known:
            row.save()


def _example(module: AiModule, sample: LearningSample, one: Incoming) -> TrainingExample:
    return TrainingExample(
        sample=sample,
        modality=module.slug,
        features_hash=f"sha256:{one.found.sha256}",
        encoding=one.found.encoding,
        dims=one.found.shape[1],
        **{name: getattr(one.facts, name) for name in COPIED},
    )


def _sample(module: AiModule, camera: Camera, one: Incoming) -> LearningSample:
    facts, event_id, city = one.facts, event_of(one.facts, one.found.sha256), camera.city
    corrected = facts.label_status == ExampleStatus.CORRECTED
    return LearningSample(
        sample_id=str(uuid.uuid5(SAMPLE_NAMESPACE, f"{city.slug}\n{event_id}")),
        module=module,
        city=city,
        camera=camera,
        event_id=event_id,
        object=one.obj,
        source_name=facts.source[-255:],
        captured_at=facts.timestamp,
        sample_type=SampleType.MANUAL,
        prediction=None if corrected else {"label": facts.label},
        source_label_status=_source_status(facts),
        group_key=f"{city.slug}:{event_id}",
    )


def _source_status(facts: Facts) -> str:
    statuses = {ExampleStatus.CONFIRMED: LabelStatus.CORRECT.value, ExampleStatus.CORRECTED: LabelStatus.CHANGED.value}
    return statuses.get(ExampleStatus(facts.label_status), "")


def _label(sample: LearningSample, schema: LabelSchema, facts: Facts, by: User | None) -> HitlLabel | None:
    """Make the judgement that came with the example, not saved; None where there is none."""
    if facts.label_status == ExampleStatus.UNCONFIRMED:
        return None
    is_correct = facts.label_status == ExampleStatus.CONFIRMED
    value: dict[str, Any] = {"label": facts.label}
    return HitlLabel(
        sample=sample,
        city_id=sample.city_id,
        schema=schema,
        label_id=str(new_id()),
        label_status=_source_status(facts),
        decision=Decision.CORRECT if is_correct else Decision.CHANGE,
        prediction=sample.prediction,
        correction=None if is_correct else value,
        labeled_at=timezone.now(),
        annotator=by,
        operator_id=facts.performer_id or "" if by is None else "",
        label_source=LabelSource.CORRECTION,
    )
