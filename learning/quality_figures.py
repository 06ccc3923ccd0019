"""Figures of quality, read from the counts that are kept: people by week, confusion, corrections by city and model, agreement."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum

from learning import agreement
from learning.models import AiModule, QualityCount, QualityMeasure
from learning.proportion import Proportion

M = QualityMeasure
CONFUSED = 12
"""So many classes or characters a table of confusion shows: those that are confused most."""


def counts(module: AiModule, since: date, until: date) -> QuerySet[QualityCount]:
    """Answer a module's counts of the weeks that begin within these days."""
    return QualityCount.objects.filter(module=module, week__gte=since, week__lte=until)


@dataclass(frozen=True)
class PersonWeek:
    """How one person judged in one week."""

    person: int
    week: date
    judged: int
    seconds: float | None
    gold: Proportion
    checked: Proportion
    returned: int
    agreement: Proportion
    right: Proportion
    overlap: float | None
    errors: Proportion

    @property
    def ends(self) -> date:
        """The week's last day."""
        return self.week + timedelta(days=6)


def by_person(rows: QuerySet[QualityCount]) -> list[PersonWeek]:
    """Answer each person's weeks, the newest first; agreement is with whoever judged the same, `right` with the truth."""
    sums = _sums(rows.filter(person__isnull=False), "person", "week")
    waits = _seconds(rows)
    return [
        PersonWeek(
            person=person,
            week=week,
            judged=told[M.JUDGED].n,
            seconds=median(waits[person, week]),
            gold=told[M.GOLD].rate,
            checked=told[M.CHECKED].rate,
            returned=told[M.RETURNED].n,
            agreement=told[M.PAIR].rate,
            right=told[M.SAID].rate,
            overlap=told[M.IOU].mean,
            errors=told[M.CHARACTERS].rate,
        )
        for (person, week), told in sorted(sums.items(), key=lambda row: (-row[0][1].toordinal(), row[0][0]))
    ]


@dataclass(frozen=True)
class Agreement:
    """How far people agree in a cut: pairs that agree in all, and on classes beyond chance; None is what cannot be said.

    A pair is counted once here, and twice in the counts: from the side of either.
    """

    pairs: Proportion
    alpha: float | None
    kappa: float | None
    overlap: float | None


def agreement_of(rows: QuerySet[QualityCount]) -> Agreement:
    """Answer the agreement of all people; Fleiss' kappa is of the samples judged by the most frequent number of people."""
    pairs, overlaps = _pairs(rows.filter(person__isnull=False))
    return _agreement([pair for told in pairs.values() for pair in told], overlaps.values())


def agreement_by_city(rows: QuerySet[QualityCount]) -> dict[int, Agreement]:
    """Answer the agreement of all people on the samples of each city."""
    return agreements(rows.filter(city__isnull=False))[1]


def agreements(rows: QuerySet[QualityCount]) -> tuple[Agreement, dict[int, Agreement]]:
    """Answer the agreement of all people, as `agreement_of` does, and on the samples of each city: what is of a person is of no city."""
    pairs, overlaps = _pairs(rows)
    told = {city: _agreement(of, [overlaps[city]] if city in overlaps else []) for city, of in sorted(pairs.items())}
    return told.pop(0, None) or _agreement([], [overlaps[0]] if 0 in overlaps else []), told


def agreement_by_class(rows: QuerySet[QualityCount]) -> dict[str, Proportion]:
    """Answer how often those who met a class agreed with each other, class by class."""
    return agreement_cuts(rows)[0]


def agreement_by_week(rows: QuerySet[QualityCount]) -> list[tuple[date, Proportion]]:
    """Answer how often people agreed week by week, in order."""
    return agreement_cuts(rows)[1]


