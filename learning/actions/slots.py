"""The slots of one sample: opened, told who may not have them, closed; and the judgements that they brought."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from core.errors import Conflict
from learning.models import HitlLabel, LearningSample, ReviewPolicy, ReviewSlot, SlotState
from learning.models.label import LabelSource
from learning.models.review import HAND, spelled

WAITING = (SlotState.OPEN, SlotState.LEASED)


def open_slot(sample: LearningSample, judges: Sequence[int], kind: str, **more: Any) -> None:
    """Open one more slot of a sample, for nobody of `judges`."""
    last = ReviewSlot.objects.filter(sample=sample).order_by("-slot_no").values_list("slot_no", flat=True).first() or 0
    ReviewSlot.opened(sample, kind=kind, slot_no=last + 1, judges=judges, **more).save(force_insert=True)


def was_only_glanced_at(sample: LearningSample, policy: ReviewPolicy) -> bool:
    """Tell whether somebody approved this sample on the grid, and the policy has it judged in full as well."""
    if not policy.wants_full_review(sample.sample_id):
        return False
    glances = ReviewSlot.objects.filter(sample=sample, state=SlotState.DONE, place__gt=HAND, label__decision="correct")
    return glances.filter(label__withdrawn_at=None).exists()


def needed(sample: LearningSample, policy: ReviewPolicy) -> int:
    """Answer how many judgements this sample needs: one more than the policy's where it was only glanced at."""
    return policy.needed(sample.sample_id) + was_only_glanced_at(sample, policy)


def tell_waiting(sample: LearningSample, labels: Sequence[HitlLabel]) -> int:
    """Tell the slots that wait who is not to get them; answers how many there are."""
    return ReviewSlot.objects.filter(sample=sample, state__in=WAITING).update(judged_by=spelled(judges_of(labels)))


def close_waiting(sample: LearningSample) -> None:
    """Close the slots of a sample that wait; whoever holds a lease may still send their judgement, late."""
    ReviewSlot.objects.filter(sample=sample, state__in=WAITING).update(state=SlotState.VOID)


def void_untouched(sample: LearningSample, behind: int, now: datetime) -> None:
    """Void the slots that came after slot number `behind`; raises Conflict where somebody works on one or is done with it."""
    later = ReviewSlot.objects.filter(sample=sample, slot_no__gt=behind)
    later.filter(Q(state=SlotState.OPEN) | Q(state=SlotState.LEASED, lease_until__lt=now)).update(state=SlotState.VOID)
    if later.exclude(state=SlotState.VOID).exists():
        raise built_upon()


def built_upon() -> Conflict:
    """Make the refusal to undo what somebody went on from."""
    return Conflict("Somebody else has this sample in work or judged it since.", code="built_upon")


def judgements(sample: LearningSample) -> list[HitlLabel]:
    """Answer the hub's standing judgements, earliest first; what reviewers say who check one is none of them."""
    return list(HitlLabel.objects.standing().filter(sample=sample, label_source=LabelSource.REVIEW).order_by("id"))


def judges_of(labels: Sequence[HitlLabel]) -> list[int]:
    """Answer the ids of who gave these judgements."""
    return [label.annotator_id for label in labels if label.annotator_id is not None]
