"""Figures of the store, read from the counts that are kept: sums of days, corrections of cities, what objects cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet, Sum

from accounts.models import User
from learning.models import City, DailyCount, Measure, Source, StorageCount, Stretch
from learning.proportion import Proportion

GIB = 2**30
STANDARD = "STANDARD"
LABELS = (Measure.CORRECT, Measure.CHANGED, Measure.UNSURE)


@dataclass(frozen=True)
class Period:
    """Days from `since` to `until`, both included."""

    since: date
    until: date

    def counts(self, user: User, cities: Iterable[City] | None = None) -> QuerySet[DailyCount]:
        """Answer the counts of these days that a user sees, of these cities where some are named."""
        rows = DailyCount.objects.visible_to(user).filter(day__gte=self.since, day__lte=self.until)
        return rows if cities is None else rows.filter(city__in=list(cities))


def funnel(counts: QuerySet[DailyCount]) -> dict[str, int]:
    """Answer how many were sent, accepted, verified and registered, were there already, and were rejected."""
    sums = dict(counts.order_by().values_list("measure").annotate(Sum("n")))
    accepted, rejected = sums.get(Measure.ACCEPTED, 0), sums.get(Measure.REJECTED, 0)
    return {
        "sent": accepted + rejected,
        "accepted": accepted,
        "verified": sums.get(Measure.VERIFIED, 0),
        "registered": sums.get(Measure.REGISTERED, 0),
        "duplicate": sums.get(Measure.DUPLICATE, 0),
        "rejected": rejected,
    }


def reasons(counts: QuerySet[DailyCount]) -> list[tuple[str, int]]:
    """Answer why how many were rejected, the most frequent reason first."""
    rejected = counts.filter(measure=Measure.REJECTED).order_by()
    return sorted(rejected.values_list("reason").annotate(Sum("n")), key=lambda row: (-row[1], row[0]))


def corrections(counts: QuerySet[DailyCount], by: str) -> dict[Any, Proportion]:
    """Answer the share of labels that changed the prediction, per value of the column `by` (city, day …)."""
    sums: dict[Any, dict[str, int]] = {}
    for key, measure, n in counts.filter(measure__in=LABELS).order_by().values_list(by, "measure").annotate(Sum("n")):
        sums.setdefault(key, {})[measure] = n
    return {key: Proportion(row.get(Measure.CHANGED, 0), sum(row.values())) for key, row in sums.items()}


def corrections_by_week(counts: QuerySet[DailyCount]) -> list[tuple[date, Proportion]]:
    """Answer the correction rate of each week (by its Monday), in order; weeks without a label are left out."""
    weeks: dict[date, tuple[int, int]] = {}
    for day, rate in corrections(counts, "day").items():
        monday = day - timedelta(days=day.weekday())
        hits, n = weeks.get(monday, (0, 0))
        weeks[monday] = (hits + rate.hits, n + rate.n)
    return [(monday, Proportion(*weeks[monday])) for monday in sorted(weeks)]


def per_day(counts: QuerySet[DailyCount]) -> dict[date, dict[str, int]]:
    """Answer day → how many samples were accepted and how many labels were made, in order; only days with any."""
    days: dict[date, dict[str, int]] = {}
    wanted = counts.filter(measure__in=[Measure.ACCEPTED, *LABELS]).order_by()
    for day, measure, n in wanted.values_list("day", "measure").annotate(Sum("n")):
        row = days.setdefault(day, {"samples": 0, "labels": 0})
        row["samples" if measure == Measure.ACCEPTED else "labels"] += n
    return dict(sorted(days.items()))


def counted_at(source: Source) -> datetime | None:
    """Answer when the newest rows of a table were counted last."""
    newest = Stretch.objects.filter(source=source).order_by("-number")[:2]
    return min((stretch.refreshed_at for stretch in newest if stretch.refreshed_at), default=None)


@dataclass(frozen=True)
class Held:
    """What a storage class holds; `cost` is per month, None where no price is set."""

    storage_class: str
    objects: int
    bytes: int
    cost: Decimal | None


def held_by_class(day: date) -> list[Held]:
    """Answer what the store held on a day in each class, with what that costs a month."""
    rows = StorageCount.objects.filter(day=day).order_by("storage_class").values_list("storage_class")
    return [
        Held(name or STANDARD, objects, size, cost_of(name, size, settings.STORE_PRICES))
        for name, objects, size in rows.annotate(Sum("objects_held"), Sum("bytes_held"))
    ]


def cost_of(storage_class: str, size: int, prices: Mapping[str, Decimal]) -> Decimal | None:
    """Answer what `size` bytes of a class cost a month, to the cent; None without a price."""
    price = prices.get(storage_class or STANDARD)
    return None if price is None else (Decimal(size) / GIB * price).quantize(Decimal("0.01"), ROUND_HALF_UP)


def sum_of(costs: Sequence[Held]) -> Decimal | None:
    """Answer what all classes cost together; None where a price is missing."""
    known = [held.cost for held in costs if held.cost is not None]
    return sum(known, Decimal(0)) if costs and len(known) == len(costs) else None
