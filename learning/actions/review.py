"""Verbs of the review queue: lease the next slot, renew or release it, decide, undo."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.canonical import canonical_sha256
from core.errors import Conflict, Malformed, Missing, Refused
from core.prepared import Prepared, execute, insert
from learning import judgement, lease_tokens
from learning.actions import checking, gold, pause
from learning.actions.claiming import bound
from learning.actions.counting import count, take_back
from learning.actions.hand import FREED, Lease, check_ahead, extend, lease_end, lease_of, put_back, queue_of, take
from learning.annotation import Rules
from learning.judgement import Judgement
from learning.models import AiModule, CheckOutcome, HitlLabel, LabelSchema, LearningSample, ReviewSlot, SlotKind, SlotState
from learning.models.label import LabelSource
from learning.models.review import QUEUES

SENIOR_QUEUES = frozenset({"dispute", "check"})
UNDOABLE = 10
TRIES = 5
REMEMBERED = 18
"""How many of those who skipped a slot it remembers."""
SOURCES = {SlotKind.CHECK: LabelSource.VALIDATION, SlotKind.GOLD: LabelSource.GOLD}
"""Where a judgement of a slot of some kind was made, for those that are no judgement like others."""
UNUSED = ["md5", "size", "media_type", "encoding", "shape", "dtype", "owner", "metadata", "storage_class", "etag", "phash"]
"""What of an image's row no decision needs, and therefore does not read."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Decided:
    """What a decision made: the label (None for skip and return), and the next lease where it was asked for and there is one."""

    label: HitlLabel | None
    next_lease: Lease | None


@dataclass(frozen=True)
class _Asked:
    """A decision as it was sent; `ahead` is None where no next lease is asked for."""

    decision: str
    correction: Any
    reason: str
    note: str
    seconds: float | None
    client_uuid: uuid.UUID
    ahead: int | None

    def digest(self, slot: int) -> str:
        """Answer by what the same request is known again; the time it took may differ."""
        said = [slot, self.decision, self.correction, self.reason]
        return canonical_sha256([*said, self.note] if self.note else said)


def lease_next(module: AiModule, *, by: User, kind: str = "judge", ahead: int = 0) -> Lease | None:
    """Answer the lease that `by` holds in this queue already, else lease the best slot that waits; None where none does.

    `kind` is judge, check, dispute or returned. Up to two more are leased `ahead`, for their images to be fetched.
    """
    _require_judge(by, kind)
    check_ahead(ahead)
    pause.refuse_paused(module, by)
    return retried(lambda: take(module, by, kind, ahead=ahead))


@transaction.atomic
def renew_lease(slot_id: int, *, by: User, lease_token: str) -> Lease:
    """Hold a lease for another while, and what was leased ahead; raises Conflict where it was lost."""
    slot = _locked(slot_id, by)
    lease_tokens.read(lease_token, slot_id, by.pk, timezone.now())
    if not _is_held(slot, by):
        raise Conflict("This lease ran out, and the sample was given to somebody else.", code="lease_lost")
    slot.lease_until = extend(by, slot.queue_key, on_grid=slot.is_on_grid)
    return lease_of(slot)


@transaction.atomic
def release_lease(slot_id: int, *, by: User, lease_token: str) -> None:
    """Give a leased slot back, and what was leased ahead; one that is no longer held is let be."""
    slot = _locked(slot_id, by)
    issued_at = lease_tokens.read(lease_token, slot_id, by.pk, timezone.now())
    if _is_held(slot, by) and slot.leased_at == issued_at:
        put_back(by, slot.queue_key, on_grid=slot.is_on_grid)


