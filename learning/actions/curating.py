"""What curators do to a chunk of samples: open them for another round of review, or exclude them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from accounts.models import User
from learning.actions import settling
from learning.actions.settling import SETTLED_FIELDS, Verdict, announce, apply
from learning.actions.weighing import EXCLUDED
from learning.acts import Outcome
from learning.models import Decision, HitlLabel, LabelStatus, LearningSample, ReviewSlot, SampleState, SlotKind, SlotState
from learning.models.label import LabelSource
from learning.models.review import PUT_FIRST

AT_ONCE = 200
UNVERIFIED, ERASED, NO_IMAGE = _("not verified yet"), _("erased"), _("without an image")
WAITS, IS_EXCLUDED = _("waiting for review already"), _("excluded already")


def reopen(keys: Sequence[int], by: User, facts: Mapping[str, Any]) -> Outcome:
    """Open another round of review for each sample: what people said of it stays on record and makes no truth.

    What its city said stays as it is. Who holds one of them at this moment may still send their judgement: it is kept, and
    makes no truth either. What waits and was judged by nobody is let be.
    """
    now = timezone.now()
    waiting = ReviewSlot.objects.filter(sample__in=keys, state__in=_WAITING, kind=SlotKind.NORMAL)
    queued = set(waiting.values_list("sample_id", flat=True))
    said = HitlLabel.objects.filter(withdrawn_at__isnull=True, sample__in=keys).by_people()
    judged = set(said.values_list("sample_id", flat=True))

    def reason(sample: LearningSample) -> str:
        if sample.object_id is None:
            return NO_IMAGE
        return WAITS if sample.state == SampleState.PENDING and sample.pk in queued - judged else ""

    samples, skipped = _taken(keys, reason)
    own = [sample.pk for sample in samples]
    ReviewSlot.objects.filter(sample__in=own).exclude(state=SlotState.VOID).update(state=SlotState.VOID)
    withdrawn = list(said.filter(sample__in=own).values_list("pk", flat=True))
    HitlLabel.objects.filter(pk__in=withdrawn).update(withdrawn_at=now, is_disputed=False)
    numbers = dict(ReviewSlot.objects.filter(sample__in=own).values_list("sample").annotate(Max("slot_no")))
    LearningSample.objects.filter(pk__in=own).update(reopened_at=now)
    _put(samples, settling.PENDING)
    ReviewSlot.objects.bulk_create(ReviewSlot.opened(sample, slot_no=numbers.get(sample.pk, 0) + 1) for sample in samples)
    return Outcome(len(samples), skipped)


def put_first(keys: Sequence[int]) -> None:
    """Let these samples be judged before all others that wait; the order that is kept by rules leaves them there."""
    waiting = ReviewSlot.objects.filter(sample__in=keys, state=SlotState.OPEN, kind=SlotKind.NORMAL)
    waiting.update(priority=PUT_FIRST)


def exclude(keys: Sequence[int], by: User, facts: Mapping[str, Any]) -> Outcome:
    """Take each sample out, by a judgement of `by` with `facts["reason"]`: it has no truth until somebody opens it again."""
    samples, skipped = _taken(keys, lambda sample: IS_EXCLUDED if sample.state == SampleState.EXCLUDED else "")
    now = timezone.now()
    HitlLabel.objects.bulk_create(
        HitlLabel(
            sample=sample,
            city_id=sample.city_id,
            label_status=LabelStatus.UNSURE,
            decision=Decision.REJECT,
            prediction=sample.prediction,
            labeled_at=now,
            annotator=by,
            label_source=LabelSource.VALIDATION,
            reason=str(facts.get("reason", ""))[:60],
        )
        for sample in samples
    )
    waiting = ReviewSlot.objects.filter(sample__in=[sample.pk for sample in samples], state__in=_WAITING)
    waiting.update(state=SlotState.VOID)
    _put(samples, EXCLUDED)
    return Outcome(len(samples), skipped)


_WAITING = (SlotState.HELD, SlotState.OPEN, SlotState.LEASED)


def _taken(keys: Sequence[int], reason: Callable[[LearningSample], str]) -> tuple[list[LearningSample], dict[str, int]]:
    """Lock the samples, and part them into those to change and the counts of those that are let be, by reason."""
    rows = LearningSample.objects.select_for_update(of=("self",), no_key=True).select_related("module")
    locked = rows.filter(pk__in=keys).order_by("id")
    taken: list[LearningSample] = []
    skipped: Counter[str] = Counter()
    for sample in locked:
        if sample.erased_at is not None:
            why = ERASED
        elif sample.state == SampleState.RECEIVED:
            why = UNVERIFIED
        else:
            why = reason(sample)
        if why:
            skipped[why] += 1
        else:
            taken.append(sample)
    return taken, dict(skipped)


def _put(samples: Sequence[LearningSample], verdict: Verdict) -> None:
    """Move locked samples to where the verdict puts them, and tell the apps above."""
    changes = [apply(sample, verdict) for sample in samples]
    LearningSample.objects.bulk_update(samples, SETTLED_FIELDS, batch_size=AT_ONCE)
    announce(changes)
