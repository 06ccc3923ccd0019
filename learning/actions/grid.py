"""Verbs of the grid: lease a page of samples that one class was predicted for, and judge them in one go."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Malformed, Refusal, Refused
from learning import judgement, lease_tokens
from learning.actions import gold, hand, pause, review
from learning.actions.grid_claiming import Front, front
from learning.actions.hand import FREED, SHOWN, Lease, held, lease_end, lease_of
from learning.models import AiModule, LearningSample, ReviewSlot, SlotKind, SlotState, Task
from learning.models.policy import lot
from learning.models.review import QUEUES, TILES, queue_key

TASKS = frozenset({Task.CLASSIFICATION, Task.TEXT})
APPROVED, CHANGED, MARKED, LATE, REFUSED = "approved", "changed", "marked", "late", "refused"
LIKE: dict[str, Callable[[str], dict[str, Any]]] = {
    Task.CLASSIFICATION: lambda label: {"sample__prediction__label": label},
    Task.TEXT: lambda _label: {"sample__prediction__has_key": "text"},
}
"""How a gold sample is found whose prediction looks like that of the others."""


@dataclass(frozen=True)
class GridPage:
    """What somebody holds on their grid: leases whose samples have one predicted class; of texts, `label` is empty.

    `classes` are those at the front of the queue beside it, each with how many wait there.
    """

    label: str
    leases: tuple[Lease, ...]
    classes: Mapping[str, int]


@dataclass(frozen=True)
class Held:
    """A lease as it was sent back, with what the sample is instead of its prediction, where that was edited."""

    slot: int
    lease_token: str
    correction: Any = None


@dataclass(frozen=True)
class Outcome:
    """What became of one slot of a page: approved, changed, marked, late or refused, and where it was refused, why."""

    slot: int
    outcome: str
    code: str = ""
    detail: str = ""


def lease_page(module: AiModule, *, by: User, label: str = "", size: int = TILES) -> GridPage:
    """Answer the page that `by` holds already, else lease one of at most `size` samples; without any where nothing waits.

    `label` asks for the samples of one predicted class, and gives back a page of another; without it, it is the class of
    which most wait at the front of the queue. Raises Conflict where the module's samples do not fit on a grid.
    """
    require(by, Permission.ANNOTATE)
    if why := why_not(module):
        raise Conflict(why, code="no_grid")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= TILES:
        raise Malformed(f"A page has from 1 to {TILES} samples.")
    pause.refuse_paused(module, by)
    asked = label if module.task == Task.CLASSIFICATION else ""
    return review.retried(lambda: _page(module, by, asked, size))


@transaction.atomic
def renew_page(leases: Sequence[Held], *, by: User) -> list[ReviewSlot]:
    """Hold a page for another while; answers the slots that `by` still holds, and leaves those that were lost."""
    require(by, Permission.ANNOTATE)
    mine = _mine(leases, by)
    mine.update(lease_until=lease_end(timezone.now()))
    return list(mine.order_by("id"))


@transaction.atomic
def release_page(leases: Sequence[Held], *, by: User) -> None:
    """Give a page back to the queue; what is no longer held is let be."""
    require(by, Permission.ANNOTATE)
    _mine(leases, by).update(**FREED)


@transaction.atomic
def decide_page(
    page: str | uuid.UUID,
    *,
    by: User,
    approved: Sequence[Held] = (),
    changed: Sequence[Held] = (),
    marked: Sequence[Held] = (),
    seconds: float | None = None,
) -> list[Outcome]:
    """Judge a page: what is right, what is something else, and what is wrong and waits for somebody who looks at it in full.

    Each slot is decided as review.decide does it, with a client_uuid made of the page's, so that the same page again is
    counted once; each has its own outcome, and a refusal of one keeps no other back. Raises Malformed for no page at all.
    """
    require(by, Permission.ANNOTATE)
    key, judged = _page_uuid(page), [*approved, *changed]
    slots = _distinct([*judged, *marked])
    each = judgement.check_seconds(seconds)
    share = None if each is None or not judged else round(each / len(judged), 3)
    _lock_samples(slots)
    corrected = {row.slot for row in changed}
    outcomes = [
        _decide(key, row, by, share, is_changed=row.slot in corrected) for row in sorted(judged, key=lambda row: row.slot)
    ]
    return [*_told_late(outcomes, key, by), *(_mark(row, by) for row in marked)]


def why_not(module: AiModule) -> str:
    """Answer why a module's samples cannot be judged on a grid; "" where they can."""
    if module.task not in TASKS:
        return "Boxes and drawings are judged one sample after the other; the grid is for classes and texts."
    if module.policy.hide_prediction:
        return "This module's policy hides the prediction, which a grid would show."
    return ""


