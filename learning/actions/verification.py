"""Verifying a sealed batch: every image is read whole before anyone sees it.

A chunk at a time: images are looked at by threads outside any transaction, then one transaction writes the chunk. Each
write asks again whether the sample is still in state received, so that a worker may be killed anywhere and another run
again; what is done stays done.
"""

import io
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from core.storage import AlreadyStored, ObjectMissing, store
from learning import annotation, images
from learning.actions.settling import SETTLED_FIELDS, announce, apply, city_verdict, newest_city_labels
from learning.defects import Defect
from learning.images import Inspected, Limits
from learning.models import (
    BatchState,
    HitlLabel,
    LearningSample,
    ObjectKind,
    ReviewSlot,
    SampleState,
    StoredObject,
    UploadBatch,
    UploadRejection,
)

CHUNK = 200
THREADS = 4
CLAIMED_FOR = timedelta(minutes=2)
THUMBNAIL_NAMESPACE = uuid.UUID("b0d1b7a4-93c5-5f8e-8f7e-2d4f0a6e9c33")
VERIFIED_FIELDS = ["sha256", "size", "media_type", "width", "height", "etag", "verified_at", "thumbnail"]


@dataclass(frozen=True)
class Seen:
    """An image that passed: what it is, the store's etag, and its thumbnail as it lies in the store."""

    facts: Inspected
    etag: str
    thumbnail: StoredObject


def verify(batch_id: str) -> None:
    """Verify a sealed batch, as the worker does it; a batch that is done, or in another worker's hands, is left alone.

    Raises core.storage.StoreError where the store does not answer; the sweeper will try again.
    """
    if not _claim(batch_id):
        return
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as pool:
            while chunk := _next_chunk(batch_id):
                _verify_chunk(batch_id, chunk, pool)
                UploadBatch.objects.filter(pk=batch_id).update(claimed_until=timezone.now() + CLAIMED_FOR)
        _finish(batch_id)
    finally:
        UploadBatch.objects.filter(pk=batch_id).update(claimed_until=None)


def release_samples(samples: Sequence[LearningSample]) -> list[str]:
    """Delete samples that were only received, in the caller's transaction: their event ids become free.

    Answers the names of the objects that were uploaded for them alone, to be removed from the store after commit.
    """
    keys = [sample.pk for sample in samples]
    HitlLabel.objects.filter(sample_id__in=keys).update(supersedes=None)
    HitlLabel.objects.filter(sample_id__in=keys).delete()
    LearningSample.objects.filter(pk__in=keys).delete()
    uploaded = {sample.object_id for sample in samples if sample.object_id and not sample.by_reference}
    unused = StoredObject.objects.filter(pk__in=uploaded, samples__isnull=True)
    names = list(unused.values_list("name", flat=True))
    StoredObject.objects.filter(name__in=names).delete()
    return names


def _claim(batch_id: str) -> bool:
    sealed = UploadBatch.objects.unclaimed().filter(pk=batch_id)
    return bool(sealed.update(claimed_until=timezone.now() + CLAIMED_FOR))


def _next_chunk(batch_id: str) -> list[LearningSample]:
    waiting = LearningSample.objects.filter(batch_id=batch_id, state=SampleState.RECEIVED)
    return list(waiting.select_related("object", "module").order_by("id")[:CHUNK])


def _verify_chunk(batch_id: str, chunk: Sequence[LearningSample], pool: ThreadPoolExecutor) -> None:
    objects = {sample.object_id: sample.object for sample in chunk if sample.object}
    pending = [obj for obj in objects.values() if obj.verified_at is None]
    looked = dict(zip([obj.pk for obj in pending], pool.map(_look, pending), strict=True))
    for name in _write(batch_id, chunk, looked):
        store().remove(name)


def _look(obj: StoredObject) -> Seen | Defect:
    """Read one object from the store, look at it whole and store its thumbnail; runs in a thread, outside transactions."""
    limits = Limits(settings.UPLOAD_MAX_BYTES, settings.UPLOAD_MAX_PIXELS)
    try:
        stat = store(obj.alias).stat(obj.name)
        if obj.etag and stat.etag != obj.etag:
            return Defect("wrong_checksum", "The object in the store is not the one that was there before.")
        with store(obj.alias).open_object(obj.name) as stream:
            facts = images.inspect(stream, sha256=obj.sha256, media_type=obj.media_type, limits=limits)
    except ObjectMissing:
        return Defect("not_uploaded", "Its image never arrived in the store.")
    except Defect as defect:
        return defect
    return Seen(facts, stat.etag, _store_thumbnail(obj, facts.thumbnail))


def _store_thumbnail(obj: StoredObject, content: bytes) -> StoredObject:
    """Put the thumbnail under a name that follows from the object's, so that a second run finds the first one's."""
    key = uuid.uuid5(THUMBNAIL_NAMESPACE, str(obj.pk))
    name = f"{key}.jpg"
    try:
        stat = store().put_new(name, io.BytesIO(content), media_type=images.THUMBNAIL_TYPE, metadata=obj.metadata)
    except AlreadyStored:
        stat = store().stat(name)
        with store().open_object(name) as stream:
            content = stream.read()
    return StoredObject(
        pk=key,
        name=name,
        kind=ObjectKind.THUMBNAIL,
        sha256=sha256(content).hexdigest(),
        size=len(content),
        media_type=images.THUMBNAIL_TYPE,
        etag=stat.etag,
        metadata=obj.metadata,
        verified_at=timezone.now(),
    )


