"""Keeping what edges measure of the versions they run: sums by the hour, which rollouts and pages look at."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from deployments import health
from deployments.models import EdgeServer, EdgeSlot, EdgeTelemetry

KEPT_FOR = timedelta(days=90)
AT_ONCE = 10_000
MOST_VERSIONS = 8
"""Of one module in one heartbeat; an edge runs two."""


def keep_measured(edge: EdgeServer, slots: Sequence[EdgeSlot], told: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Add what a heartbeat measured of the versions of these slots, in the caller's transaction.

    A note with a `since` that is in the hour's sum already was told before, by a heartbeat whose answer was lost: it counts once.
    """
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for slot in slots:
        notes = [note for note in told.get(slot.module.slug, ()) if note.get("kind") == "answered" and note.get("version")]
        for note in notes[:MOST_VERSIONS]:
            _add(edge, slot, str(note["version"])[:40], hour, note)


def forget_measured() -> int:
    """Delete what is older than 90 days, some at a time; answers how many rows went."""
    old = EdgeTelemetry.objects.filter(hour__lt=timezone.now() - KEPT_FOR).order_by("hour")
    return EdgeTelemetry.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:AT_ONCE])).delete()[0]


def _add(edge: EdgeServer, slot: EdgeSlot, version: str, hour: Any, note: Mapping[str, Any]) -> None:
    since = str(note.get("since", ""))[:40]
    place: dict[str, Any] = {"edge_server": edge, "module": slot.module, "version": version}
    row, is_new = EdgeTelemetry.objects.select_for_update().get_or_create(**place, hour=hour)
    if since and since <= row.last:
        return
    if is_new and since and EdgeTelemetry.objects.filter(**place, last__gte=since).exists():
        row.delete()
        return
    known = health.read(row.measured)
    known.add(health.read(note))
    row.measured, row.last = known.as_document(), since or row.last
    row.save(update_fields=["measured", "last"])
