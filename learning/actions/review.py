"""Verbs of the review queue: lease the next slot, renew or release it, decide, undo."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.canonical import canonical_sha256
from core.errors import Conflict, Malformed, Missing, Refused
from learning import judgement, lease_tokens
from learning.actions.claiming import claim
from learning.actions.counting import count, take_back
from learning.annotation import Rules
from learning.models import AiModule, HitlLabel, LearningSample, ReviewSlot, SlotKind, SlotState
from learning.models.label import LabelSource
from learning.models.review import QUEUES, queue_key

SENIOR_QUEUES = frozenset({"dispute", "check"})
UNDOABLE = 10


@dataclass(frozen=True)
class Lease:
    """A slot in somebody's hands until `until`, with its sample; `token` proves it. `kind` is the queue it came from."""

    slot: int
    token: str
    until: datetime
    kind: str
    sample: LearningSample


@dataclass(frozen=True)
class Decided:
    """What a decision made: the label (None for skip), and the next lease where one was asked for and there is one."""

    label: HitlLabel | None
    next_lease: Lease | None


@dataclass(frozen=True)
class _Asked:
    """A decision as it was sent."""

    decision: str
    correction: Any
    reason: str
    seconds: float | None
    client_uuid: uuid.UUID

    def digest(self, slot: int) -> str:
        """Answer by what the same request is known again; the time it took may differ."""
        return canonical_sha256([slot, self.decision, self.correction, self.reason])


@transaction.atomic
def lease_next(module: AiModule, *, by: User, kind: str = "judge") -> Lease | None:
    """Answer the lease that `by` holds in this queue already, else lease the best slot that waits; None where none does.

    `kind` is judge, check, dispute or returned.
    """
    _require_judge(by, kind)
    return _held(module.pk, by, kind) or _claimed(module.pk, by, kind)


@transaction.atomic
def renew_lease(slot_id: int, *, by: User, lease_token: str) -> Lease:
    """Hold a lease for another while; raises Conflict where it was lost."""
    slot, issued_at = _read_lease(slot_id, by, lease_token)
    if not _is_held(slot, by, issued_at):
        raise Conflict("This lease ran out, and the sample was given to somebody else.", code="lease_lost")
    return _lease(slot, _extended(slot))


@transaction.atomic
def release_lease(slot_id: int, *, by: User, lease_token: str) -> None:
    """Give a leased slot back; one that is no longer held is let be."""
    slot, issued_at = _read_lease(slot_id, by, lease_token)
    if _is_held(slot, by, issued_at):
        slot.move(SlotState.OPEN, lease_user=None, lease_until=None, leased_at=None)


def decide(
    slot_id: int,
    *,
    by: User,
    lease_token: str,
    client_uuid: str | uuid.UUID,
    decision: str,
    correction: Any = None,
    reason: str = "",
    seconds: float | None = None,
    next: bool = False,  # noqa: A002  (the wire's own word)
) -> Decided:
    """Judge a leased sample, settle it where the policy's judgements are complete, and lease the next one if asked.

    The same `client_uuid` again gets the first answer; with another content it raises Conflict. A lease that ran out, and
    was given to somebody else, still counts within seven days, as an additional judgement. Raises Refused for a token
    that is not this user's on this slot, Malformed and Invalid for a decision that cannot be.
    """
    asked = _Asked(decision, correction, reason, judgement.check_seconds(seconds), _read_uuid(client_uuid))
    try:
        return _decide(slot_id, by, lease_token, asked, wants_next=next)
    except IntegrityError:  # this client_uuid was used a moment ago: by this very request, or by another one
        label = HitlLabel.objects.filter(client_uuid=asked.client_uuid).first()
        if label is None:
            raise
        return _replayed(label, slot_id, by, asked, wants_next=next)


