"""What of deliveries was not taken, row by row."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from learning.models import UploadBatch, UploadRejection
from learning.models.batch import DUPLICATE

CHUNK = 2_000
BATCHES = 200
HEAD = ("batch", "day", "event_id", "reason", "detail", "rejected_at")


def rejected_rows(batches: QuerySet[UploadBatch], reason: str = "") -> Iterator[Sequence[Any]]:
    """Answer what was rejected in these batches (for one reason, where it is named), chunk by chunk, after a head."""
    yield HEAD
    last = ""
    while keys := list(batches.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCHES]):
        rows = UploadRejection.objects.filter(batch__in=keys).exclude(reason=DUPLICATE)
        if reason and "\x00" not in reason:
            rows = rows.filter(reason=reason)
        yield from _rows(rows)
        last = keys[-1]


def _rows(rows: QuerySet[UploadRejection]) -> Iterator[Sequence[Any]]:
    last = 0
    columns = ("id", "batch_id", "batch__day", "event_id", "reason", "detail", "created_at")
    while found := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:CHUNK]):
        for _key, batch, day, event_id, why, detail, at in found:
            yield batch, day.isoformat(), event_id, why, detail, at.isoformat(timespec="seconds")
        last = found[-1][0]
