"""What a person holds: the sample on their screen, and up to two more that were leased ahead of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts.models import User
from core.errors import Malformed
from core.prepared import Prepared
from learning import lease_tokens
from learning.actions import gold
from learning.actions.claiming import claim
from learning.models import AiModule, AnnotatorPause, HitlLabel, LearningSample, ReviewSlot, SlotKind, SlotState
from learning.models.review import HAND, QUEUES, queue_key

INSTEAD = {"judge": "returned", "returned": "judge"}
"""Which queue serves who finds nothing in the one they asked for: work that was returned becomes anyone's after a while."""
SHOWN = ("sample__object__thumbnail", "sample__camera", "sample__city", "module")
FIELDS = (
    *(
        "sample",
        "module",
        "queue_key",
        "kind",
        "only_user",
        "lease_user",
        "lease_until",
        "leased_at",
        "place",
        "about",
        "reason",
        "note",
    ),
    *(f"sample__{name}" for name in ("sample_id", "event_id", "city", "camera", "object", "captured_at", "context_notes")),
    *(f"sample__{name}" for name in ("prediction", "predicted_by", "confidence")),
    *(f"sample__object__{name}" for name in ("name", "alias", "kind", "verified_at", "width", "height", "thumbnail")),
    *(f"sample__object__thumbnail__{name}" for name in ("name", "alias", "kind", "verified_at")),
    *("sample__camera__camera_id", "sample__city__slug", "module__review_policy"),
)
"""What a lease shows; reading all columns of seven tables would take longer than finding the rows.

What a check is about is looked up where there is one: a plan that joins the judgements is a scan of them for as long as it
was made when they were few.
"""
FREED = {"state": SlotState.OPEN, "lease_user": None, "lease_until": None, "leased_at": None}
"""What a leased slot is set to when it goes back to its queue."""


@dataclass(frozen=True)
class Lease:
    """A slot in somebody's hands until `until`, with its sample; `token` proves it. `kind` is the queue it came from.

    A check is `about` a judgement; so is work that came back to who did it, with the reason and note why. `ahead` are the
    leases that come next.
    """

    slot: int
    token: str
    until: datetime
    kind: str
    sample: LearningSample
    hides_prediction: bool = False
    about: HitlLabel | None = None
    reason: str = ""
    note: str = ""
    ahead: tuple["Lease", ...] = ()


def held(user: int, queue: str, *, on_grid: bool = False) -> QuerySet[ReviewSlot]:
    """Select what somebody holds of a queue (its key), in the order in which it was leased; even what ran out, if nobody took it.

    In their hand, or `on_grid`: the one knows nothing of the other.
    """
    place = {"place__gt": HAND} if on_grid else {"place__lte": HAND}
    mine = ReviewSlot.objects.filter(lease_user=user, state=SlotState.LEASED, queue_key=queue, **place)
    return mine.order_by("leased_at", "id")


def take(module: AiModule, by: User, kind: str, *, ahead: int = 0) -> Lease | None:
    """Answer the lease that `by` is to work on, filling up their hand; None where nothing waits for them or they are paused.

    Runs in the caller's transaction, and may raise django.db.IntegrityError: see `claim`.
    """
    asked = [kind, INSTEAD[kind]] if kind in INSTEAD else [kind]
    for each in asked:
        if leases := _fill(module, each, by, wanted=1 + ahead):
            return replace(leases[0], ahead=tuple(leases[1 : 1 + ahead]))
    return None


def put_back(by: User, queue: str, *, on_grid: bool = False) -> None:
    """Give all that `by` holds of a queue, in hand or on the grid, back to it."""
    held(by.pk, queue, on_grid=on_grid).order_by().update(**FREED)


def extend(by: User, queue: str, *, on_grid: bool = False) -> datetime:
    """Hold all that `by` holds of a queue, in hand or on the grid, for another while; answers until when."""
    until = lease_end(timezone.now())
    held(by.pk, queue, on_grid=on_grid).order_by().update(lease_until=until)
    return until


def lease_of(slot: ReviewSlot) -> Lease:
    """Answer the lease of a leased slot; of work that was returned, only who did it is shown what they had said."""
    assert slot.lease_user_id is not None
    assert slot.leased_at is not None
    assert slot.lease_until is not None
    token = lease_tokens.issue(slot.pk, slot.lease_user_id, slot.leased_at)
    lease = Lease(slot.pk, token, slot.lease_until, queue_of(slot), slot.sample)
    if slot.kind == SlotKind.CHECK:
        return replace(lease, about=slot.about)
    if slot.kind == SlotKind.SENIOR:
        return lease
    lease = replace(lease, hides_prediction=slot.module.policy.hide_prediction)
    if slot.kind == SlotKind.REWORK and slot.only_user_id == slot.lease_user_id:
        return replace(lease, about=slot.about, reason=slot.reason, note=slot.note)
    return lease


def queue_of(slot: ReviewSlot) -> str:
    """Answer the name of the queue in which a slot waits."""
    return QUEUES[SlotKind(slot.kind)]


def check_ahead(ahead: int) -> int:
    """Answer how many are to be leased ahead; raises Malformed."""
    if not isinstance(ahead, int) or isinstance(ahead, bool) or not 0 <= ahead < HAND:
        raise Malformed(f"ahead is how many more samples to lease: from 0 to {HAND - 1}.")
    return ahead


def _fill(module: AiModule, name: str, by: User, *, wanted: int) -> list[Lease]:
    """Claim until the hand holds `wanted`, and answer it; what was skipped comes back only to an empty hand."""
    queue = queue_key(module.pk, name)
    more = _claim(module, name, by, wanted)
    slots = _read(queue, by)
    if more and len(slots) < wanted:
        while _claim(module, name, by, wanted):
            pass
        slots = _read(queue, by)
    if not slots and _claim(module, name, by, 1, again=True):
        slots = _read(queue, by)
    return [lease_of(slot) for slot in slots]


def _claim(module: AiModule, name: str, by: User, wanted: int, *, again: bool = False) -> bool:
    now = timezone.now()
    has_gold = name == QUEUES[SlotKind.GOLD] and bool(module.policy.gold_share)
    if has_gold:
        gold.mix_in(module, by)
    was_given = claim(module.pk, name, by.pk, now=now, until=lease_end(now), wanted=wanted, again=again)
    if was_given and has_gold:
        gold.count_turn(module.pk, by)
    return was_given


def _hand(user: int, queue: str) -> QuerySet[ReviewSlot]:
    paused = AnnotatorPause.objects.standing().filter(user=OuterRef("lease_user"), module=OuterRef("module"))
    return held(user, queue).filter(~Exists(paused)).select_related(*SHOWN).only(*FIELDS)[:HAND]


def _read(queue: str, by: User) -> Sequence[ReviewSlot]:
    """Answer the hand, held for as long as a new one where its time is half over."""
    slots = _HAND.rows(user=by.pk, queue=queue)
    half = timezone.now() + timedelta(minutes=settings.LEASE_MINUTES) / 2
    if any(slot.lease_until and slot.lease_until < half for slot in slots):
        extend(by, queue)
        slots = _HAND.rows(user=by.pk, queue=queue)
    return slots


_HAND = Prepared(_hand, user=int, queue=str)


def lease_end(now: datetime) -> datetime:
    """Answer until when a lease of now is good."""
    return now + timedelta(minutes=settings.LEASE_MINUTES)