@transaction.atomic
def undo(slot_id: int, *, by: User) -> Lease:
    """Take back one of one's last ten decisions while nobody built on it, and answer its slot, leased to `by` again.

    The label stays on record as withdrawn and makes no truth. What else `by` holds in this queue goes back to it. Asked
    again, the same lease is answered. Raises Conflict where it is too late, Refused for somebody else's decision.
    """
    slot, now = _locked(slot_id, by), timezone.now()
    label = slot.label
    if label is None and slot.state == SlotState.LEASED and slot.lease_user_id == by.pk:
        return _lease(slot, _extended(slot))
    if label is None or slot.state != SlotState.DONE:
        raise Conflict("There is no decision on this slot that could be undone.", code="nothing_to_undo")
    if label.annotator_id != by.pk:
        raise Refused("This decision is not yours.")
    if label.pk not in _judgements_of(by).order_by("-id").values_list("pk", flat=True)[:UNDOABLE]:
        raise Conflict(f"Only your last {UNDOABLE} decisions can be undone.", code="too_old")
    HitlLabel.objects.filter(pk=label.pk).update(withdrawn_at=now)
    take_back(slot, label, now)
    held = ReviewSlot.objects.filter(lease_user=by, state=SlotState.LEASED, queue_key=slot.queue_key)
    held.update(state=SlotState.OPEN, lease_user=None, lease_until=None, leased_at=None)
    until = now + timedelta(minutes=settings.LEASE_MINUTES)
    slot.move(SlotState.LEASED, label=None, lease_user=by, leased_at=now, lease_until=until)
    record(by, "undo", slot, label=label.label_id, sample=slot.sample_id)
    return _lease(slot, until)


@transaction.atomic
def _decide(slot_id: int, by: User, token: str, asked: _Asked, *, wants_next: bool) -> Decided:
    slot, issued_at = _read_lease(slot_id, by, token)
    held = _is_held(slot, by, issued_at)
    earlier = None if held else HitlLabel.objects.filter(client_uuid=asked.client_uuid).first()
    if earlier:
        return _replayed(earlier, slot_id, by, asked, wants_next=wants_next)
    label = None
    if asked.decision != "skip":
        label = _judge(slot, by, asked, held=held)
    elif held:  # it goes behind the others; a skip of what is no longer held changes nothing
        slot.move(SlotState.OPEN, lease_user=None, lease_until=None, leased_at=None, priority=slot.priority - 1)
        record(by, "skip", slot, sample=slot.sample_id)
    return Decided(label, _claimed(slot.module_id, by, _queue_of(slot)) if wants_next else None)


def _judge(slot: ReviewSlot, by: User, asked: _Asked, *, held: bool) -> HitlLabel:
    """Keep the judgement, close the slot, and let it count."""
    sample, schema = slot.sample, slot.module.schema
    if not held and _has_judged(sample, by):
        raise Conflict("You judged this sample already.", code="judged_already")
    rules = Rules.of(schema)
    said = judgement.read_decision(
        asked.decision,
        sample.prediction,
        asked.correction,
        asked.reason,
        rules=rules,
        reasons=schema.reasons,
        size=_size_of(sample),
    )
    label = HitlLabel.objects.create(
        sample=sample,
        city_id=sample.city_id,
        schema=schema,
        label_status=said.label_status,
        decision=asked.decision,
        prediction=sample.prediction,
        correction=said.correction,
        labeled_at=timezone.now(),
        annotator=by,
        label_source=LabelSource.REVIEW,
        review_time_seconds=asked.seconds,
        reason=asked.reason,
        dispute_resolution=asked.decision if held and slot.kind == SlotKind.SENIOR else "",
        client_uuid=asked.client_uuid,
        request_sha256=asked.digest(slot.pk),
    )
    if held:
        slot.move(SlotState.DONE, label=label)
    record(by, "decide", slot, label=label.label_id, decision=asked.decision, sample=sample.pk, late=not held)
    count(slot, label, rules, late=not held)
    return label


def _replayed(label: HitlLabel, slot_id: int, by: User, asked: _Asked, *, wants_next: bool) -> Decided:
    """Answer a request that was answered before, or raise Conflict where it is another one."""
    if label.annotator_id != by.pk or label.request_sha256 != asked.digest(slot_id):
        raise Conflict("This client_uuid was used for another decision.", code="client_uuid_used")
    if not wants_next:
        return Decided(label, None)
    with transaction.atomic():
        slot = ReviewSlot.objects.get(pk=slot_id)
        queue = _queue_of(slot)
        return Decided(label, _held(slot.module_id, by, queue) or _claimed(slot.module_id, by, queue))


