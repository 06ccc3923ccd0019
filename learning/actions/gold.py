"""Verbs on gold: samples whose answer is known are mixed into a person's work, and tell how well they judge."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.canonical import canonical_sha256
from core.errors import Conflict, Invalid
from core.hooks import SampleChange
from learning import annotation, confusion
from learning.actions import pause as pauses
from learning.actions.settling import truth_of
from learning.acts import Outcome
from learning.annotation import Rules
from learning.models import (
    AiModule,
    AnnotatorPause,
    GoldAnswer,
    GoldShowing,
    GoldTurn,
    HitlLabel,
    LearningSample,
    ReviewSlot,
    SampleState,
    SlotKind,
    SlotState,
)
from learning.models.gold import MAX_REASON
from learning.models.label import LabelSource
from learning.proportion import Proportion

WINDOW = 50
"""A person's score is of so many answers, the last ones."""
AGREEING = 2
"""So many people must have said what becomes gold."""
FIRST = 2_000_000_000
"""The priority of a gold slot: it is opened for somebody at the moment they are to get it."""
ABANDONED = timedelta(days=1)
RECENT = timedelta(days=1)
NOT_SETTLED, NOT_AGREED, NO_IMAGE, IS_GOLD = (
    _("not settled"),
    _("without two people who agree on its answer"),
    _("without an image"),
    _("gold already"),
)


@transaction.atomic
def promote(sample: LearningSample, *, by: User) -> GoldAnswer:
    """Make a settled sample gold, on whose answer two people agree; from now on it enters no dataset version.

    Twice is the first one. Raises Conflict where it is not settled, or not by two people.
    """
    require(by, Permission.ADJUDICATE)
    sample = LearningSample.objects.select_for_update(of=("self",)).select_related("module").get(pk=sample.pk)
    known = GoldAnswer.objects.active().filter(sample=sample).first()
    if known is not None:
        return known
    if why := _unfit(sample, Rules.of(sample.module.schema)):
        raise Conflict(f"This sample cannot be gold: it is {why}.", code="not_gold")
    return _promoted(sample, by)


@transaction.atomic
def retire(answer: GoldAnswer, *, by: User, reason: str) -> GoldAnswer:
    """Show a gold sample no more; from now on it may be trained on. Twice is success. Raises Invalid without a reason."""
    require(by, Permission.ADJUDICATE)
    why = reason.strip() if isinstance(reason, str) else ""
    if not why or len(why) > MAX_REASON or not why.isprintable():
        raise Invalid(f"Say why, in 1 to {MAX_REASON} characters.", errors={"reason": ["is missing or too long"]})
    row = GoldAnswer.objects.select_for_update(of=("self",)).get(pk=answer.pk)
    if row.retired_at is None:
        _retire([row.pk], why, by)
        record(by, "retire_gold", row, sample=row.sample_id)
        row.refresh_from_db()
    return row


def promote_all(keys: Sequence[int], by: User, facts: Mapping[str, Any]) -> Outcome:
    """Make a chunk of samples gold, in the caller's transaction; those that cannot be are let be."""
    require(by, Permission.ADJUDICATE)
    locked = LearningSample.objects.select_for_update(of=("self",)).select_related("module").filter(pk__in=keys)
    rules: dict[int, Rules] = {}
    skipped: Counter[str] = Counter()
    done = 0
    for sample in locked.order_by("id"):
        known = rules.setdefault(sample.module_id, Rules.of(sample.module.schema))
        if why := IS_GOLD if sample.is_gold else _unfit(sample, known):
            skipped[why] += 1
        else:
            _promoted(sample, by)
            done += 1
    return Outcome(done, dict(skipped))


def follow_truth(changes: Sequence[SampleChange]) -> None:
    """Retire gold whose sample has another truth now, or none; called within the verb that changed it."""
    lost = [each.sample for each in changes if each.old_truth and each.new_truth != each.old_truth]
    if lost:
        keys = GoldAnswer.objects.active().filter(sample__among=lost).values_list("pk", flat=True)
        _retire(list(keys), "Its answer changed.", None)


def mix_in(module: AiModule, user: User) -> bool:
    """Open a gold slot for `user` where their next sample is to be gold, in the caller's transaction; tells whether.

    Drawn by a keyed hash of how many samples they were given, so that asking again changes nothing and nobody can foresee it.
    The slot waits before all others and for nobody else, so that the claim itself takes it like any other.
    """
    share = module.policy.gold_share
    if not share:
        return False
    turn, _new = GoldTurn.objects.select_for_update().get_or_create(module=module, user=user)
    if not _is_drawn(module, user, turn.number, share):
        return False
    return _waiting_for(module, user).exists() or _opened_for(module, user)


