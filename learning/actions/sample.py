"""Verbs on single samples: what a person of the hub uploads, and what they say is right of it."""

import io
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.canonical import canonical_sha256
from core.errors import Conflict, Invalid
from core.storage import store
from learning import annotation, images
from learning.actions import city as cities
from learning.actions import ledger, near_duplicates
from learning.actions import object as stored_object
from learning.actions.intake import SAMPLE_NAMESPACE
from learning.actions.settling import SETTLED_FIELDS, announce, apply, city_verdict, settled_by
from learning.defects import Defect
from learning.images import Inspected, Limits
from learning.models import (
    AiModule,
    Camera,
    City,
    Decision,
    HitlLabel,
    LabelStatus,
    LearningSample,
    ObjectKind,
    ReviewSlot,
    SampleState,
    SampleType,
    SlotState,
    StoredObject,
)
from learning.models.label import LabelSource

UPLOAD = "upload"
"""The camera of what people upload, and the beginning of its event ids."""
MAX_NOTES = 2_000


def add(
    content: bytes,
    *,
    by: User,
    module: AiModule,
    city: City | None = None,
    value: Any = None,
    captured_at: datetime | None = None,
    source_name: str = "",
) -> tuple[LearningSample, bool]:
    """Take an image into the store, looked at whole like any city's, and answer its sample and whether it is new.

    `value` is what is right of it; without one it waits for review, and with one too where the module's policy says so. The
    same image again for the same module is the sample that is there. Raises Invalid, or StoreError. Not for transactions.
    """
    city = city or cities.hub()
    require(by, Permission.CURATE_SAMPLES, city)
    facts = _inspected(content, module)
    if value is not None:
        annotation.check(value, module.schema, size=(facts.width, facts.height))
    event_id = f"{UPLOAD}:{module.slug}:{facts.sha256}"
    if known := _known(city, event_id):
        return known, False
    ledger.refuse_erased(city, event_id)
    sample = LearningSample(
        sample_id=str(uuid.uuid5(SAMPLE_NAMESPACE, f"{city.slug}\n{event_id}")),
        module=module,
        city=city,
        event_id=event_id,
        source_name=source_name,
        captured_at=captured_at or timezone.now(),
        sample_type=SampleType.MANUAL,
        image_quality_score=facts.quality,
        group_key=f"{city.slug}:{event_id}",
    )
    kept = _store(content, facts, _metadata(sample, labelled=value is not None), by)
    try:
        _write(sample, kept, facts, value, by)
    except BaseException as error:
        discard(kept)
        known = _known(city, event_id) if isinstance(error, IntegrityError) else None
        if known is None:
            raise
        return known, False  # the same image came twice at the same moment
    return sample, True


@transaction.atomic
def correct(sample: LearningSample, *, by: User, value: Any, notes: str = "") -> HitlLabel | None:
    """Say what is right of a sample: a new label, which is its truth from now on; frozen versions keep what they have.

    None where the truth is that already. Who has the sample in review may still send their judgement, late. Raises Invalid
    for a value that breaks the schema, Conflict for a sample whose image nobody has verified or that review excluded.
    """
    require(by, Permission.CURATE_SAMPLES, sample.city)
    rows = LearningSample.objects.select_for_update(of=("self",)).select_related("object", "module", "city")
    sample = rows.get(pk=sample.pk)
    if sample.state in (SampleState.RECEIVED, SampleState.EXCLUDED):
        raise Conflict(
            f"This sample is {sample.state}: it has no truth that could be corrected.", facts={"state": sample.state}
        )
    if len(notes) > MAX_NOTES:
        raise Invalid(f"Notes may have {MAX_NOTES} characters at most.", errors={"notes": ["too long"]})
    obj, schema = sample.object, sample.module.schema
    annotation.check(value, schema, size=(obj.width, obj.height) if obj and obj.width and obj.height else None)
    if sample.state == SampleState.SETTLED and sample.truth_sha256 == canonical_sha256(value):
        return None
    own = HitlLabel.objects.standing().filter(sample=sample, annotator=by, label_source=LabelSource.CORRECTION)
    label = _said(sample, value, by, supersedes=own.order_by("-id").first(), correction_notes=notes)
    label.schema = schema
    label.save(force_insert=True)
    ReviewSlot.objects.filter(sample=sample, state__in=[SlotState.OPEN, SlotState.LEASED]).update(state=SlotState.VOID)
    change = apply(sample, settled_by(label))
    sample.save(update_fields=SETTLED_FIELDS)
    record(by, "correct", sample, label=label.label_id)
    announce([change])
    return label