def _read_lease(slot_id: int, by: User, token: str) -> tuple[ReviewSlot, datetime]:
    """Lock a slot and its sample and answer them with the time of the lease; raises Missing and Refused."""
    slot = _locked(slot_id, by)
    return slot, lease_tokens.read(token, slot_id, by.pk, timezone.now())


def _locked(slot_id: int, by: User) -> ReviewSlot:
    """Lock a slot of a queue in which `by` may judge, and its sample."""
    slots = ReviewSlot.objects.select_for_update(of=("self", "sample"))
    # The label is not joined: after a wait for the lock, PostgreSQL shows the joined rows of before the wait.
    slot = slots.select_related("sample__object", "module").filter(pk=slot_id).first()
    if slot is None:
        raise Missing("There is no such slot.")
    _require_judge(by, _queue_of(slot))
    return slot


def _is_held(slot: ReviewSlot, by: User, issued_at: datetime) -> bool:
    """Tell whether this very lease still stands; one that ran out does, until somebody else gets the slot."""
    return slot.state == SlotState.LEASED and slot.lease_user_id == by.pk and slot.leased_at == issued_at


def _held(module: int, by: User, queue: str) -> Lease | None:
    """Answer an open lease of `by` in this queue, for as long again: a reload gets it back."""
    held = ReviewSlot.objects.filter(
        lease_user=by, state=SlotState.LEASED, queue_key=queue_key(module, queue), lease_until__gt=timezone.now()
    )
    slot = held.select_related(*_SHOWN).order_by("leased_at").first()
    return _lease(slot, _extended(slot)) if slot else None


def _claimed(module: int, by: User, queue: str) -> Lease | None:
    now = timezone.now()
    until = now + timedelta(minutes=settings.LEASE_MINUTES)
    key = claim(queue_key(module, queue), by.pk, now=now, until=until)
    return _lease(ReviewSlot.objects.select_related(*_SHOWN).get(pk=key), until) if key else None


_SHOWN = ("sample__object__thumbnail", "sample__camera", "sample__city", "module")


def _extended(slot: ReviewSlot) -> datetime:
    until = timezone.now() + timedelta(minutes=settings.LEASE_MINUTES)
    ReviewSlot.objects.filter(pk=slot.pk).update(lease_until=until)
    return until


def _lease(slot: ReviewSlot, until: datetime) -> Lease:
    assert slot.lease_user_id is not None
    assert slot.leased_at is not None
    token = lease_tokens.issue(slot.pk, slot.lease_user_id, slot.leased_at)
    return Lease(slot.pk, token, until, _queue_of(slot), slot.sample)


def _queue_of(slot: ReviewSlot) -> str:
    return QUEUES[SlotKind(slot.kind)]


def _require_judge(by: User, queue: str) -> None:
    if queue not in QUEUES.values():
        raise Malformed(f"The kind of a judgement is one of {', '.join(sorted(set(QUEUES.values())))}.")
    require(by, Permission.ADJUDICATE if queue in SENIOR_QUEUES else Permission.ANNOTATE)


def _has_judged(sample: LearningSample, by: User) -> bool:
    return _judgements_of(by).filter(sample=sample).exists()


def _judgements_of(by: User) -> QuerySet[HitlLabel]:
    return HitlLabel.objects.standing().filter(annotator=by, label_source=LabelSource.REVIEW)


def _size_of(sample: LearningSample) -> tuple[int, int] | None:
    obj = sample.object
    return (obj.width, obj.height) if obj and obj.width and obj.height else None


def _read_uuid(given: str | uuid.UUID) -> uuid.UUID:
    try:
        return given if isinstance(given, uuid.UUID) else uuid.UUID(given)
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("client_uuid must be a UUID.") from error
