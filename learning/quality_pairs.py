"""What two people say of the same samples, and in which modules people agree less than they did; read from the counts kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import F, Q, QuerySet, Sum

from learning import agreement
from learning.models import AiModule, QualityCount, QualityMeasure
from learning.proportion import ENOUGH, Proportion

PAIRS_SHOWN = 30
BEFORE = 4
"""So many weeks are what a week is held against."""
WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class PairAgreement:
    """How two people agree: `alike` in all, and on classes beyond chance by Cohen's kappa, with its 95 % interval.

    Of texts, and where both always said the same, there is nothing beyond chance to speak of: None.
    """

    one: int
    other: int
    alike: Proportion
    kappa: float | None
    low: float | None
    high: float | None


def pair_agreements(rows: QuerySet[QualityCount]) -> list[PairAgreement]:
    """Answer the pairs of people with enough samples in common, those that agree least first; of many, those with most."""
    pairs = rows.filter(measure=QualityMeasure.PAIR, person__lt=F("other")).order_by()
    often = pairs.values_list("person", "other").annotate(shared=Sum("n"), alike=Sum("hits")).filter(shared__gte=ENOUGH)
    known = {(one, other): Proportion(hits, n) for one, other, n, hits in often.order_by("-shared", "person")[:PAIRS_SHOWN]}
    said: dict[tuple[int, int], dict[tuple[str, str], int]] = {pair: {} for pair in known}
    if known:
        shown = Q(*(Q(person=one, other=other) for one, other in known), _connector=Q.OR)
        for one, other, first, second, n in (
            pairs.filter(shown).values_list("person", "other", "said", "meant").annotate(Sum("n"))
        ):
            said[one, other][first, second] = n
    return sorted((_told(*pair, alike, said[pair]) for pair, alike in known.items()), key=lambda row: row.alike.share or 0)


def _told(one: int, other: int, alike: Proportion, said: dict[tuple[str, str], int]) -> PairAgreement:
    """Answer a pair; the interval of kappa is that of the share on whose class they agree, less chance."""
    same = Proportion(sum(n for (first, second), n in said.items() if first == second), sum(said.values()))
    low, high = (agreement.beyond_chance(end, said) for end in same.interval)
    return PairAgreement(one, other, alike, agreement.cohen(said), low, high)


@dataclass(frozen=True)
class Falling:
    """A module in which people agree less than before: the pairs of the week, and of the weeks before it."""

    module: AiModule
    week: date
    now: Proportion
    before: Proportion


def falling(modules: Collection[AiModule], today: date) -> list[Falling]:
    """Answer the modules whose agreement falls, the deepest fall first.

    The newest week with enough pairs, this one or the last, is held against the four before it: its whole 95 % interval must
    lie below their share, so that chance alone seldom raises it.
    """
    monday = today - timedelta(days=today.weekday())
    since = monday - (BEFORE + 1) * WEEK
    rows = QualityCount.objects.filter(module__in=modules, measure=QualityMeasure.PAIR, person__isnull=False, week__gte=since)
    weeks: dict[int, dict[date, tuple[int, int]]] = {}
    for module, week, n, hits in rows.order_by().values_list("module", "week").annotate(Sum("n"), Sum("hits")):
        weeks.setdefault(module, {})[week] = (hits // 2, n // 2)  # a pair is counted from the side of either
    found = (_fallen(module, weeks.get(module.pk, {}), monday) for module in modules)
    return sorted((row for row in found if row), key=lambda row: (row.now.share or 0) - (row.before.share or 0))


def _fallen(module: AiModule, weeks: dict[date, tuple[int, int]], monday: date) -> Falling | None:
    for week in (monday, monday - WEEK):
        now = Proportion(*weeks.get(week, (0, 0)))
        if now.is_enough:
            earlier = [weeks.get(week - back * WEEK, (0, 0)) for back in range(1, BEFORE + 1)]
            before = Proportion(sum(hits for hits, _ in earlier), sum(n for _, n in earlier))
            has_fallen = before.is_enough and now.high < (before.share or 0)
            return Falling(module, week, now, before) if has_fallen else None
    return None
