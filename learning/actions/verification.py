"""Verifying a sealed batch: every image is read whole before anyone sees it.

The batch is cut into chunks that any number of workers claim. Images are looked at outside any transaction, then one
transaction writes the chunk. Each write asks again whether a sample is still in state received, so that a worker may be
killed anywhere and another run again; what is done stays done.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.event import record
from core.queue import enqueue
from core.storage import ObjectMissing, store
from learning import annotation, images
from learning.actions import registering
from learning.actions.discarding import discard, release_samples, remove_discarded
from learning.actions.registering import Found, Seen, Thumbnails
from learning.defects import Defect
from learning.images import Limits
from learning.models import (
    BatchState,
    City,
    LearningSample,
    SampleState,
    StoredObject,
    UploadBatch,
    UploadRejection,
    VerificationChunk,
)

CHUNK = 200
CLAIMED_FOR = timedelta(minutes=2)
HELD_EVERY = 30.0
"""Seconds after which a worker says again that it has a chunk."""
HELPERS = 8
"""How many further workers are woken for a batch, at most."""
GONE = Defect("not_uploaded", "Its image is gone.")
Judged = Mapping[int, Defect | None]
"""What is wrong with samples, by their keys."""
Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Looked:
    """What is known of a chunk's objects before it is written: seen or defective, by their keys."""

    found: Found

    def defect_of(self, sample: LearningSample) -> Defect | None:
        """Answer what is wrong with a sample: its image, its quality, or a box that leaves it."""
        obj = sample.object
        if obj is None:
            return GONE
        seen = self.found.get(obj.pk)
        if isinstance(seen, Defect):
            return seen
        size = (seen.facts.width, seen.facts.height) if seen else (obj.width or 0, obj.height or 0)
        told = sample.image_quality_score
        quality = told if told is not None or not seen else seen.facts.quality
        least = sample.module.min_quality
        if quality is not None and quality < least:
            return Defect("quality_below_threshold", f"The module takes no image below a quality of {least}.")
        try:
            annotation.check_boxes_within(sample.prediction, size)
        except annotation.BadValue as wrong:
            return Defect(wrong.code, wrong.detail)
        return None


def verify(batch_id: str) -> None:
    """Verify what of a sealed batch is in no other worker's hands; any number of workers may do so at once.

    Raises core.storage.StoreError where the store does not answer; the sweeper will try again.
    """
    if not UploadBatch.objects.sealed().filter(pk=batch_id).exists():
        return
    _cut(batch_id)
    with ThreadPoolExecutor(settings.DECODERS + 2, thread_name_prefix="verify") as pool:
        while chunk := _claim(batch_id):
            try:
                _verify_chunk(chunk, pool)
            except BaseException:
                VerificationChunk.objects.filter(pk=chunk.pk).update(claimed_until=None)
                raise
    _finish(batch_id)


@transaction.atomic
def _cut(batch_id: str) -> None:
    """Cut a batch into chunks, once, and wake further workers for them."""
    UploadBatch.objects.select_for_update().get(pk=batch_id)
    if VerificationChunk.objects.filter(batch=batch_id).exists():
        return
    waiting = LearningSample.objects.filter(batch=batch_id, state=SampleState.RECEIVED).order_by("id")
    keys = list(waiting.values_list("id", flat=True))
    parts = [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]
    VerificationChunk.objects.bulk_create(VerificationChunk(batch_id=batch_id, first=part[0], last=part[-1]) for part in parts)
    for _ in parts[1 : 1 + HELPERS]:
        enqueue("learning.tasks.verify_batch", batch_id)


@transaction.atomic
def _claim(batch_id: str) -> VerificationChunk | None:
    free = VerificationChunk.objects.free().filter(batch=batch_id).order_by("id")
    if connection.features.has_select_for_update_skip_locked:
        free = free.select_for_update(skip_locked=True)  # on SQLite the write lock of the transaction keeps others out
    chunk = free.first()
    if chunk is not None:
        _hold(chunk)
    return chunk


