"""Verbs on selections: choose, count, begin, carry out in chunks, cancel, resume what failed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import require
from core.errors import Conflict, Invalid, Refusal
from core.paging import COUNT_LIMIT, scanned_keys
from core.queue import enqueue
from learning.acts import Outcome, act_named
from learning.models import LearningSample, Selection, SelectionState
from learning.sample_filters import SECRET, Found, SampleFilters, find_by

logger = structlog.get_logger(__name__)

MOST_TICKED = 500
CHUNK = 500
COUNTED_AT_ONCE = 5_000
MOST_FAULTS = 5
"""So often a chunk may break off by a fault of ours before its act fails; each minute brings another try."""


@transaction.atomic
def choose(act: str, *, by: User, ticked: Sequence[str] = (), query: Mapping[str, str] | None = None) -> Selection:
    """Note what an act shall be done to: the samples ticked (by sample_id), or all that the filters `query` find by now.

    Nothing happens before `begin`. A large result is counted by a task. Raises Invalid where nothing or too much is ticked.
    """
    require(by, act_named(act).permission)
    newest = LearningSample.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if query is None:
        keys = _keys(ticked, by)
        return Selection.objects.create(owner=by, act=act, keys=keys, newest=newest, total=len(keys))
    selection = Selection(owner=by, act=act, query=_sensible(query, by), newest=newest)
    found = find_by(selection.query, by)
    first, at = scanned_keys(found.rows, found.narrow, after=0, until=newest, size=COUNT_LIMIT)
    selection.total = len(first) if at == newest and len(first) < COUNT_LIMIT else None
    selection.save(force_insert=True)
    if selection.total is None:
        enqueue("learning.tasks.count_selection", str(selection.pk))
    return selection


def count(pk: Any) -> int | None:
    """Count what a draft holds, and answer it; None where there is nothing to count any more."""
    selection = Selection.objects.uncounted().select_related("owner").filter(pk=pk).first()
    if selection is None:
        return None
    found, at, total = _found(selection), 0, 0
    while at < selection.newest:
        keys, at = scanned_keys(found.rows, found.narrow, after=at, until=selection.newest, size=COUNTED_AT_ONCE)
        total += len(keys)
    Selection.objects.uncounted().filter(pk=pk).update(total=total)
    return total


@transaction.atomic
def begin(selection: Selection, *, by: User, facts: Mapping[str, Any]) -> Selection:
    """Have the act carried out by a worker; `facts` is what its form asks. Raises Conflict before it is counted."""
    act = act_named(selection.act)
    require(by, act.permission)
    if selection.owner_id != by.pk:
        raise Conflict("Somebody else chose these samples.")
    if selection.state == SelectionState.FAILED:
        raise Conflict("This failed before; start it again, or choose the samples anew.")
    if selection.total is None:
        raise Conflict("These samples are still being counted; look at how many they are first.")
    if not selection.total:
        raise Invalid("There is no such sample, so there is nothing to do.")
    selection.move(SelectionState.RUNNING, facts=dict(facts), started_at=timezone.now())
    record(by, "begin", selection, act=selection.act, samples=selection.total)
    enqueue("learning.tasks.run_selection", str(selection.pk))
    return selection


@transaction.atomic
def cancel(selection: Selection, *, by: User) -> Selection:
    """Stop after the chunk that is under way; what was done stays. Raises IllegalMove where it is over."""
    require(by, act_named(selection.act).permission)
    selection.move(SelectionState.CANCELLED, finished_at=timezone.now(), query=_kept(selection.query), is_forgotten=True)
    record(by, "cancel", selection, act=selection.act, samples=selection.changed)
    return selection


@transaction.atomic
def resume(selection: Selection, *, by: User) -> Selection:
    """Go on with an act that failed, behind the last chunk that was done. Raises Conflict where it failed too long ago."""
    require(by, act_named(selection.act).permission)
    if selection.owner_id != by.pk:
        raise Conflict("Somebody else chose these samples.")
    if selection.state != SelectionState.FAILED:
        raise Conflict("Only what failed can be started again.")
    if not selection.is_resumable:
        raise Conflict("This failed too long ago: choose the samples anew.")
    selection.move(SelectionState.RUNNING, faults=0, error="", finished_at=None)
    record(by, "resume", selection, act=selection.act, samples=selection.changed)
    enqueue("learning.tasks.run_selection", str(selection.pk))
    return selection


def first_keys(selection: Selection, count: int) -> list[int]:
    """Answer the first few samples of a selection, for a look before it begins."""
    found = _found(selection)
    return scanned_keys(found.rows, found.narrow, after=0, until=selection.newest, size=count)[0]


def run(pk: Any) -> None:
    """Carry out a selection's act to its end, chunk by chunk; may be stopped anywhere and run again, by many at once.

    A chunk that breaks off by a fault of ours is tried again by the next run, and after the fifth time the act fails: its
    person reads why, and may start it again.
    """
    try:
        while _step(pk):
            pass
    except Exception as fault:  # whatever it is, it must neither stop other selections nor be tried for ever
        logger.exception("a selection broke off", selection=str(pk))
        _note_fault(pk, type(fault).__name__)


def forget_drafts() -> int:
    """Remove drafts that nobody confirmed within a day, and forget what failed acts searched for; answers how many."""
    for stale in Selection.objects.stale():
        Selection.objects.filter(pk=stale.pk).update(query=_kept(stale.query), is_forgotten=True)
    return Selection.objects.forgotten().delete()[0]


def _step(pk: Any) -> bool:
    """Do one chunk and note how far it came, in one transaction; tells whether there may be more."""
    try:
        with transaction.atomic():
            selection = Selection.objects.select_for_update().filter(pk=pk).first()
            if selection is None or selection.state != SelectionState.RUNNING:
                return False
            keys, at = _next(selection)
            outcome = _applied(selection, keys)
            _note(selection, at, len(keys), outcome)
            if at >= selection.newest:
                _finish(selection, SelectionState.DONE)
            return at < selection.newest
    except Refusal as refusal:
        with transaction.atomic():
            selection = Selection.objects.get(pk=pk)
            _finish(selection, SelectionState.FAILED, error=refusal.detail[:500])
        return False


@transaction.atomic
def _note_fault(pk: Any, name: str) -> None:
    """Count that a chunk broke off, and let the act fail where it did so too often."""
    selection = Selection.objects.select_for_update().filter(pk=pk, state=SelectionState.RUNNING).first()
    if selection is None:
        return
    selection.faults += 1
    selection.save(update_fields=["faults"])
    if selection.faults >= MOST_FAULTS:
        sentence = _(
            "A fault of the hub stopped this %(n)d times (%(name)s); the log of the workers says more. What was done stays."
        )
        _finish(selection, SelectionState.FAILED, error=sentence % {"n": MOST_FAULTS, "name": name})


def _next(selection: Selection) -> tuple[list[int], int]:
    found = _found(selection)
    return scanned_keys(found.rows, found.narrow, after=selection.last_key, until=selection.newest, size=CHUNK)


def _applied(selection: Selection, keys: Sequence[int]) -> Outcome:
    by = selection.owner
    act = act_named(selection.act)
    require(by, act.permission)
    return act.apply(keys, by, selection.facts) if keys else Outcome()


def _note(selection: Selection, at: int, seen: int, outcome: Outcome) -> None:
    selection.last_key, selection.seen = at, selection.seen + seen
    selection.changed += outcome.changed
    selection.skipped = dict(Counter(selection.skipped) + Counter(outcome.skipped))
    selection.faults = 0
    selection.save(update_fields=["last_key", "seen", "changed", "skipped", "faults"])


def _finish(selection: Selection, state: SelectionState, **fields: Any) -> None:
    if state == SelectionState.DONE:  # what failed may be started again for a while
        fields |= {"query": _kept(selection.query), "is_forgotten": True}
    selection.move(state, finished_at=timezone.now(), **fields)
    record(selection.owner, "finish", selection, act=selection.act, state=state.value, samples=selection.changed)


def _found(selection: Selection) -> Found:
    """Answer the samples of a selection as far as its owner reaches them today."""
    if selection.keys is None:
        return find_by(_sensible(selection.query, selection.owner), selection.owner)
    return Found(LearningSample.objects.visible_to(selection.owner).filter(pk__in=selection.keys), Q())


def _sensible(query: Mapping[str, str], by: User) -> dict[str, str]:
    """Answer what of a query narrows; raises Invalid for a filter that makes no sense, which would widen the result."""
    form = SampleFilters(dict(query), user=by)
    narrowing = form.query
    if form.errors:
        labels = ", ".join(str(form[name].label) for name in form.errors)
        raise Invalid(f"A filter makes no sense: {labels}. Mend or remove it first.")
    return narrowing


def _kept(query: Mapping[str, str]) -> dict[str, str]:
    return {name: "…" if name in SECRET else value for name, value in query.items()}


def _keys(ticked: Sequence[str], by: User) -> list[int]:
    if len(ticked) > MOST_TICKED:
        raise Invalid(f"At most {MOST_TICKED} samples can be ticked; narrow the filters and take the whole result.")
    named = [sample_id for sample_id in ticked if "\x00" not in sample_id]
    keys = list(LearningSample.objects.visible_to(by).filter(sample_id__in=named).order_by("id").values_list("pk", flat=True))
    if not keys:
        raise Invalid("Tick at least one sample, or choose the whole result.")
    return keys
