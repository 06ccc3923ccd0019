"""What judgements say of people and models, counted: each figure of the quality page is a sum of these.

Knows judgements as plain facts, not the database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import permutations
from typing import Any, NamedTuple

from learning import annotation, confusion
from learning.agreement import matched_boxes
from learning.annotation import Rules
from learning.models.quality import QualityMeasure

M = QualityMeasure
OWN = frozenset({"", "normal"})
"""Kinds of slots whose judges did not know what others said ("": a judgement that came late)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One standing judgement and its sample; `person` is None where a city judged, `truth` where nothing is settled."""

    key: int
    sample: int
    module: int
    city: int
    person: int | None
    week: date
    status: str
    value: dict[str, Any] | None
    seconds: float | None = None
    kind: str = ""
    source: str = "review"
    is_right: bool = False
    prediction: dict[str, Any] | None = None
    predicted_by: dict[str, Any] | None = None
    truth: dict[str, Any] | None = None

    @property
    def is_gold(self) -> bool:
        """Tell whether it was of a gold sample: it counts for its person's score and nowhere else."""
        return self.source == "gold"

    @property
    def is_own(self) -> bool:
        """Tell whether the person judged without knowing what others said."""
        return self.person is not None and self.source == "review" and self.kind in OWN

    @property
    def is_work(self) -> bool:
        """Tell whether a person of the hub judged it in a queue: a sample, a dispute, or a check."""
        return self.person is not None and (self.source == "review" or self.kind == "check")


class Cut(NamedTuple):
    """What is counted, and of whom."""

    measure: str
    module: int
    week: date
    person: int | None = None
    city: int | None = None
    model: str = ""
    version: str = ""
    said: str = ""
    meant: str = ""
    judges: int = 0
    other: int | None = None


@dataclass
class Tally:
    """Sums under their cuts: [n, hits, amount]."""

    rows: dict[Cut, list[float]] = field(default_factory=dict)

    def add(self, cut: Cut, n: int = 1, hits: int = 0, amount: float = 0.0) -> None:
        """Add to one sum."""
        row = self.rows.setdefault(cut, [0, 0, 0.0])
        row[0] += n
        row[1] += hits
        row[2] += amount


def count(tally: Tally, judgement: Judgement, rules: Rules, iou: float) -> None:
    """Count what one judgement says alone: of its person, and of the model whose prediction it judged.

    From `iou` on two boxes are the same, by the module's policy.
    """
    base = Cut("", judgement.module, judgement.week)
    person = base._replace(person=judgement.person)
    if judgement.is_gold:
        tally.add(person._replace(measure=M.GOLD), hits=int(judgement.is_right))
        return
    if judgement.is_work:
        tally.add(person._replace(measure=M.JUDGED, said=_rounded(judgement.seconds)))
    if judgement.prediction is not None and judgement.source != "validation":
        model, version = _model(judgement)
        cut = base._replace(measure=M.CORRECTED, city=judgement.city, model=model, version=version)
        tally.add(cut, hits=int(judgement.status == "changed"))
    if judgement.is_own and judgement.truth is not None:
        _against_truth(tally, person, judgement, rules, iou)


def count_sample(tally: Tally, judgements: Sequence[Judgement], rules: Rules, iou: float) -> None:
    """Count what all judgements of one sample say together, in the week of the last: agreement, and what the model said."""
    last = max(judgements, key=lambda each: each.key)
    base = Cut("", last.module, last.week)
    if last.truth is not None and last.prediction is not None:
        _predicted(tally, base, last, rules)
    own = [each for each in judgements if each.is_own]
    for one, other in permutations(own, 2):
        said, meant = (confusion.category(each.value, rules) for each in (one, other))
        agrees = _agree(one.value, other.value, rules, iou)
        overlaps = _overlaps(one.value, other.value)
        for cut, of in ((base._replace(person=one.person), other.person), (base._replace(city=one.city), None)):
            pair = cut._replace(measure=M.PAIR, said=said, meant=meant, judges=len(own), other=of)
            tally.add(pair, hits=int(agrees))
            if overlaps:
                tally.add(cut._replace(measure=M.IOU), n=len(overlaps), amount=sum(overlaps))


def _against_truth(tally: Tally, person: Cut, judgement: Judgement, rules: Rules, iou: float) -> None:
    truth = judgement.truth or {}
    if judgement.value is None:
        tally.add(person._replace(measure=M.SAID, said=confusion.UNSURE, meant=confusion.category(truth, rules)))
        return
    agrees = _agree(judgement.value, truth, rules, iou)
    # mere texts have no classes, and are right or wrong all the same
    mere = [(confusion.category(judgement.value, rules), confusion.category(truth, rules))]
    for said, meant in list(confusion.classes(judgement.value, truth, rules)) or mere:
        tally.add(person._replace(measure=M.SAID, said=said, meant=meant), hits=int(agrees))
    letters = confusion.characters(judgement.value, truth, rules)
    _characters(tally, letters, person, M.SAID_CHARACTER)


def _predicted(tally: Tally, base: Cut, last: Judgement, rules: Rules) -> None:
    model, version = _model(last)
    cut = base._replace(model=model, version=version)
    assert last.prediction is not None
    assert last.truth is not None
    for said, meant in confusion.classes(last.prediction, last.truth, rules):
        tally.add(cut._replace(measure=M.PREDICTED, said=said, meant=meant))
    _characters(tally, confusion.characters(last.prediction, last.truth, rules), cut, M.PREDICTED_CHARACTER)


def _characters(tally: Tally, letters: Iterable[tuple[str, str]], cut: Cut, measure: str) -> None:
    """Count each character that was written for another, and how many there are in all."""
    length = errors = 0
    for said, meant in letters:
        length += bool(meant)
        if said != meant:
            errors += 1
            tally.add(cut._replace(measure=measure, said=said, meant=meant))
    if length or errors:
        tally.add(cut._replace(measure=M.CHARACTERS), n=length, hits=errors)


def _agree(one: dict[str, Any] | None, other: dict[str, Any] | None, rules: Rules, iou: float) -> bool:
    if one is None or other is None:
        return one is other
    return annotation.agree(one, other, rules, iou=iou)


def _overlaps(one: dict[str, Any] | None, other: dict[str, Any] | None) -> list[float]:
    first, second = ((value or {}).get("boxes") or [] for value in (one, other))
    return [overlap for *_, overlap in matched_boxes(first, second)]


def _model(judgement: Judgement) -> tuple[str, str]:
    named = judgement.predicted_by if isinstance(judgement.predicted_by, dict) else {}
    return str(named.get("model") or "")[:120], str(named.get("version") or "")[:40]


def _rounded(seconds: float | None) -> str:
    """Spell seconds to two digits: a median of these is within 5 % of the true one."""
    return "" if seconds is None else f"{float(f'{seconds:.2g}'):g}"