def _hold(chunk: VerificationChunk) -> None:
    VerificationChunk.objects.filter(pk=chunk.pk).update(claimed_until=timezone.now() + CLAIMED_FOR)


def _verify_chunk(chunk: VerificationChunk, pool: ThreadPoolExecutor) -> None:
    of_batch = LearningSample.objects.filter(batch=chunk.batch_id, state=SampleState.RECEIVED)
    samples = list(of_batch.filter(pk__range=(chunk.first, chunk.last)).select_related("object", "module").order_by("id"))
    objects = {sample.object_id: sample.object for sample in samples if sample.object}
    pending = [obj for obj in objects.values() if obj.verified_at is None]
    each = partial(_each, pool, chunk)
    found = Looked(dict(zip([obj.pk for obj in pending], each(_look, pending), strict=True)))
    defects = {sample.pk: found.defect_of(sample) for sample in samples}
    taken = {sample.object_id for sample in samples if defects[sample.pk] is None}
    seen = [(obj, one) for obj in pending if obj.pk in taken and isinstance(one := found.found[obj.pk], Seen)]
    thumbnails = dict(zip([obj.pk for obj, _ in seen], each(registering.store_thumbnail, seen), strict=True))
    remove_discarded(_write(chunk, defects, found.found, thumbnails))


def _each(
    pool: ThreadPoolExecutor, chunk: VerificationChunk, function: Callable[[Argument], Result], rows: Sequence[Argument]
) -> list[Result]:
    """Call `function` for each row in threads, and answer the results in order; the claim is held for as long as it takes."""
    waiting = [pool.submit(function, row) for row in rows]
    try:
        while wait(waiting, timeout=HELD_EVERY).not_done:
            _hold(chunk)
        return [done.result() for done in waiting]
    finally:
        for future in waiting:
            future.cancel()


def _look(obj: StoredObject) -> Seen | Defect:
    """Read one object from the store and look at it whole; runs in a thread, outside transactions."""
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
    return Seen(facts, stat.etag)


@transaction.atomic
def _write(chunk: VerificationChunk, judged: Judged, found: Found, thumbnails: Thumbnails) -> list[str]:
    """Write what was seen of a chunk; answers the names of the objects to be removed from the store.

    The city's lock comes first, as it does where items come in: two workers would not see each other's near-duplicates.
    """
    batch = UploadBatch.objects.select_related("city").get(pk=chunk.batch_id)
    City.objects.select_for_update(no_key=True).get(pk=batch.city_id)
    waiting = LearningSample.objects.select_for_update(of=("self",)).filter(pk__in=judged, state=SampleState.RECEIVED)
    samples = list(waiting.select_related("object", "module").order_by("id"))
    defects = {sample.pk: judged[sample.pk] if sample.object else GONE for sample in samples}
    kept = [sample for sample in samples if defects[sample.pk] is None]
    registering.register(batch.city, kept, found, thumbnails)
    names = _reject(batch, [(sample, defect) for sample in samples if (defect := defects[sample.pk])])
    names += _unheld(thumbnails)
    VerificationChunk.objects.filter(pk=chunk.pk).delete()
    UploadBatch.objects.filter(pk=batch.pk).update(verified_count=F("verified_count") + len(samples))
    return names


def _unheld(thumbnails: Thumbnails) -> list[str]:
    """Discard the thumbnails whose images were given up meanwhile."""
    names = {thumbnail.name for thumbnail in thumbnails.values()}
    unheld = sorted(names.difference(StoredObject.objects.filter(name__in=names).values_list("name", flat=True)))
    discard(unheld)
    return unheld


def _reject(batch: UploadBatch, rejected: Sequence[tuple[LearningSample, Defect]]) -> list[str]:
    if not rejected:
        return []
    names = release_samples([sample for sample, _ in rejected])
    UploadRejection.objects.bulk_create(
        [
            UploadRejection(batch=batch, event_id=sample.event_id, reason=defect.reason, detail=defect.detail[:500])
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
