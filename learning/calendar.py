"""The calendar of deliveries: for each city and each of its own days, what came, came late, or is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Min, OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from learning.models import BatchState, City, UploadBatch

DAYS = 35


@dataclass(frozen=True)
class Look:
    """How a day is shown: its shape and tone, a letter's worth of word for the legend and the reader."""

    name: str
    tone: str
    word: Any


IN = Look("in", "good", _("in"))
COMING = Look("coming", "running", _("on its way"))
LATE = Look("late", "waiting", _("late"))
REFUSED = Look("refused", "bad", _("rejected whole"))
MISSING = Look("missing", "bad", _("missing"))
QUIET = Look("quiet", "over", _("nothing expected"))
LEGEND = (IN, LATE, COMING, MISSING, REFUSED, QUIET)


@dataclass(frozen=True)
class Cell:
    """One day of one city."""

    day: date
    look: Look
    batches: int


@dataclass(frozen=True)
class Row:
    """One city with its cells, oldest first."""

    city: City
    cells: Sequence[Cell]


def calendar(cities: Sequence[City], now: datetime) -> tuple[list[date], list[Row]]:
    """Answer the days, oldest first, and a row for each city, whose last days may not have begun yet (no look: quiet)."""
    today = max((now.astimezone(city.zone).date() for city in cities), default=now.date())
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    came = _came(cities, days[0])
    return days, [Row(city, [_cell(city, day, came.get(city.pk, {}), now) for day in days]) for city in cities]


@dataclass(frozen=True)
class _Day:
    batches: int
    states: frozenset[str]
    sealed_at: datetime | None


NOTHING = _Day(0, frozenset(), None)


def _came(cities: Sequence[City], since: date) -> dict[int, dict[date, _Day]]:
    """Count the batches of these cities by day, and name the last day before; what nobody sealed in time is as if it never came."""
    rows = UploadBatch.objects.exclude(state=BatchState.EXPIRED)
    shown = rows.filter(city__in=cities, day__gte=since).order_by()
    days: dict[int, dict[date, _Day]] = {}
    for city, day, state, count, sealed_at in shown.values_list("city", "day", "state").annotate(Count("pk"), Min("sealed_at")):
        known = days.setdefault(city, {}).get(day, NOTHING)
        first = min(filter(None, (known.sealed_at, sealed_at)), default=None)
        days[city][day] = _Day(known.batches + count, known.states | {state}, first)
    earlier = rows.filter(city=OuterRef("pk"), day__lt=since).order_by("-day").values("day")[:1]
    expected = City.objects.filter(pk__in=[city.pk for city in cities], expected_every__isnull=False)
    for city, last in expected.order_by().annotate(last=Subquery(earlier)).values_list("pk", "last"):
        if last is not None:
            days.setdefault(city, {})[last] = NOTHING
    return days


def _cell(city: City, day: date, came: Mapping[date, _Day], now: datetime) -> Cell:
    if found := came.get(day):
        return Cell(day, _look(city, day, found), found.batches)
    return Cell(day, MISSING if _is_missing(city, day, came, now) else QUIET, 0)


def _look(city: City, day: date, found: _Day) -> Look:
    """Say how a day's batches stand: late is what was sealed after the city's next day was over."""
    if BatchState.REGISTERED in found.states:
        is_late = found.sealed_at and found.sealed_at.astimezone(city.zone).date() > day + timedelta(days=1)
        return LATE if is_late else IN
    return COMING if found.states & {BatchState.OPEN, BatchState.SEALED} else REFUSED


def _is_missing(city: City, day: date, came: Mapping[date, _Day], now: datetime) -> bool:
    """Tell whether a batch was expected by the end of `day`, which is over, since the last one or the city's making."""
    today = now.astimezone(city.zone).date()
    if city.expected_every is None or day >= today:
        return False
    made = city.created_at.astimezone(city.zone).date()
    last = max((other for other in came if other < day), default=made - timedelta(days=1))
    return day >= made and day - last >= max(city.expected_every, timedelta(days=1))
