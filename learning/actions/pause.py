"""Verbs that keep somebody from judging in a module for a while, and let them on again."""

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, is_allowed, require
from core.errors import Invalid, Refused
from learning.models import AiModule, AnnotatorPause, ReviewSlot, SlotState
from learning.models.gold import MAX_REASON
from learning.proportion import Proportion


@transaction.atomic
def pause(module: AiModule, user: User, *, by: User | None, why: str, score: Proportion | None = None) -> AnnotatorPause:
    """Keep `user` from judging in a module; what they hold goes back to its queue. Twice is the first one.

    `by` is None where their gold score did it. Raises Invalid without a reason, or for somebody who judges nothing.
    """
    if by is not None:
        require(by, Permission.ADJUDICATE)
    reason = _reason(why)
    if not is_allowed(user, Permission.ANNOTATE):
        raise Invalid(f"{user.name} judges nothing, so there is nothing to pause.")
    told = {"why": reason, "by": by, "score": score.share if score else None, "answers": score.n if score else 0}
    row, is_new = AnnotatorPause.objects.get_or_create(module=module, user=user, lifted_at=None, defaults=told)
    if is_new:
        held = ReviewSlot.objects.filter(module=module, lease_user=user, state=SlotState.LEASED)
        held.update(state=SlotState.OPEN, lease_user=None, lease_until=None, leased_at=None)
        record(by, "pause", row, module=module.slug, user=user.pk, score=row.score, answers=row.answers)
    return row


@transaction.atomic
def lift(row: AnnotatorPause, *, by: User, why: str) -> AnnotatorPause:
    """Let somebody judge again; their score begins anew. Twice is success. Raises Invalid without a reason, Refused to oneself."""
    require(by, Permission.ADJUDICATE)
    reason = _reason(why)
    row = AnnotatorPause.objects.select_for_update(of=("self",)).select_related("module").get(pk=row.pk)
    if row.user_id == by.pk:
        raise Refused("Somebody else has to lift your own pause.")
    if row.lifted_at is None:
        row.lifted_at, row.lifted_by, row.lifted_because = timezone.now(), by, reason
        row.save(update_fields=["lifted_at", "lifted_by", "lifted_because"])
        record(by, "resume", row, module=row.module.slug, user=row.user_id)
    return row


def refuse_paused(module: AiModule, user: User) -> None:
    """Raise Refused for somebody who is paused in a module, with their score and never with a sample."""
    row = AnnotatorPause.objects.of(module.pk, user)
    if row is None:
        return
    facts = {"score": row.score, "answers": row.answers, "since": row.since.isoformat()}
    raise Refused(f"You are paused in {module.name}: {told(row)}", code="paused", facts=facts)


def told(row: AnnotatorPause) -> str:
    """Say to the person why, in a sentence or two."""
    after = "A reviewer will talk to you about it and let you go on."
    if row.by_id is not None or row.score is None:
        return f"{row.why.rstrip('.')}. {after}"
    return f"of your last {row.answers} samples whose answer is known, {row.score:.0%} were right. {after}"


def _reason(why: str) -> str:
    reason = why.strip() if isinstance(why, str) else ""
    if not reason or len(reason) > MAX_REASON or not reason.isprintable():
        raise Invalid(f"Say why, in 1 to {MAX_REASON} characters.", errors={"reason": ["is missing or too long"]})
    return reason