def decide(
    slot_id: int,
    *,
    by: User,
    lease_token: str,
    client_uuid: str | uuid.UUID,
    decision: str,
    correction: Any = None,
    reason: str = "",
    note: str = "",
    seconds: float | None = None,
    next: bool = False,  # noqa: A002  (the wire's own word)
    ahead: int = 0,
) -> Decided:
    """Judge a leased sample, settle it where the policy's judgements are complete, and lease the next one if asked.

    The same `client_uuid` again gets the first answer; with another content it raises Conflict. A lease that ran out, and
    was given to somebody else, still counts within seven days, as an additional judgement; one that nobody took is as good
    as held. A check is accepted by `correct`, and only it may be returned. Raises Refused for a token that is not this
    user's on this slot, Malformed and Invalid for a decision that cannot be.
    """
    asked = _Asked(
        decision,
        correction,
        reason,
        judgement.check_note(note),
        judgement.check_seconds(seconds),
        _read_uuid(client_uuid),
        check_ahead(ahead) if next else None,
    )
    return retried(lambda: _decide(slot_id, by, lease_token, asked), lambda: _replay(slot_id, by, asked))


@transaction.atomic
def undo(slot_id: int, *, by: User) -> Lease:
    """Take back one of one's last ten decisions while nobody built on it, and answer its slot, leased to `by` again.

    The label stays on record as withdrawn and makes no truth. What else `by` holds in this queue goes back to it. Asked
    again, the same lease is answered. Raises Conflict where it is too late, Refused for somebody else's decision, and for who
    is paused.
    """
    slot, now = _locked(slot_id, by), timezone.now()
    pause.refuse_paused(slot.module, by)
    if _is_held(slot, by):
        slot.lease_until = extend(by, slot.queue_key, on_grid=slot.is_on_grid)
        return lease_of(slot)
    label = slot.label
    if slot.state != SlotState.DONE or (label is None and slot.outcome != CheckOutcome.RETURNED):
        raise Conflict("There is no decision on this slot that could be undone.", code="nothing_to_undo")
    if slot.lease_user_id != by.pk:
        raise Refused("This decision is not yours.")
    if label is None:
        checking.take_return_back(slot, now)
    else:
        _withdraw(slot, label, by, now)
    put_back(by, slot.queue_key)
    fields = {"lease_user": by, "leased_at": now, "lease_until": lease_end(now), "place": 1}
    slot.move(SlotState.LEASED, label=None, outcome="", **fields)
    record(by, "undo", slot, label=label.label_id if label else None, sample=slot.sample_id)
    return lease_of(slot)


def _decide(slot_id: int, by: User, token: str, asked: _Asked) -> Decided:
    slot = _locked(slot_id, by)
    issued_at = lease_tokens.read(token, slot_id, by.pk, timezone.now())
    label = None
    if asked.decision == "skip":
        _skip(slot, by)
    elif asked.decision == "return":
        judgement.check_reason(asked.decision, asked.reason, ())
        checking.give_back(slot, by=by, issued_at=issued_at, reason=asked.reason, note=asked.note)
    else:
        earlier = None if _is_held(slot, by) else HitlLabel.objects.filter(client_uuid=asked.client_uuid).first()
        label = _known(earlier, slot_id, by, asked) if earlier else _judge(slot, by, issued_at, asked)
    return Decided(label, _next(slot, by, asked))


def _next(slot: ReviewSlot, by: User, asked: _Asked) -> Lease | None:
    return None if asked.ahead is None else take(slot.module, by, queue_of(slot), ahead=asked.ahead)


def _judge(slot: ReviewSlot, by: User, issued_at: datetime, asked: _Asked) -> HitlLabel:
    """Keep the judgement, close the slot where it was held, and let it count.

    The slot was read before the sample was locked, so that only the UPDATE that closes it tells whether it was held.
    """
    sample = slot.sample
    schema, rules = _schema(slot.schema_id, slot.schema_made_at)  # type: ignore[attr-defined]  # as _slots selects them
    may_be_held = _is_held(slot, by) or slot.state == SlotState.OPEN
    if not _is_held(slot, by) and _has_judged(sample, by):
        raise Conflict("You judged this sample already.", code="judged_already")
    label = _label(slot, by, asked, _read(slot, asked, rules, schema), schema)
    insert(label)
    held = may_be_held and _close(slot, label, by, issued_at)
    if not held and _has_judged(sample, by, but=label):
        raise Conflict("You judged this sample already.", code="judged_already")
    record(by, "decide", slot, label=label.label_id, decision=label.decision, sample=sample.pk, late=not held)
    if slot.kind == SlotKind.GOLD:
        gold.answered(slot, label, rules)
    elif not held and sample.reopened_at is not None and sample.reopened_at > issued_at:
        HitlLabel.objects.filter(pk=label.pk).update(withdrawn_at=timezone.now())  # it was asked for in an earlier round
    elif slot.kind != SlotKind.CHECK:
        if held and slot.kind == SlotKind.SENIOR:
            label.dispute_resolution = label.decision
            label.save(update_fields=["dispute_resolution"])
        count(slot, label, rules, late=not held)
    elif held:
        checking.conclude(slot, label, rules)
    return label


