"""Checks of annotators: a share of what they judged is looked at by a reviewer, who accepts, fixes or returns it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, is_allowed
from core.errors import Conflict, Malformed
from learning import annotation, judgement
from learning.actions.settling import PENDING, settle, truth_of
from learning.actions.slots import judgements, judges_of, open_slot, void_untouched
from learning.actions.weighing import DISPUTED, alone, weigh
from learning.annotation import Rules, Size
from learning.judgement import Judgement
from learning.models import (
    CheckOutcome,
    HitlLabel,
    LearningSample,
    ReviewPolicy,
    ReviewSlot,
    SlotKind,
    SlotState,
)
from learning.models.policy import lot

COUNTED = (SlotKind.NORMAL, SlotKind.REWORK)


def open_check(sample: LearningSample, policy: ReviewPolicy, labels: Sequence[HitlLabel], *, again: bool = False) -> None:
    """Open a check of a sample that was settled or excluded just now, where one of its judgements is drawn for it.

    The last one is checked `again` in any case: it was returned before. Who may check others is not checked.
    """
    for label in labels:
        is_again = again and label is labels[-1]
        if (is_again or _is_drawn(label, sample, policy)) and not is_allowed(label.annotator, Permission.ADJUDICATE):
            open_slot(sample, judges_of(labels), SlotKind.CHECK, about=label)
            return


def was_checked(sample: LearningSample) -> bool:
    """Tell whether a reviewer accepted or fixed what is true of this sample."""
    checks = ReviewSlot.objects.filter(sample=sample, kind=SlotKind.CHECK, state=SlotState.DONE)
    return checks.filter(outcome__in=[CheckOutcome.ACCEPTED, CheckOutcome.FIXED]).exists()


def read(
    about: HitlLabel, decision: str, correction: Any, reason: str, *, rules: Rules, reasons: Sequence[str], size: Size | None
) -> Judgement:
    """Read what a reviewer makes of a judgement: to accept it is to say the same; to fix it back is to accept the prediction."""
    if decision == "correct" and correction is None:
        return Judgement(about.label_status, about.correction, truth_of(about), about.decision)
    prediction = about.prediction
    said = judgement.read_decision(decision, prediction, correction, reason, rules=rules, reasons=reasons, size=size)
    if said.correction is not None and said.correction == prediction:
        return Judgement("correct", None, prediction, "correct")
    return said


def conclude(slot: ReviewSlot, label: HitlLabel, rules: Rules) -> None:
    """Let a check that was held to its end count: what was accepted stays, what was fixed is the truth."""
    about = slot.about
    assert about is not None
    said, checked = truth_of(label), truth_of(about)
    if said is None or checked is None:
        is_same = said is checked
    else:
        is_same = annotation.agree(said, checked, rules, iou=slot.module.policy.iou)
    ReviewSlot.objects.filter(pk=slot.pk).update(outcome=CheckOutcome.ACCEPTED if is_same else CheckOutcome.FIXED)
    if not is_same:
        settle(slot.sample, alone(label))


def give_back(slot: ReviewSlot, *, by: User, issued_at: datetime, reason: str, note: str) -> None:
    """Return a judgement to who gave it, with a reason: its sample waits for them alone, and after three days for anyone.

    Asked again, nothing happens. Raises Conflict where the check was lost to somebody else, Malformed for another slot.
    """
    about = slot.about
    if slot.kind != SlotKind.CHECK or about is None:
        raise Malformed("Only what one checks can be returned.", code="nothing_to_return")
    mine = ReviewSlot.objects.filter(pk=slot.pk, lease_user=by)
    if not mine.filter(state=SlotState.LEASED).update(state=SlotState.DONE, outcome=CheckOutcome.RETURNED):
        if mine.filter(state=SlotState.DONE, outcome=CheckOutcome.RETURNED, leased_at=issued_at).exists():
            return
        raise Conflict("This check was given to somebody else, or is over; nothing was returned.", code="lease_lost")
    sample = slot.sample
    HitlLabel.objects.filter(pk=about.pk).update(withdrawn_at=timezone.now())
    settle(sample, PENDING)
    judges = judges_of(judgements(sample))
    open_slot(sample, judges, SlotKind.REWORK, only_user=about.annotator, about=about, reason=reason, note=note)
    record(by, "return", slot, label=about.label_id, sample=sample.pk, user=about.annotator_id)


def take_back(slot: ReviewSlot) -> None:
    """Let a check count no more: what it fixed is again what was judged before it."""
    if slot.outcome == CheckOutcome.FIXED:
        settle(slot.sample, _judged(slot))


def take_return_back(slot: ReviewSlot, now: datetime) -> None:
    """Let what was returned count again; raises Conflict where its person works on it already."""
    about = slot.about
    assert about is not None
    void_untouched(slot.sample, slot.slot_no, now)
    HitlLabel.objects.filter(pk=about.pk).update(withdrawn_at=None)
    settle(slot.sample, _judged(slot))


def _judged(slot: ReviewSlot) -> Any:
    """Say what the judgements make of a sample without the check: they were complete when it was opened."""
    labels = judgements(slot.sample)
    verdict = weigh(labels, len(labels), Rules.of(slot.module.schema), slot.module.policy.iou) if labels else None
    if verdict is None or verdict is DISPUTED:
        assert slot.about is not None
        return alone(slot.about)
    return verdict


def _is_drawn(label: HitlLabel, sample: LearningSample, policy: ReviewPolicy) -> bool:
    """Tell whether the policy has this judgement checked; how much its person has judged is asked only where it matters."""
    shares = policy.first_check_share, policy.later_check_share
    drawn = lot(f"checked:{sample.sample_id}:{label.annotator_id}")
    if drawn >= max(shares):
        return False
    if drawn < min(shares):
        return True
    done = ReviewSlot.objects.filter(
        module=sample.module_id, lease_user=label.annotator_id, kind__in=COUNTED, state=SlotState.DONE
    )
    is_new = done[: policy.first_judgements + 1].count() <= policy.first_judgements
    return drawn < shares[0 if is_new else 1]
