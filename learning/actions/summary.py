"""Verbs that keep the counts which pages read: stretch by stretch of samples, labels and rejections, and of the store."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, DateField, F, Manager, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from learning.models import (
    BatchState,
    City,
    DailyCount,
    HitlLabel,
    LabelStatus,
    LearningSample,
    Measure,
    SampleState,
    Source,
    StorageCount,
    StoredObject,
    Stretch,
    UploadRejection,
)
from learning.models.batch import DUPLICATE
from learning.models.label import LabelSource
from learning.models.summary import STRETCH

NEWEST, OLDEST, MOST = 2, 4, 40
"""How many stretches a round counts of each table: the newest, those that waited longest, and never counted ones at most."""
OBJECTS_AT_ONCE = 20_000
Counted = Iterator[DailyCount]


def refresh() -> int:
    """Count anew what is new, and a part of what is old; answers how many stretches were counted.

    What is new is true after each round; a change in old rows shows once their turn has come.
    """
    return sum(refresh_source(source) for source in Source)


def refresh_source(source: Source) -> int:
    """Count the due stretches of one table."""
    due = _due(source)
    for number in due:
        refresh_stretch(source, number)
    return len(due)


@transaction.atomic
def refresh_stretch(source: Source, number: int) -> None:
    """Replace the counts of one stretch; a second worker waits, and counts it again."""
    Stretch.objects.get_or_create(source=source, number=number)
    stretch = Stretch.objects.select_for_update().get(source=source, number=number)
    began = timezone.now()
    table, count = COUNTED[source]
    rows = table.filter(pk__gte=number * STRETCH, pk__lt=(number + 1) * STRETCH)
    fresh = list(count(stretch, rows))
    stretch.counts.all().delete()
    DailyCount.objects.bulk_create(fresh, batch_size=1_000)
    Stretch.objects.filter(pk=stretch.pk).update(refreshed_at=began)


def count_storage() -> int:
    """Count today (UTC) what the store holds by class and kind, in chunks; answers how many objects."""
    held: Counter[tuple[str, str]] = Counter()
    weighed: Counter[tuple[str, str]] = Counter()
    for rows in _objects():
        counted = rows.order_by().values_list("storage_class", "kind").annotate(Count("pk"), Sum("size"))
        for storage_class, kind, number, size in counted:
            held[storage_class, kind] += number
            weighed[storage_class, kind] += size or 0
    today = timezone.now().date()
    with transaction.atomic():
        StorageCount.objects.filter(day=today).delete()
        StorageCount.objects.bulk_create(
            StorageCount(day=today, storage_class=key[0], kind=key[1], objects_held=n, bytes_held=weighed[key])
            for key, n in sorted(held.items())
        )
    return held.total()


def _due(source: Source) -> list[int]:
    """Answer the numbers of the stretches to count now, the newest first."""
    highest = COUNTED[source][0].aggregate(highest=Max("pk"))["highest"]
    if highest is None:
        return list(
            Stretch.objects.filter(source=source, counts__isnull=False).distinct().values_list("number", flat=True)[:MOST]
        )
    last = highest // STRETCH
    known = dict(Stretch.objects.filter(source=source).values_list("number", "refreshed_at"))
    newest = list(range(last, max(-1, last - NEWEST), -1))
    unknown = [number for number in range(last, -1, -1) if number not in known and number not in newest][:MOST]
    waiting = sorted((at or timezone.now(), number) for number, at in known.items() if number not in newest)
    return [*newest, *unknown, *(number for _, number in waiting[:OLDEST])]


def _count_samples(stretch: Stretch, rows: QuerySet[LearningSample]) -> Counted:
    verified = ~Q(state=SampleState.RECEIVED)
    registered = verified & (Q(batch__isnull=True) | Q(batch__state=BatchState.REGISTERED))
    measures = {
        Measure.ACCEPTED: Count("pk"),
        Measure.VERIFIED: Count("pk", filter=verified),
        Measure.REGISTERED: Count("pk", filter=registered),
    }
    for zone, cities in _cities_by_zone():
        arrived = TruncDate("received_at", tzinfo=zone)
        days = rows.filter(city__in=cities).annotate(on=Coalesce("batch__day", arrived, output_field=DateField()))
        yield from _rows(stretch, days.values("city", "module", "on").annotate(**measures).order_by(), measures)


def _count_labels(stretch: Stretch, rows: QuerySet[HitlLabel]) -> Counted:
    standing = rows.filter(superseded_by__isnull=True, withdrawn_at__isnull=True).exclude(label_source=LabelSource.GOLD)
    said = {
        Measure.CORRECT: Count("pk", filter=Q(label_status=LabelStatus.CORRECT)),
        Measure.CHANGED: Count("pk", filter=Q(label_status=LabelStatus.CHANGED)),
        Measure.UNSURE: Count("pk", filter=Q(label_status=LabelStatus.UNSURE)),
    }
    for zone, cities in _cities_by_zone():
        days = standing.filter(city__in=cities).annotate(on=TruncDate("labeled_at", tzinfo=zone), module=F("sample__module"))
        yield from _rows(stretch, days.values("city", "module", "on").annotate(**said).order_by(), said)


def _count_rejections(stretch: Stretch, rows: QuerySet[UploadRejection]) -> Counted:
    counted = rows.values("batch__city", "batch__day", "reason").annotate(n=Count("pk")).order_by()
    for row in counted:
        is_known = row["reason"] == DUPLICATE
        yield DailyCount(
            stretch=stretch,
            day=row["batch__day"],
            city_id=row["batch__city"],
            measure=Measure.DUPLICATE if is_known else Measure.REJECTED,
            reason="" if is_known else row["reason"],
            n=row["n"],
        )


COUNTED: dict[Source, tuple[Manager[Any], Callable[[Stretch, Any], Counted]]] = {
    Source.SAMPLES: (LearningSample.objects, _count_samples),
    Source.LABELS: (HitlLabel.objects, _count_labels),
    Source.REJECTIONS: (UploadRejection.objects, _count_rejections),
}


def _rows(stretch: Stretch, counted: Any, measures: Mapping[Measure, Any]) -> Counted:
    for row in counted:
        for measure in measures:
            if row[measure]:
                facts = {"day": row["on"], "city_id": row["city"], "module_id": row["module"]}
                yield DailyCount(stretch=stretch, measure=measure, n=row[measure], **facts)


def _cities_by_zone() -> list[tuple[ZoneInfo, list[int]]]:
    """Answer the time zones in use, each with its cities: there are few, and a day begins with its zone."""
    zones: dict[str, list[int]] = {}
    for key, name in City.objects.values_list("pk", "timezone"):
        zones.setdefault(name, []).append(key)
    return [(ZoneInfo(name), cities) for name, cities in zones.items()]


def _objects() -> Iterator[QuerySet[StoredObject]]:
    """Answer the objects that take up room, chunk by chunk of their keys."""
    rows = StoredObject.objects.filter(purged_at__isnull=True)
    last: Any = None
    while True:
        behind = rows.filter(pk__gt=last) if last is not None else rows
        ends = behind.order_by("pk").values_list("pk", flat=True)[OBJECTS_AT_ONCE - 1 : OBJECTS_AT_ONCE]
        end = next(iter(ends), None)
        yield behind if end is None else behind.filter(pk__lte=end)
        if end is None:
            return
        last = end
