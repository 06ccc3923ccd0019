"""The verb that keeps the queue's order: each waiting slot's stored priority, written where it changed."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from learning import ordering
from learning.models import (
    AiModule,
    DailyCount,
    Measure,
    QualityCount,
    QualityMeasure,
    ReviewSlot,
    SlotKind,
    SlotState,
    Source,
)
from learning.models.policy import ReviewPolicy
from learning.models.review import PUT_FIRST, QUEUES, queue_key
from learning.ordering import Facts

AT_ONCE = 1_000
QUOTA_OVER = timedelta(days=28)
RARE_OVER = timedelta(days=182)
ORDERED = (SlotKind.NORMAL, SlotKind.CHECK, SlotKind.SENIOR, SlotKind.REWORK)
"""Gold stands where it was put."""
ROWS = {
    "postgresql": "unnest(%s::bigint[], %s::int[]) AS said(id, priority)",
    "sqlite": "(SELECT one.value AS id, other.value AS priority"
    " FROM json_each(%s) one JOIN json_each(%s) other ON one.key = other.key) AS said",
}
FREE = {"postgresql": "SELECT id FROM {table} WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED", "sqlite": ""}
"""Rows that somebody decides at this moment are let be until the next round."""
WRITE = (
    "UPDATE {table} SET priority = said.priority FROM {rows} WHERE {table}.id = said.id AND {table}.priority <> said.priority"
)


@dataclass(frozen=True)
class _Scales:
    """What is rare in a module, and which city is behind."""

    rarity: Mapping[str, float]
    need: Mapping[int, float]


def refresh(*, now: datetime | None = None) -> int:
    """Bring the order of all modules' queues up to date, in short transactions; answers how many slots were moved."""
    return sum(refresh_module(module, now=now or timezone.now()) for module in AiModule.objects.order_by("pk"))


def refresh_module(module: AiModule, *, now: datetime) -> int:
    """Bring the order of one module's queues up to date; may be stopped anywhere and run again, or twice at once."""
    policy, scales, moved = module.policy, _scales(module, now), 0
    for chunk in _waiting(module):
        order = {slot: (sample, _priority(facts, policy, scales, now)) for slot, sample, facts in chunk}
        with transaction.atomic():
            moved += _write("review_slots", {slot: number for slot, (_sample, number) in order.items()})
        with transaction.atomic():  # for the slots that are opened for the sample later
            _write("learning_samples", dict(order.values()))
    return moved


Row = tuple[int, int, Mapping[str, Any]]
READ = ("pk", "sample", "created_at", "sample__sample_id", "sample__confidence", "sample__prediction", "sample__city")


def _waiting(module: AiModule) -> Iterator[list[Row]]:
    """Answer what waits in a module's queues, in chunks; only their keys are held all at once, read from the claim's index."""
    keys = [queue_key(module.pk, queue) for queue in sorted(set(QUEUES.values()))]
    open_slots = ReviewSlot.objects.filter(queue_key__in=keys, state=SlotState.OPEN, kind__in=ORDERED)
    open_slots = open_slots.filter(priority__lt=PUT_FIRST)
    found = sorted(open_slots.order_by().values_list("pk", flat=True).iterator(chunk_size=10_000))
    for start in range(0, len(found), AT_ONCE):
        part = ReviewSlot.objects.filter(pk__among=found[start : start + AT_ONCE], state=SlotState.OPEN)
        yield [(row[0], row[1], dict(zip(READ, row, strict=True))) for row in part.order_by("pk").values_list(*READ)]


def _priority(row: Mapping[str, Any], policy: ReviewPolicy, scales: _Scales, now: datetime) -> int:
    facts = Facts(
        sample_id=row["sample__sample_id"],
        confidence=row["sample__confidence"],
        rarity=max((scales.rarity.get(name, 1.0) for name in classes_of(row["sample__prediction"])), default=0.0),
        need=scales.need.get(row["sample__city"], 1.0 if scales.need else 0.0),
        waited=now - row["created_at"],
    )
    return ordering.priority(facts, policy)


def classes_of(value: Any) -> set[str]:
    """Answer the labels of a prediction."""
    if not isinstance(value, dict):
        return set()
    labels = {value.get("label"), *(box.get("label") for box in value.get("boxes") or ())}
    return {str(label) for label in labels if label}


def _scales(module: AiModule, now: datetime) -> _Scales:
    """Read from the kept counts how frequent each class is among the truths, and of which city how much was judged lately."""
    counts = QualityCount.objects.filter(module=module, week__gte=(now - RARE_OVER).date()).order_by()
    truths: Counter[str] = Counter()
    for name, n in counts.filter(measure=QualityMeasure.PREDICTED).values_list("meant").annotate(Sum("n")):
        truths[name] += n
    days = DailyCount.objects.filter(
        module=module, day__gte=(now - QUOTA_OVER).date(), stretch__source=Source.LABELS
    ).order_by()
    said = days.filter(measure__in=[Measure.CORRECT, Measure.CHANGED, Measure.UNSURE])
    judged = dict(said.values_list("city").annotate(Sum("n")))
    return _Scales(ordering.rarities({name: n for name, n in truths.items() if name}), ordering.needs(judged))


def _write(table: str, order: Mapping[int, int]) -> int:
    """Write the priorities that differ, in the caller's transaction; answers how many did."""
    keys = sorted(order)
    numbers = [order[key] for key in keys]
    statement = WRITE.format(table=table, rows=ROWS[connection.vendor])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(FREE["postgresql"].format(table=table), [keys])
            free = [row[0] for row in cursor.fetchall()]
            cursor.execute(statement, [free, [order[key] for key in free]])
        else:
            cursor.execute(statement, [json.dumps(keys), json.dumps(numbers)])
        return max(0, int(cursor.rowcount))