def _read(slot: ReviewSlot, asked: _Asked, rules: Rules, schema: LabelSchema) -> Judgement:
    policy, sample = slot.module.policy, slot.sample
    facts: dict[str, Any] = {"rules": rules, "reasons": schema.reasons_for(asked.decision), "size": _size_of(sample)}
    if slot.kind == SlotKind.CHECK and slot.about:
        return checking.read(slot.about, asked.decision, asked.correction, asked.reason, **facts)
    if policy.hide_prediction and slot.kind != SlotKind.SENIOR:
        facts["iou"] = policy.iou
        return judgement.read_blind(asked.decision, sample.prediction, asked.correction, asked.reason, **facts)
    return judgement.read_decision(asked.decision, sample.prediction, asked.correction, asked.reason, **facts)


def _label(slot: ReviewSlot, by: User, asked: _Asked, said: Judgement, schema: LabelSchema) -> HitlLabel:
    return HitlLabel(
        sample=slot.sample,
        city_id=slot.sample.city_id,
        schema=schema,
        label_status=said.label_status,
        decision=said.decision,
        prediction=slot.sample.prediction,
        correction=said.correction,
        labeled_at=timezone.now(),
        annotator=by,
        label_source=SOURCES.get(SlotKind(slot.kind), LabelSource.REVIEW),
        review_time_seconds=asked.seconds,
        reason=asked.reason,
        correction_notes=asked.note,
        client_uuid=asked.client_uuid,
        request_sha256=asked.digest(slot.pk),
    )


def _close(slot: ReviewSlot, label: HitlLabel, by: User, issued_at: datetime) -> bool:
    """Close a slot by a judgement of who holds it, or gave it back and nobody took it since; tells whether it was so."""
    facts = [label.pk, by.pk, bound(issued_at), bound(slot.lease_until or issued_at), slot.pk, by.pk]
    _rows, closed = execute(CLOSE, facts)
    return bool(closed)


CLOSE = """
UPDATE review_slots SET state = 'done', label_id = %s, lease_user_id = %s, leased_at = %s, lease_until = %s
WHERE id = %s AND (state = 'open' OR (state = 'leased' AND lease_user_id = %s))
"""


def _skip(slot: ReviewSlot, by: User) -> None:
    """Give a slot back, for others; its person gets it again when nothing else waits. What is not held is let be."""
    earlier = [key for key in slot.skipped_by.split(",") if key and key != str(by.pk)]
    skipped = f",{','.join([*earlier, str(by.pk)][-REMEMBERED:])},"
    held = ReviewSlot.objects.filter(pk=slot.pk, state=SlotState.LEASED, lease_user=by)
    if held.update(**FREED, skipped_by=skipped):
        record(by, "skip", slot, sample=slot.sample_id)


def _withdraw(slot: ReviewSlot, label: HitlLabel, by: User, now: datetime) -> None:
    """Let an own decision count no more."""
    if label.withdrawn_at is not None:
        raise Conflict("This was returned or opened for another round meanwhile; judge it there.", code="built_upon")
    if label.pk not in _judgements_of(by).order_by("-id").values_list("pk", flat=True)[:UNDOABLE]:
        raise Conflict(f"Only your last {UNDOABLE} decisions can be undone.", code="too_old")
    HitlLabel.objects.filter(pk=label.pk).update(withdrawn_at=now)
    if slot.kind == SlotKind.GOLD:
        gold.take_back(label)
    else:
        take_back(slot, label, now)


