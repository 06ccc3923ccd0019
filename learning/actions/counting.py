"""Letting a judgement count: its sample is settled, disputed or excluded, or one more judgement is needed."""

from collections.abc import Sequence
from datetime import datetime

from learning import annotation
from learning.actions import checking, settling
from learning.actions.settling import settle
from learning.actions.slots import (
    WAITING,
    built_upon,
    close_waiting,
    judgements,
    judges_of,
    needed,
    open_slot,
    tell_waiting,
    void_untouched,
    was_only_glanced_at,
)
from learning.actions.weighing import DISPUTED, alone, weigh
from learning.annotation import Rules
from learning.models import (
    Adjudicators,
    HitlLabel,
    LabelStatus,
    LearningSample,
    ReviewPolicy,
    ReviewSlot,
    SampleState,
    SlotKind,
)
from learning.models.label import LabelSource
from learning.models.review import spelled


def count(slot: ReviewSlot, label: HitlLabel, rules: Rules, *, late: bool) -> None:
    """Let a judgement count, in the caller's transaction, which holds the sample's lock.

    A senior's judgement decides. Else the policy's number of judgements is collected one after another, and weighed. A late
    judgement counts like the others: one that differs from what is settled opens a dispute, unless a reviewer looked at it.
    A senior's that is late stays on record: another one settled the dispute, and whoever saw the answers is none of the blind.
    """
    sample, policy = slot.sample, slot.module.policy
    if slot.kind == SlotKind.SENIOR:
        if late:
            label.label_source = LabelSource.VALIDATION
            label.save(update_fields=["label_source"])
        else:
            settle(sample, alone(label))
    elif sample.state == SampleState.PENDING:
        is_first = slot.slot_no == 1 and not late
        was_seen_whole = is_first and not slot.is_on_grid  # so that nothing needs to be looked up
        wanted = policy.needed(sample.sample_id) if was_seen_whole else needed(sample, policy)
        _weigh(slot, [label] if wanted == 1 and is_first else judgements(sample), wanted, rules)
    elif sample.state == SampleState.DISPUTED:
        _join_dispute(sample, label)
    else:
        _hear_late(slot, label, rules)


def take_back(slot: ReviewSlot, label: HitlLabel, now: datetime) -> None:
    """Let a judgement count no more: its sample waits again as it did before, in the caller's transaction.

    Raises Conflict where somebody built on it: judged or checked the sample since, or holds the slot that it opened.
    """
    sample = slot.sample
    void_untouched(sample, slot.slot_no, now)
    if any(other.pk > label.pk for other in judgements(sample)):
        raise built_upon()
    if slot.kind == SlotKind.CHECK:
        checking.take_back(slot)
    elif slot.kind == SlotKind.SENIOR:
        settle(sample, DISPUTED)
    else:
        sample.labels.update(is_disputed=False)
        settle(sample, settling.PENDING)


def dispute(sample: LearningSample, policy: ReviewPolicy, labels: Sequence[HitlLabel]) -> None:
    """Take the truth away until a senior has decided, for which one slot is opened."""
    close_waiting(sample)
    HitlLabel.objects.filter(pk__in=[label.pk for label in labels]).update(is_disputed=True)
    settle(sample, DISPUTED)
    open_slot(sample, judges_of(labels) if policy.adjudicators == Adjudicators.OTHERS else (), SlotKind.SENIOR)


def _weigh(slot: ReviewSlot, labels: Sequence[HitlLabel], wanted: int, rules: Rules) -> None:
    sample, policy = slot.sample, slot.module.policy
    verdict = weigh(labels, wanted, rules, policy.iou)
    if verdict is None:
        if not tell_waiting(sample, labels):
            open_slot(sample, judges_of(labels), SlotKind.NORMAL, in_full=was_only_glanced_at(sample, policy))
    elif verdict is DISPUTED:
        dispute(sample, policy, labels)
    else:
        settle(sample, verdict)
        if slot.slot_no > 1 or len(labels) > 1:  # where the first slot was the only one, no other waits
            close_waiting(sample)
        checking.open_check(sample, policy, labels, again=slot.kind == SlotKind.REWORK)


def _hear_late(slot: ReviewSlot, label: HitlLabel, rules: Rules) -> None:
    """Dispute what is settled where this judgement differs from it, unless a reviewer looked at it already."""
    sample, policy = slot.sample, slot.module.policy
    labels = judgements(sample)
    others = [other for other in labels if other.pk != label.pk]
    if sample.state == SampleState.SETTLED:
        truth = settling.truth_of(label)
        differs = truth is None or not annotation.agree(truth, sample.truth or {}, rules, iou=policy.iou)
    else:
        differs = sample.state == SampleState.EXCLUDED and bool(others) and label.label_status != LabelStatus.UNSURE
    is_final = any(other.dispute_resolution for other in others) or checking.was_checked(sample)
    if differs and not is_final:
        dispute(sample, policy, labels)
    else:
        tell_waiting(sample, labels)


def _join_dispute(sample: LearningSample, label: HitlLabel) -> None:
    """Let the senior see one more answer, and not be who gave it."""
    HitlLabel.objects.filter(pk=label.pk).update(is_disputed=True)
    for waiting in ReviewSlot.objects.filter(sample=sample, state__in=WAITING).exclude(judged_by=""):
        known = [int(key) for key in waiting.judged_by.split(",")]
        ReviewSlot.objects.filter(pk=waiting.pk).update(judged_by=spelled([*known, *judges_of([label])]))