def agreement_cuts(rows: QuerySet[QualityCount]) -> tuple[dict[str, Proportion], list[tuple[date, Proportion]]]:
    """Answer how often people agreed by class and by week, of one question; a pair counts for each that met a class, once a week."""
    own = rows.filter(measure=M.PAIR, person__isnull=False).order_by().values_list("said", "week")
    classes, weeks = defaultdict[str, list[int]](lambda: [0, 0]), defaultdict[date, list[int]](lambda: [0, 0])
    for said, week, n, hits in own.annotate(Sum("n"), Sum("hits")):
        for known in (classes[said], weeks[week]):
            known[0] += hits
            known[1] += n
    by_week = [(week, Proportion(hits // 2, n // 2)) for week, (hits, n) in sorted(weeks.items())]
    return {said: Proportion(*known) for said, known in sorted(classes.items())}, by_week


@dataclass(frozen=True)
class Confusion:
    """Who was taken for whom: `names` down and across, `cells[said][meant]` how often; `errors` of `n` differ."""

    said: Sequence[str]
    meant: Sequence[str]
    cells: dict[tuple[str, str], int]
    errors: Proportion
    is_cut: bool

    @property
    def table(self) -> list[dict[str, Any]]:
        """Answer the rows as a template shows them."""
        return [
            {
                "said": said,
                "cells": [
                    {"meant": meant, "n": self.cells.get((said, meant), 0), "same": said == meant} for meant in self.meant
                ],
            }
            for said in self.said
        ]


def confusion(rows: QuerySet[QualityCount], measure: str) -> Confusion:
    """Answer the confusion of classes or characters, by people or by models, cut to what is confused most."""
    return confusions(rows, [measure])[0]


def confusions(rows: QuerySet[QualityCount], measures: Sequence[str]) -> list[Confusion]:
    """Answer several of them, of one question."""
    cells: dict[str, dict[tuple[str, str], int]] = {measure: {} for measure in measures}
    summed = rows.filter(measure__in=measures).order_by().values_list("measure", "said", "meant")
    for measure, said, meant, n in summed.annotate(Sum("n")):
        cells[measure][said, meant] = n
    return [_cut(cells[measure]) for measure in measures]


def _cut(cells: dict[tuple[str, str], int]) -> Confusion:
    wrong: dict[str, int] = defaultdict(int)
    for (said, meant), n in cells.items():
        for name in (said, meant):
            wrong[name] += n if said != meant else 0
    worst = sorted(wrong, key=lambda name: (-wrong[name], name))
    kept = set(worst[:CONFUSED])
    shown = {pair: n for pair, n in cells.items() if set(pair) <= kept}
    total, errors = sum(cells.values()), sum(n for (said, meant), n in cells.items() if said != meant)
    names = [sorted({pair[side] for pair in shown}) for side in (0, 1)]
    return Confusion(names[0], names[1], shown, Proportion(errors, total), len(worst) > len(kept))


def confused(rows: QuerySet[QualityCount], measure: str) -> list[tuple[str, str, int]]:
    """Answer (said, meant, how often), the most frequent first."""
    summed = rows.filter(measure=measure).order_by().values_list("said", "meant").annotate(Sum("n"))
    return sorted(summed, key=lambda row: (-row[2], row[0], row[1]))


@dataclass(frozen=True)
class Corrected:
    """How often people changed what a model said in a city."""

    city: int
    model: str
    version: str
    rate: Proportion


def corrections(rows: QuerySet[QualityCount]) -> list[Corrected]:
    """Answer the correction rate of each city × model version."""
    summed = rows.filter(measure=M.CORRECTED).order_by().values_list("city", "model", "version")
    return [
        Corrected(city, model, version, Proportion(hits, n))
        for city, model, version, n, hits in sorted(summed.annotate(Sum("n"), Sum("hits")))
    ]


def median(values: Iterable[tuple[float, int]]) -> float | None:
    """Answer the middle of values that occur so often; of an even number the lower one of the two."""
    ordered = sorted(values)
    total = sum(n for _, n in ordered)
    seen = 0
    for value, n in ordered:
        seen += n
        if seen * 2 >= total:
            return value
    return None


class _Pair(NamedTuple):
    judges: int
    said: str
    meant: str
    n: int
    hits: int


@dataclass(frozen=True)
class _Sum:
    n: int = 0
    hits: int = 0
    amount: float = 0.0

    @property
    def rate(self) -> Proportion:
        return Proportion(self.hits, self.n)

    @property
    def mean(self) -> float | None:
        return self.amount / self.n if self.n else None


def _sums(rows: QuerySet[QualityCount], *keys: str) -> dict[tuple[Any, ...], dict[str, _Sum]]:
    sums: dict[tuple[Any, ...], dict[str, _Sum]] = {}
    for *key, measure, n, hits, amount in (
        rows.order_by().values_list(*keys, "measure").annotate(Sum("n"), Sum("hits"), Sum("amount"))
    ):
        sums.setdefault(tuple(key), defaultdict(_Sum))[measure] = _Sum(n, hits, amount)
    return sums


def _seconds(rows: QuerySet[QualityCount]) -> dict[tuple[int, date], list[tuple[float, int]]]:
    """Answer how many judgements took how many seconds, by person and week."""
    waits: dict[tuple[int, date], list[tuple[float, int]]] = defaultdict(list)
    timed = rows.filter(measure=M.JUDGED).exclude(said="").order_by()
    for person, week, said, n in timed.values_list("person", "week", "said").annotate(Sum("n")):
        waits[person, week].append((float(said), n))
    return waits


def _pairs(rows: QuerySet[QualityCount]) -> tuple[dict[int, list[_Pair]], dict[int, tuple[int, float]]]:
    """Answer how often people agreed, city by city, and how many boxes they have in common with the sum of their overlaps.

    What is of no city stands under 0.
    """
    summed = rows.filter(measure__in=[M.PAIR, M.IOU]).order_by().values_list("measure", "city", "judges", "said", "meant")
    told, overlaps = defaultdict[int, list[_Pair]](list), dict[int, tuple[int, float]]()
    for measure, city, judges, said, meant, n, hits, amount in summed.annotate(Sum("n"), Sum("hits"), Sum("amount")):
        if measure == M.PAIR:
            told[city or 0].append(_Pair(judges, said, meant, n, hits))
        else:
            known = overlaps.get(city or 0, (0, 0.0))
            overlaps[city or 0] = known[0] + n, known[1] + amount
    return told, overlaps


def _agreement(told: Iterable[_Pair], overlaps: Iterable[tuple[int, float]]) -> Agreement:
    by_judges: dict[int, dict[tuple[str, str], int]] = {}
    coincidences: dict[tuple[str, str], float] = defaultdict(float)
    n = hits = 0
    for pair in told:
        by_judges.setdefault(pair.judges, {})[pair.said, pair.meant] = pair.n
        coincidences[pair.said, pair.meant] += pair.n / (pair.judges - 1)
        n, hits = n + pair.n, hits + pair.hits
    usual = max(by_judges.values(), key=lambda pairs: sum(pairs.values()), default={})
    boxes = list(overlaps)
    common = sum(count for count, _ in boxes)
    mean = sum(amount for _, amount in boxes) / common if common else None
    return Agreement(Proportion(hits // 2, n // 2), agreement.krippendorff(coincidences), agreement.fleiss(usual), mean)