def mix_into_page(module: AiModule, user: User, wanted: int, like: Mapping[str, Any]) -> None:
    """Open gold slots for a page of `wanted` samples: as many as would be drawn one by one, or fewer where there is less gold.

    `like` selects gold samples whose prediction looks like that of the others on the page.
    """
    share = module.policy.gold_share
    if not share:
        return
    turn, _new = GoldTurn.objects.select_for_update().get_or_create(module=module, user=user)
    drawn = sum(_is_drawn(module, user, turn.number + ahead, share) for ahead in range(wanted))
    for _each in range(drawn - _waiting_for(module, user).filter(in_full=False, **like).count()):
        if not _opened_for(module, user, like):
            return


def count_turn(module: int, user: User, given: int = 1) -> None:
    """Note that `user` was given so many samples of a module."""
    GoldTurn.objects.filter(module=module, user=user).update(number=F("number") + given)


def answered(slot: ReviewSlot, label: HitlLabel, rules: Rules) -> GoldShowing | None:
    """Note how a gold sample was judged, in the caller's transaction; after enough showings it is retired.

    Where its answer changed while it was in hand, there is nothing to hold the judgement against: None.
    """
    answer = GoldAnswer.objects.filter(sample=slot.sample_id, promoted_at__lte=slot.created_at).order_by("-version")[0]
    if answer.truth_sha256 != slot.sample.truth_sha256:
        return None
    assert label.annotator_id is not None
    said = truth_of(label)
    is_right = said is not None and annotation.agree(said, answer.truth, rules, iou=_iou(slot.module))
    showing = GoldShowing.objects.create(
        gold=answer,
        module_id=slot.module_id,
        user_id=label.annotator_id,
        label=label,
        is_right=is_right,
        answered_at=label.labeled_at,
    )
    shown = GoldAnswer.objects.filter(pk=answer.pk)
    shown.update(showings=F("showings") + 1, right_answers=F("right_answers") + int(is_right))
    enough = slot.module.policy.gold_retire_after
    if shown.active().filter(showings__gte=enough).exists():
        _retire([answer.pk], f"Shown {enough} times.", None)
    return showing


def take_back(label: HitlLabel) -> None:
    """Forget an answer that was undone, in the caller's transaction."""
    for showing in GoldShowing.objects.filter(label=label):
        shown = GoldAnswer.objects.filter(pk=showing.gold_id)
        shown.update(showings=F("showings") - 1, right_answers=F("right_answers") - int(showing.is_right))
        showing.delete()


def score(module: int, user: int) -> Proportion:
    """Answer how many of a person's last gold answers were right; after a pause it begins anew."""
    return scores(module, [user])[user]


def scores(module: int, users: Collection[int]) -> dict[int, Proportion]:
    """Answer the scores of several people, in one query."""
    lifted = AnnotatorPause.objects.filter(module=module, user=OuterRef("user"), lifted_at__gt=OuterRef("answered_at"))
    counted = GoldShowing.objects.filter(~Exists(lifted), module=module, user__in=users)
    newest = counted.annotate(place=Window(RowNumber(), partition_by="user", order_by="-id")).filter(place__lte=WINDOW)
    told: dict[int, list[bool]] = {user: [] for user in users}
    for user, is_right in newest.values_list("user", "is_right"):
        told[user].append(is_right)
    return {user: Proportion(sum(answers), len(answers)) for user, answers in told.items()}


def pause_weak() -> int:
    """Pause those whose score fell below their module's threshold, and drop gold slots that nobody came back to.

    Done by a worker every minute and not at the answer itself, so that nobody learns which one it was. Answers how many.
    """
    now, paused = timezone.now(), 0
    left = ReviewSlot.objects.filter(kind=SlotKind.GOLD, state__in=[SlotState.OPEN, SlotState.LEASED])
    stale = left.filter(Q(state=SlotState.OPEN) | Q(lease_until__lt=now), created_at__lt=now - ABANDONED)
    stale.update(state=SlotState.VOID)
    recent = GoldShowing.objects.filter(answered_at__gte=now - RECENT).order_by()
    modules = {module.pk: module for module in AiModule.objects.all()}
    for module, user in sorted(set(recent.values_list("module", "user"))):
        policy, reached = modules[module].policy, score(module, user)
        if reached.n < policy.gold_min or (reached.share or 0) >= policy.gold_threshold:
            continue
        person = User.objects.get(pk=user)
        if AnnotatorPause.objects.of(module, person) is None and person.is_active:
            why = f"Gold score {reached.share:.0%}, at least {policy.gold_threshold:.0%} is needed."
            pauses.pause(modules[module], person, by=None, why=why, score=reached)
            paused += 1
    return paused