@transaction.atomic
def _write(batch_id: str, chunk: Sequence[LearningSample], looked: dict[uuid.UUID, Seen | Defect]) -> list[str]:
    """Write what was seen of a chunk; answers the names of the objects to be removed from the store."""
    keys = [sample.pk for sample in chunk]
    waiting = LearningSample.objects.select_for_update(of=("self",)).filter(pk__in=keys, state=SampleState.RECEIVED)
    samples = list(waiting.select_related("object", "module").order_by("id"))
    defects: dict[int, Defect] = {}
    for sample in samples:
        if defect := _defect_of(sample, looked):
            defects[sample.pk] = defect
    _register([sample for sample in samples if sample.pk not in defects], looked)
    return _reject(batch_id, [(sample, defects[sample.pk]) for sample in samples if sample.pk in defects])


def _defect_of(sample: LearningSample, looked: dict[uuid.UUID, Seen | Defect]) -> Defect | None:
    """Answer what is wrong with a sample: its image, or a box that leaves it."""
    obj = sample.object
    if obj is None:
        return Defect("not_uploaded", "Its image is gone.")
    seen = looked.get(obj.pk)
    if isinstance(seen, Defect):
        return seen
    size = (seen.facts.width, seen.facts.height) if seen else (obj.width or 0, obj.height or 0)
    quality = sample.image_quality_score if sample.image_quality_score is not None or not seen else seen.facts.quality
    if quality is not None and quality < sample.module.min_quality:
        return Defect("quality_below_threshold", f"The module takes no image below a quality of {sample.module.min_quality}.")
    try:
        annotation.check_boxes_within(sample.prediction, size)
    except annotation.BadValue as wrong:
        return Defect(wrong.code, wrong.detail)
    return None


def _register(samples: Sequence[LearningSample], looked: dict[uuid.UUID, Seen | Defect]) -> None:
    """Let verified samples into the house: settled by their city's label where that is trusted, else with a slot."""
    if not samples:
        return
    _keep_objects({sample.object for sample in samples if sample.object}, looked)
    labels = newest_city_labels(samples)
    changes, slots = [], []
    for sample in samples:
        seen = looked.get(sample.object_id) if sample.object_id else None
        if sample.image_quality_score is None and isinstance(seen, Seen):
            sample.image_quality_score = seen.facts.quality
        changes.append(apply(sample, city_verdict(sample.module.policy, sample, labels.get(sample.pk))))
        if sample.state == SampleState.PENDING:
            slots.append(ReviewSlot.opened(sample))
    LearningSample.objects.bulk_update(samples, [*SETTLED_FIELDS, "image_quality_score"], batch_size=CHUNK)
    ReviewSlot.objects.bulk_create(slots)
    announce(changes)


def _keep_objects(objects: set[StoredObject], looked: dict[uuid.UUID, Seen | Defect]) -> None:
    """Write what was seen of the objects, with a row for each thumbnail."""
    now = timezone.now()
    kept = []
    thumbnails = []
    for obj in objects:
        seen = looked.get(obj.pk)
        if obj.verified_at is not None or not isinstance(seen, Seen):
            continue
        facts = seen.facts
        obj.sha256, obj.size, obj.media_type = facts.sha256, facts.size, facts.media_type
        obj.width, obj.height, obj.etag, obj.verified_at = facts.width, facts.height, seen.etag, now
        obj.thumbnail = seen.thumbnail
        kept.append(obj)
        thumbnails.append(seen.thumbnail)
    StoredObject.objects.bulk_create(thumbnails, ignore_conflicts=True)
    StoredObject.objects.bulk_update(kept, VERIFIED_FIELDS, batch_size=CHUNK)


def _reject(batch_id: str, rejected: Sequence[tuple[LearningSample, Defect]]) -> list[str]:
    if not rejected:
        return []
    names = release_samples([sample for sample, _ in rejected])
    UploadRejection.objects.bulk_create(
        [
            UploadRejection(batch_id=batch_id, event_id=sample.event_id, reason=defect.reason, detail=defect.detail[:500])
            for sample, defect in rejected
        ],
        ignore_conflicts=True,
    )
    return names


@transaction.atomic
def _finish(batch_id: str) -> None:
    """Close the batch once nothing of it waits; the second of two workers finds it closed."""
    batch = UploadBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state != BatchState.SEALED or batch.samples.filter(state=SampleState.RECEIVED).exists():
        return
    counts = batch.counts()
    refused = counts["rejected"] and not counts["accepted"]
    batch.move(BatchState.REJECTED if refused else BatchState.REGISTERED, finished_at=timezone.now())
    record(None, "verify", batch, **counts)
