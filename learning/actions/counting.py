"""What judgements make of a sample: settled, disputed or excluded, or one more judgement is needed."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from core.errors import Conflict
from learning import annotation, judgement
from learning.actions import settling
from learning.actions.settling import Verdict
from learning.annotation import Rules
from learning.models import HitlLabel, LabelStatus, LearningSample, ReviewSlot, SampleState, SlotKind, SlotState
from learning.models.label import LabelSource

WAITING = (SlotState.OPEN, SlotState.LEASED)
EXCLUDED = Verdict(SampleState.EXCLUDED, None, LabelStatus.UNSURE)


def count(slot: ReviewSlot, label: HitlLabel, rules: Rules, *, late: bool) -> None:
    """Let a judgement count, in the caller's transaction, which holds the sample's lock.

    A senior's judgement decides. Else the policy's number of judgements is collected one after another: a strict majority
    of it settles, no majority is a dispute, and so is one unsure among several. A late judgement counts like the others,
    and where the sample is settled already, one that differs from the truth opens a dispute.
    """
    sample, needed = slot.sample, slot.module.policy.overlap
    if not late and (slot.kind == SlotKind.SENIOR or (needed == 1 and slot.slot_no == 1)):
        _settle(sample, _alone(label))
    elif sample.state == SampleState.SETTLED:
        _hear_late(sample, label, rules)
    elif sample.state == SampleState.PENDING:
        _weigh(sample, needed, rules)
        _close_waiting(sample)


def take_back(slot: ReviewSlot, label: HitlLabel, now: datetime) -> None:
    """Let a judgement count no more: its sample waits again as it did before, in the caller's transaction.

    Raises Conflict where somebody built on it: judged the sample since, or holds the slot that it opened.
    """
    sample = slot.sample
    later = ReviewSlot.objects.filter(sample=sample, slot_no__gt=slot.slot_no)
    later.filter(Q(state=SlotState.OPEN) | Q(state=SlotState.LEASED, lease_until__lt=now)).update(state=SlotState.VOID)
    if later.exclude(state=SlotState.VOID).exists() or any(other.pk > label.pk for other in _judgements(sample)):
        raise Conflict("Somebody else has this sample in work or judged it since.", code="built_upon")
    if slot.kind == SlotKind.SENIOR:
        _settle(sample, Verdict(SampleState.DISPUTED))
        return
    sample.labels.update(is_disputed=False)
    if sample.state != SampleState.PENDING:
        _settle(sample, settling.PENDING)


def _weigh(sample: LearningSample, needed: int, rules: Rules) -> None:
    labels = _judgements(sample)
    unsure = [label for label in labels if label.label_status == LabelStatus.UNSURE]
    if unsure and needed > 1:
        _dispute(sample, labels)
    elif len(labels) < needed:
        _open_next(sample, labels)
    elif unsure:
        _settle(sample, EXCLUDED)
    else:
        winner = judgement.majority([settling.truth_of(label) or {} for label in labels], max(needed, len(labels)), rules)
        if winner is None:
            _dispute(sample, labels)
        else:
            _settle(sample, settling.settled_by(labels[winner]))


def _hear_late(sample: LearningSample, label: HitlLabel, rules: Rules) -> None:
    truth = settling.truth_of(label)
    if truth is None or not annotation.agree(truth, sample.truth or {}, rules):
        _dispute(sample, _judgements(sample))


def _alone(label: HitlLabel) -> Verdict:
    return EXCLUDED if label.label_status == LabelStatus.UNSURE else settling.settled_by(label)


def _settle(sample: LearningSample, verdict: Verdict) -> None:
    """Move the sample to where the verdict puts it and tell the apps above."""
    settling.announce([settling.move(sample, verdict)])


def _dispute(sample: LearningSample, labels: Sequence[HitlLabel]) -> None:
    """Take the truth away until a senior has decided, for which one slot is opened."""
    ReviewSlot.objects.filter(sample=sample, state__in=WAITING).update(state=SlotState.VOID)
    HitlLabel.objects.filter(pk__in=[label.pk for label in labels]).update(is_disputed=True)
    _settle(sample, Verdict(SampleState.DISPUTED))
    _open_slot(sample, labels, SlotKind.SENIOR)


def _open_next(sample: LearningSample, labels: Sequence[HitlLabel]) -> None:
    """Open the slot of the next judgement, or tell the one that waits already who is not to get it."""
    waiting = list(ReviewSlot.objects.filter(sample=sample, state__in=WAITING))
    if not waiting:
        _open_slot(sample, labels, SlotKind.NORMAL)
    for slot in waiting:
        judged_by = ReviewSlot.opened(sample, judges=_judges(labels)).judged_by
        ReviewSlot.objects.filter(pk=slot.pk).update(judged_by=judged_by)


def _open_slot(sample: LearningSample, labels: Sequence[HitlLabel], kind: str) -> None:
    last = ReviewSlot.objects.filter(sample=sample).order_by("-slot_no").values_list("slot_no", flat=True).first() or 0
    ReviewSlot.opened(sample, kind=kind, slot_no=last + 1, judges=_judges(labels)).save(force_insert=True)


def _close_waiting(sample: LearningSample) -> None:
    """Close the open slots of a sample that needs no more judgements; whoever holds a lease may still send theirs, late."""
    if sample.state in {SampleState.SETTLED, SampleState.EXCLUDED}:
        ReviewSlot.objects.filter(sample=sample, state__in=WAITING).update(state=SlotState.VOID)


def _judgements(sample: LearningSample) -> list[HitlLabel]:
    """Answer the hub's standing judgements, earliest first."""
    return list(HitlLabel.objects.standing().filter(sample=sample, label_source=LabelSource.REVIEW).order_by("id"))


def _judges(labels: Sequence[HitlLabel]) -> list[int]:
    return [label.annotator_id for label in labels if label.annotator_id is not None]