def _is_drawn(module: AiModule, user: User, number: int, share: float) -> bool:
    """Draw by names and not by keys, so that the same people on another database get the same."""
    name = f"gold:{module.slug}:{user.get_username()}:{number}".encode()
    drawn = int.from_bytes(hmac.digest(settings.SECRET_KEY.encode(), name, hashlib.sha256)[:4], "big")
    return drawn < share * 2**32


def _waiting_for(module: AiModule, user: User) -> QuerySet[ReviewSlot]:
    """Select the gold slots that the next claim may take; what `user` skipped comes back too late to be in the way of others."""
    waiting = ReviewSlot.objects.filter(module=module, kind=SlotKind.GOLD, only_user=user, state=SlotState.OPEN)
    return waiting.exclude(skipped_by__contains=f",{user.pk},")


def _opened_for(module: AiModule, user: User, like: Mapping[str, Any] | None = None) -> bool:
    """Open a slot on the gold sample that was shown least and that `user` never had in hands."""
    had = HitlLabel.objects.filter(sample=OuterRef("sample"), annotator=user)
    waits = Q(only_user=user, kind=SlotKind.GOLD, state=SlotState.OPEN)
    holds = ReviewSlot.objects.filter(Q(lease_user=user) | waits, sample=OuterRef("sample"))
    fit = GoldAnswer.objects.active().filter(module=module, sample__state=SampleState.SETTLED, sample__object__deleted_at=None)
    fresh = fit.filter(~Exists(had), ~Exists(holds), sample__object__isnull=False, **(like or {}))
    answer = fresh.select_related("sample__module").order_by("showings", "id").first()
    if answer is None:
        return False
    last = ReviewSlot.objects.filter(sample=answer.sample_id).aggregate(last=Max("slot_no"))["last"] or 0
    slot = ReviewSlot.opened(answer.sample, kind=SlotKind.GOLD, slot_no=last + 1)
    slot.only_user, slot.priority = user, FIRST
    try:
        with transaction.atomic():
            slot.save(force_insert=True)
    except IntegrityError:  # another person got the same sample at this moment; this one gets gold another time
        return False
    return True


def _unfit(sample: LearningSample, rules: Rules) -> str:
    """Answer why a sample cannot be gold, as a sentence's end."""
    if sample.state != SampleState.SETTLED or sample.truth is None:
        return str(NOT_SETTLED)
    if sample.object_id is None or sample.erased_at is not None:
        return str(NO_IMAGE)
    labels = HitlLabel.objects.standing().filter(sample=sample, label_source=LabelSource.REVIEW)
    said = [(label.annotator_id, truth_of(label)) for label in labels]
    iou = _iou(sample.module)
    agreeing = {who for who, truth in said if truth is not None and annotation.agree(truth, sample.truth, rules, iou=iou)}
    return "" if len(agreeing) >= AGREEING else str(NOT_AGREED)


def _promoted(sample: LearningSample, by: User) -> GoldAnswer:
    assert sample.truth is not None
    last = GoldAnswer.objects.filter(sample=sample).aggregate(last=Max("version"))["last"] or 0
    answer = GoldAnswer.objects.create(
        sample=sample,
        module_id=sample.module_id,
        version=last + 1,
        truth=sample.truth,
        truth_sha256=canonical_sha256(sample.truth),
        category=confusion.category(sample.truth, Rules.of(sample.module.schema)),
        promoted_by=by,
    )
    LearningSample.objects.filter(pk=sample.pk).update(is_gold=True)
    record(by, "promote_gold", answer, sample=sample.pk, version=answer.version)
    return answer


def _retire(keys: Sequence[int], why: str, by: User | None) -> None:
    """Take gold out of use; slots that wait for their person are closed."""
    if not keys:
        return
    rows = GoldAnswer.objects.filter(pk__in=keys)
    samples = [row.sample_id for row in rows]
    rows.update(retired_at=timezone.now(), retired_because=why, retired_by=by)
    LearningSample.objects.filter(pk__in=samples).update(is_gold=False)
    waiting = ReviewSlot.objects.filter(sample__in=samples, kind=SlotKind.GOLD, state=SlotState.OPEN)
    waiting.update(state=SlotState.VOID)


def _iou(module: AiModule) -> float:
    return float(module.policy.iou)