def _page(module: AiModule, by: User, label: str, size: int) -> GridPage:
    queue = queue_key(module.pk, QUEUES[SlotKind.NORMAL])
    slots = _held(by, queue)
    if slots and label and _class_of(slots[0]) != label:
        hand.put_back(by, queue, on_grid=True)
        slots = []
    ahead = front(queue, module.task, by.pk, timezone.now())
    classes = ahead.classes() if ahead else {}
    if not slots and ahead:
        asked = label or next(iter(classes), "")
        _claim(module, by, ahead, asked, min(size, classes.get(asked, 0)))
        slots, classes = _held(by, queue), ahead.classes()
    named = _class_of(slots[0]) if slots and module.task == Task.CLASSIFICATION else label
    return GridPage(named, tuple(lease_of(slot) for slot in slots), classes)


def _claim(module: AiModule, by: User, ahead: Front, label: str, wanted: int) -> None:
    if not wanted:
        return
    gold.mix_into_page(module, by, wanted, LIKE[module.task](label))
    given = ahead.claim(label, wanted, lease_end(timezone.now()))
    if given and module.policy.gold_share:
        gold.count_turn(module.pk, by, len(given))


def _held(by: User, queue: str) -> list[ReviewSlot]:
    """Answer what somebody holds on the grid, in an order that tells nothing, and held for longer where its time runs out."""
    slots = list(held(by.pk, queue, on_grid=True).select_related(*SHOWN))
    half = timezone.now() + timedelta(minutes=settings.LEASE_MINUTES) / 2
    if any(slot.lease_until and slot.lease_until < half for slot in slots):
        until = hand.extend(by, queue, on_grid=True)
        for slot in slots:
            slot.lease_until = until
    return sorted(slots, key=lambda slot: lot(f"tile:{slot.pk}"))


def _class_of(slot: ReviewSlot) -> str:
    return str((slot.sample.prediction or {}).get("label", ""))


def _decide(page: uuid.UUID, row: Held, by: User, seconds: float | None, *, is_changed: bool) -> Outcome:
    try:
        review.decide(
            row.slot,
            by=by,
            lease_token=row.lease_token,
            client_uuid=client_uuid(page, row.slot),
            decision="change" if is_changed else "correct",
            correction=row.correction if is_changed else None,
            seconds=seconds,
        )
    except Refusal as refusal:
        return Outcome(row.slot, REFUSED, refusal.code, refusal.detail)
    return Outcome(row.slot, CHANGED if is_changed else APPROVED)


def client_uuid(page: uuid.UUID, slot: int) -> uuid.UUID:
    """Answer by what the decision of one slot of a page is known again."""
    return uuid.uuid5(page, str(slot))


def _told_late(outcomes: Iterable[Outcome], page: uuid.UUID, by: User) -> list[Outcome]:
    """Say which of the judgements came when somebody else had the slot, and count beside theirs."""
    rows = list(outcomes)
    done = ReviewSlot.objects.filter(pk__in=[row.slot for row in rows], label__annotator=by)
    known = set(done.values_list("label__client_uuid", flat=True))
    is_late = [row.outcome != REFUSED and client_uuid(page, row.slot) not in known for row in rows]
    return [Outcome(row.slot, LATE) if late else row for row, late in zip(rows, is_late, strict=True)]


def _mark(row: Held, by: User) -> Outcome:
    """Give a slot back without a judgement, for the single page alone; one that is held no more is somebody else's to judge."""
    try:
        issued_at = lease_tokens.read(row.lease_token, row.slot, by.pk, timezone.now())
    except Refused as refusal:
        return Outcome(row.slot, REFUSED, refusal.code, refusal.detail)
    mine = ReviewSlot.objects.filter(pk=row.slot, state=SlotState.LEASED, lease_user=by, leased_at=issued_at)
    if mine.update(**FREED, in_full=True):
        slot = ReviewSlot.objects.get(pk=row.slot)
        record(by, "mark", slot, sample=slot.sample_id)
    return Outcome(row.slot, MARKED)


def _mine(leases: Sequence[Held], by: User) -> QuerySet[ReviewSlot]:
    """Select the slots of these leases that `by` still holds; a token that is not theirs selects nothing."""
    now = timezone.now()
    issued: defaultdict[datetime, list[int]] = defaultdict(list)
    _distinct(leases)
    for row in leases:
        with suppress(Refused):
            issued[lease_tokens.read(row.lease_token, row.slot, by.pk, now)].append(row.slot)
    asked = Q(pk__in=[])
    for moment, slots in issued.items():
        asked |= Q(pk__in=slots, leased_at=moment)
    return ReviewSlot.objects.filter(asked, state=SlotState.LEASED, lease_user=by)


def _lock_samples(slots: Sequence[int]) -> None:
    """Lock the samples of a page in one order, so that two pages that share some wait for each other and do not deadlock."""
    rows = LearningSample.objects.select_for_update(of=("self",), no_key=True).filter(slots__in=slots)
    list(rows.order_by("id").values_list("id", flat=True))


def _distinct(rows: Sequence[Held]) -> list[int]:
    slots = [row.slot for row in rows]
    if not 1 <= len(slots) <= TILES or len(set(slots)) != len(slots):
        raise Malformed(f"A page has from 1 to {TILES} samples, each of them once.")
    return slots


def _page_uuid(page: str | uuid.UUID) -> uuid.UUID:
    try:
        return page if isinstance(page, uuid.UUID) else uuid.UUID(page)
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("page must be a UUID.") from error
