"""Keeping what edges measure of the versions they run: sums by the hour, which rollouts and pages look at."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from core import prepared
from deployments import health
from deployments.models import EdgeSlot, EdgeTelemetry

KEPT_FOR = timedelta(days=90)
AT_ONCE = 10_000
MOST_VERSIONS = 8
"""Of one module in one heartbeat; an edge runs two."""


def keep_measured(edge: int, modules: Mapping[str, int], told: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Add what an edge measured of the versions of these modules (by slug), in the caller's transaction.

    A note with a `since` that is in the sums already was told before, by a heartbeat whose answer was lost: it counts once.
    """
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for slug in modules.keys() & told.keys():
        notes = [note for note in told[slug] if note.get("kind") == "answered" and note.get("version")]
        for note in notes[:MOST_VERSIONS]:
            _add(edge, modules[slug], str(note["version"])[:40], hour, note)


def keep_nothing_else(edge: int, told: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    """Keep what an edge measured that says nothing else new, in the caller's transaction: most of what a fleet writes.

    Answers False, and has kept nothing, where it measured of a module that has no slot here.
    """
    slots = {slot["module__slug"]: slot for slot in _SLOTS.rows(edge=edge)}
    if not told.keys() <= slots.keys():
        return False
    keep_measured(edge, {slug: slots[slug]["module_id"] for slug in told}, told)
    for slug, entries in told.items():
        prepared.update(EdgeSlot, {"pk": slots[slug]["pk"]}, {"telemetry": list(entries), "telemetry_at": timezone.now()})
    return True


def forget_measured() -> int:
    """Delete what is older than 90 days, some at a time; answers how many rows went."""
    old = EdgeTelemetry.objects.filter(hour__lt=timezone.now() - KEPT_FOR).order_by("hour")
    return EdgeTelemetry.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:AT_ONCE])).delete()[0]


def _add(edge: int, module: int, version: str, hour: datetime, note: Mapping[str, Any]) -> None:
    since = str(note.get("since", ""))[:40]
    row = _NEWEST.first(edge=edge, module=module, version=version)
    if since and row is not None and since <= row.last:
        return
    if row is None or row.hour != hour:
        row = _begun(edge, module, version, hour, row.last if row is not None else "")
        if since and since <= row.last:
            return
    known = health.read(row.measured)
    known.add(health.read(note))
    prepared.update(EdgeTelemetry, {"pk": row.pk}, {"measured": known.as_document(), "last": since or row.last})


def _begun(edge: int, module: int, version: str, hour: datetime, last: str) -> EdgeTelemetry:
    """Answer the locked sum of this hour, which another heartbeat of the same edge may begin at the same moment."""
    place = {"edge_server_id": edge, "module_id": module, "version": version}
    return EdgeTelemetry.objects.select_for_update().get_or_create(**place, hour=hour, defaults={"last": last})[0]


def _newest(edge: int, module: int, version: str) -> QuerySet[EdgeTelemetry]:
    sums = EdgeTelemetry.objects.filter(edge_server=edge, module=module, version=version)
    return sums.select_for_update().order_by("-hour")[:1]


def _slots(edge: int) -> "QuerySet[EdgeSlot, Any]":
    return EdgeSlot.objects.filter(edge_server=edge).values("pk", "module_id", "module__slug")


_SLOTS = prepared.PreparedValues(_slots, edge=int)
_NEWEST = prepared.Prepared(_newest, edge=int, module=int, version=str)