def _inspected(content: bytes, module: AiModule) -> Inspected:
    limits = Limits(settings.UPLOAD_MAX_BYTES, settings.UPLOAD_MAX_PIXELS)
    try:
        facts = images.inspect(io.BytesIO(content), sha256="", media_type="", limits=limits)
    except Defect as defect:
        raise Invalid(defect.detail, code=defect.reason) from defect
    if facts.quality < module.min_quality:
        raise Invalid(f"{module.name} takes no image below a quality of {module.min_quality}.", code="quality_below_threshold")
    return facts


def _known(city: City, event_id: str) -> LearningSample | None:
    return LearningSample.objects.select_related("city", "object").filter(city=city, event_id=event_id).first()


def _metadata(sample: LearningSample, *, labelled: bool) -> dict[str, str]:
    """Answer what the storage contract asks to be written beside an image."""
    return {
        "city_id": sample.city.slug,
        "camera_id": UPLOAD,
        "event_id": sample.event_id,
        "label_status": LabelStatus.CHANGED.value if labelled else "unlabelled",
        "uploaded_at": timezone.now().isoformat(timespec="seconds"),
        "sample_id": sample.sample_id,
        "detection_timestamp": sample.captured_at.isoformat(),
        "sample_type": sample.sample_type,
    }


def _store(content: bytes, facts: Inspected, metadata: dict[str, str], by: User) -> list[StoredObject]:
    """Store the image and its thumbnail: both, or neither."""
    pieces = ((content, ObjectKind.IMAGE, facts.media_type), (facts.thumbnail, ObjectKind.THUMBNAIL, images.THUMBNAIL_TYPE))
    kept: list[StoredObject] = []
    try:
        for piece, kind, media_type in pieces:
            kept.append(stored_object.store_bytes(piece, kind=kind, media_type=media_type, metadata=metadata, owner=by))
    except BaseException:
        discard(kept)
        raise
    return kept


def discard(kept: Sequence[StoredObject]) -> None:
    """Remove objects whose row-to-be was not written, and their own rows."""
    for unwanted in kept:
        store(unwanted.alias).remove(unwanted.name)
        StoredObject.objects.filter(pk=unwanted.pk).delete()


@transaction.atomic
def _write(sample: LearningSample, kept: Sequence[StoredObject], facts: Inspected, value: Any, by: User) -> None:
    """Write the sample with its object, its label where it has one, and its slot where it waits."""
    City.objects.select_for_update(no_key=True).get(pk=sample.city_id)  # two at once would not see each other's look
    image, thumbnail = kept
    now = timezone.now()
    StoredObject.objects.filter(pk=thumbnail.pk).update(verified_at=now)
    image.width, image.height, image.verified_at, image.thumbnail = facts.width, facts.height, now, thumbnail
    image.phash = facts.fingerprint.phash if facts.fingerprint else None
    image.save(update_fields=["width", "height", "verified_at", "thumbnail", "phash"])
    sample.camera = Camera.objects.get_or_create(city=sample.city, camera_id=UPLOAD)[0]
    sample.object = image
    sample.save(force_insert=True)
    label = None
    if value is not None:
        label = _said(sample, value, by, schema=sample.module.schema)
        label.save(force_insert=True)
    groups = near_duplicates.place(sample.city, {image.pk: facts.fingerprint}, [sample])
    sample.group_key = groups.get(sample.pk, sample.group_key)
    change = apply(sample, city_verdict(sample.module.policy, sample, label))
    sample.save(update_fields=[*SETTLED_FIELDS, "group_key"])
    if sample.state == SampleState.PENDING:
        ReviewSlot.opened(sample).save(force_insert=True)
    record(by, "upload", sample, module=sample.module.slug, labelled=label is not None)
    announce([change])


def _said(sample: LearningSample, value: Any, by: User, **facts: Any) -> HitlLabel:
    """Make a label of a person of the hub, not saved: the prediction is correct, or it is changed to `value`."""
    is_predicted = sample.prediction is not None and canonical_sha256(sample.prediction) == canonical_sha256(value)
    return HitlLabel(
        sample=sample,
        city_id=sample.city_id,
        label_status=LabelStatus.CORRECT if is_predicted else LabelStatus.CHANGED,
        decision=Decision.CORRECT if is_predicted else Decision.CHANGE,
        prediction=sample.prediction,
        correction=None if is_predicted else value,
        labeled_at=timezone.now(),
        annotator=by,
        label_source=LabelSource.CORRECTION,
        **facts,
    )
