"""What judgements say together about a sample; knows rows, and asks the database nothing."""

from collections.abc import Sequence

from learning import judgement
from learning.actions.settling import Verdict, settled_by, truth_of
from learning.annotation import Rules
from learning.models import HitlLabel, LabelStatus, SampleState

EXCLUDED = Verdict(SampleState.EXCLUDED, None, LabelStatus.UNSURE)
DISPUTED = Verdict(SampleState.DISPUTED)


def alone(label: HitlLabel) -> Verdict:
    """Say what one judgement makes of a sample where it decides."""
    return EXCLUDED if label.label_status == LabelStatus.UNSURE else settled_by(label)


def weigh(labels: Sequence[HitlLabel], needed: int, rules: Rules, iou: float) -> Verdict | None:
    """Say what judgements, earliest first, make of a sample that needs so many; None where it needs more.

    A strict majority of the needed ones settles, no majority is a dispute, and so is one unsure among several.
    """
    is_unsure = any(label.label_status == LabelStatus.UNSURE for label in labels)
    if is_unsure and max(needed, len(labels)) > 1:
        return DISPUTED
    if len(labels) < needed:
        return None
    if is_unsure:
        return EXCLUDED
    truths = [truth_of(label) or {} for label in labels]
    winner = judgement.majority(truths, max(needed, len(labels)), rules, iou=iou)
    return DISPUTED if winner is None else settled_by(labels[winner])