def retried(act: Callable[[], Answer], replay: Callable[[], Answer | None] = lambda: None) -> Answer:
    """Do a verb in its transaction, and again where the database refused to let one person take the same thing twice at once."""
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return act()
        except IntegrityError:
            answer = replay()
            if answer is not None:
                return answer
            if attempt == TRIES - 1:
                raise
    raise AssertionError


def _replay(slot_id: int, by: User, asked: _Asked) -> Decided | None:
    """Answer a request that was answered a moment ago; None where it was not."""
    label = HitlLabel.objects.filter(client_uuid=asked.client_uuid).first()
    if label is None:
        return None
    known = _known(label, slot_id, by, asked)
    return Decided(known, retried(lambda: _next(ReviewSlot.objects.get(pk=slot_id), by, asked)))


def _known(label: HitlLabel, slot_id: int, by: User, asked: _Asked) -> HitlLabel:
    """Answer the label of a request that was answered before; raises Conflict where it is another request."""
    if label.annotator_id != by.pk or label.request_sha256 != asked.digest(slot_id):
        raise Conflict("This client_uuid was used for another decision.", code="client_uuid_used")
    return label


def _locked(slot_id: int, by: User) -> ReviewSlot:
    """Answer a slot of a queue in which `by` may judge, its sample locked: whoever changes anything about a sample waits.

    The slot itself is not locked, and may be another's by now: whoever changes it says in the UPDATE what it must be.
    """
    slot = _SLOT.first(slot=slot_id)
    if slot is None:
        raise Missing("There is no such slot.")
    slot.sample.module = slot.module
    _require_judge(by, queue_of(slot))
    return slot


def _slots(slot: int) -> QuerySet[ReviewSlot]:
    rows = ReviewSlot.objects.select_for_update(of=("sample",), no_key=True)
    newest = LabelSchema.objects.filter(module=OuterRef("module")).order_by("-revision")
    schema = {"schema_id": Subquery(newest.values("pk")[:1]), "schema_made_at": Subquery(newest.values("created_at")[:1])}
    unused = [f"sample__object__{name}" for name in UNUSED]
    return rows.select_related("sample__object", "module").defer(*unused).annotate(**schema).filter(pk=slot)


@lru_cache(maxsize=256)
def _schema(key: int, made_at: datetime) -> tuple[LabelSchema, Rules]:
    """Answer a revision, made ready for checking; no revision ever changes, so that each process reads it once."""
    schema = LabelSchema.objects.get(pk=key)
    return schema, Rules.of(schema)


_SLOT = Prepared(_slots, slot=int)


def _is_held(slot: ReviewSlot, by: User) -> bool:
    """Tell whether `by` holds this slot; a lease that ran out is held until somebody else gets the slot."""
    return slot.state == SlotState.LEASED and slot.lease_user_id == by.pk


def _require_judge(by: User, queue: str) -> None:
    if queue not in QUEUES.values():
        raise Malformed(f"The kind of a judgement is one of {', '.join(sorted(set(QUEUES.values())))}.")
    require(by, Permission.ADJUDICATE if queue in SENIOR_QUEUES else Permission.ANNOTATE)


def _has_judged(sample: LearningSample, by: User, *, but: HitlLabel | None = None) -> bool:
    judged = _judgements_of(by).filter(sample=sample)
    return (judged.exclude(pk=but.pk) if but else judged).exists()


def _judgements_of(by: User) -> QuerySet[HitlLabel]:
    said_in_review = Q(label_source=LabelSource.REVIEW) | Q(slot__isnull=False)
    return HitlLabel.objects.standing().filter(said_in_review, annotator=by)


def _size_of(sample: LearningSample) -> tuple[int, int] | None:
    obj = sample.object
    return (obj.width, obj.height) if obj and obj.width and obj.height else None


def _read_uuid(given: str | uuid.UUID) -> uuid.UUID:
    try:
        return given if isinstance(given, uuid.UUID) else uuid.UUID(given)
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("client_uuid must be a UUID.") from error
