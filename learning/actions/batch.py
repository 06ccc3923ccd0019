"""Verbs on upload batches: open, seal, expire. Adding items and verifying are in item.py and verification.py."""

import hashlib
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.queue import enqueue
from core.storage import store
from learning.actions.city import require_uploader
from learning.actions.discarding import release_samples
from learning.actions.item import add_items, as_wire, take_items
from learning.actions.verification import verify
from learning.models import BatchState, City, SampleState, UploadBatch

__all__ = ["add_items", "as_wire", "expire", "manifest", "open_batch", "seal", "take_items", "verify"]

SHOWN_IDS = 20
UNSEALED_FOR = timedelta(days=7)
EARLIEST = date(2000, 1, 1)


@transaction.atomic
def open_batch(city: City, day: date, *, by: User | None, client_batch_id: str | None = None) -> tuple[UploadBatch, bool]:
    """Answer the city's open batch of `day` (its own day), or open one; tells whether it was opened now.

    A `client_batch_id` names one batch for ever: asked again, the same one is answered, whatever became of it.
    """
    require_uploader(city, by)
    if client_batch_id is not None and not 0 < len(client_batch_id) <= 120:
        raise Invalid("A client_batch_id has from 1 to 120 characters.")
    if not EARLIEST <= day <= timezone.now().astimezone(city.zone).date() + timedelta(days=1):
        raise Invalid("The day of a batch lies between 2000 and the city's tomorrow.")
    City.objects.select_for_update(no_key=True).get(pk=city.pk)  # two requests at once open one batch
    mine = UploadBatch.objects.filter(city=city)
    if client_batch_id is None:
        found = mine.filter(day=day, state=BatchState.OPEN, client_batch_id__isnull=True).first()
    else:
        found = mine.filter(client_batch_id=client_batch_id).first()
    if found:
        return found, False
    number = mine.filter(day=day).count() + 1
    name = f"batch_{city.slug}_{day:%Y%m%d}" + (f"-{number}" if number > 1 else "")
    batch = UploadBatch.objects.create(id=name, city=city, day=day, number=number, client_batch_id=client_batch_id)
    record(by, "open", batch)
    return batch, True


@transaction.atomic
def seal(batch: UploadBatch, *, by: User | None, items: int, sha256: str) -> UploadBatch:
    """Close a batch over its accepted items, of which the client names count and hash, and have them verified.

    Raises Conflict with the hub's own count, hash and first ids where the client's differ; the batch then stays open.
    """
    require_uploader(batch.city, by)
    City.objects.select_for_update(no_key=True).get(pk=batch.city_id)  # no item comes in while we count
    batch.refresh_from_db()
    if batch.state in {BatchState.SEALED, BatchState.REGISTERED, BatchState.REJECTED}:
        if (items, sha256) != (batch.item_count, batch.sha256):
            raise Conflict(
                f"{batch.id} was sealed already, over other items.", facts=_facts(batch.item_count, batch.sha256, [])
            )
        return batch
    ids, digest = manifest(batch)
    if (items, sha256) != (len(ids), digest):
        raise Conflict(
            f"{batch.id} holds {len(ids)} items of another hash; compare the accepted items and add what is lacking.",
            code="manifest_mismatch",
            facts=_facts(len(ids), digest, ids),
        )
    batch.move(BatchState.SEALED, sealed_at=timezone.now(), item_count=items, sha256=sha256)
    record(by, "seal", batch, items=items)
    enqueue("learning.tasks.verify_batch", batch.pk)
    return batch


def manifest(batch: UploadBatch) -> tuple[list[str], str]:
    """Answer the event ids a batch holds, in order, and the hash of its lines.

    A line is `event_id:sha256`, or `event_id:image_reference`; they are sorted by their UTF-8 bytes, each ended by a line feed.
    """
    rows = batch.samples.values_list("event_id", "object__sha256", "object__name", "by_reference")
    spell = store().reference
    lines = sorted(
        (f"{event}:{spell(name) if by_reference else sha256}\n".encode(), event) for event, sha256, name, by_reference in rows
    )
    digest = hashlib.sha256()
    for line, _ in lines:
        digest.update(line)
    return [event for _, event in lines], digest.hexdigest()


@transaction.atomic
def expire(batch: UploadBatch, *, by: User | None) -> list[str]:
    """Give up a batch that nobody sealed for seven days: its event ids become free.

    Answers the names of the objects that nothing holds any more, to be removed from the store after commit.
    """
    if by is not None:
        require(by, Permission.MANAGE_CITIES, batch)
    if batch.opened_at > timezone.now() - UNSEALED_FOR:
        raise Conflict(f"{batch.id} is not seven days old.")
    batch.move(BatchState.EXPIRED, finished_at=timezone.now())
    waiting = list(batch.samples.filter(state=SampleState.RECEIVED).select_related("object"))
    record(by, "expire", batch, items=len(waiting))
    return release_samples(waiting)


def _facts(items: int, sha256: str, ids: list[str]) -> dict[str, object]:
    return {"items": items, "sha256": sha256, "first_ids": ids[:SHOWN_IDS]}
