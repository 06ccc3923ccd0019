"""Verbs on rollouts: start, advance, pause, resume, abort, roll back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Missing
from core.queue import enqueue
from deployments import assignments, freezing, offering, plan, previewing
from deployments.actions import advancing
from deployments.models import EdgeServer, Rollout, RolloutState
from training.models import ModelVersion

REASON_LIMIT = 2_000
MOST_NAMED_EDGES = 10_000
FURTHEST = timedelta(days=366)


def start(
    model_version: ModelVersion,
    *,
    by: User,
    edges: Sequence[EdgeServer] | None = None,
    plan: dict[str, Any] | None = None,
    scheduled_at: datetime | None = None,
    confirmed_edges: int | None = None,
) -> Rollout:
    """Send a released version to `edges` (None: all that have a slot for its module), wave by wave, now or at `scheduled_at`.

    With `confirmed_edges` it starts only if it reaches that many. Raises Conflict for another number (named in the refusal), for
    what is not released and where there is no edge; Invalid for a plan or an edge that does not fit.
    """
    document = _checked_plan(plan, edges)
    if scheduled_at is not None and scheduled_at > timezone.now() + FURTHEST:
        raise Invalid("A rollout is scheduled a year ahead at most.", errors={"scheduled_at": ["Too far ahead."]})
    signer = assignments.online_signer()
    with transaction.atomic():
        require(by, Permission.DEPLOY, model_version)
        version = ModelVersion.objects.select_related("module").get(pk=model_version.pk)
        advancing.refuse_unreleased(version)
        freezing.refuse_frozen(version.organization_id)
        reached = offering.reachable(version, document["edges"], document.get("group", ""))
        _check_confirmed(confirmed_edges, len(reached))
        rollout = Rollout.objects.create(
            organization_id=version.organization_id,
            model_version=version,
            plan=document,
            scheduled_at=scheduled_at,
            created_by=by,
        )
        record(by, "start", rollout, model_version=str(version.pk), edges=len(reached))
        if scheduled_at is not None and scheduled_at > timezone.now():
            rollout.move(RolloutState.SCHEDULED)
        else:
            advancing.launch(rollout, signer)
    return rollout


def preview(
    model_version: ModelVersion,
    *,
    by: User,
    edges: Sequence[EdgeServer] | None = None,
    plan: dict[str, Any] | None = None,
) -> previewing.Preview:
    """Answer what `start` would do, and write nothing; raises Invalid for a plan or an edge that does not fit."""
    require(by, Permission.DEPLOY, model_version)
    document = _checked_plan(plan, edges)
    rules = {name: rule for name, rule in document.items() if name != "edges"}
    return previewing.preview(model_version, document["edges"], rules)


def advance(rollout_id: UUID) -> Rollout:
    """Take the next step that is due: launch a scheduled rollout, offer to whose turn it is, open a wave, react, or end.

    Safe at any time.
    """
    signer = assignments.online_signer()
    with transaction.atomic():
        rollout = _locked(rollout_id)
        advancing.step(rollout, signer)
    return rollout


def due() -> list[UUID]:
    """Answer the rollouts that `advance` may have something to do for."""
    moving = Q(state__in=[RolloutState.RUNNING, RolloutState.ROLLING_BACK])
    waiting = Q(state=RolloutState.SCHEDULED, scheduled_at__lte=timezone.now())
    joined = Q(state=RolloutState.COMPLETED, plan__standing=True)
    return list(Rollout.objects.filter(moving | waiting | joined).order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def pause(rollout: Rollout, *, by: User, reason: str = "") -> Rollout:
    """Open no further wave until it is resumed; what is under way on edges goes on."""
    require(by, Permission.DEPLOY, rollout)
    rollout.move(RolloutState.PAUSED, stopped_because=_bounded(reason) or f"Paused by {by.name}.")
    record(by, "pause", rollout)
    return rollout


@transaction.atomic
def resume(rollout: Rollout, *, by: User) -> Rollout:
    """Go on after a pause; the failures so far are accepted, further ones pause it again."""
    require(by, Permission.DEPLOY, rollout)
    if rollout.state != RolloutState.PAUSED:
        raise Conflict(f"Only a paused rollout can go on; this one is {rollout.state}.")
    accepted = advancing.failures(rollout)
    rollout.move(RolloutState.RUNNING, stopped_because="", failures_accepted=accepted)
    record(by, "resume", rollout, failures_accepted=accepted)
    enqueue("deployments.tasks.advance_rollouts")
    return rollout


@transaction.atomic
def abort(rollout: Rollout, *, by: User, reason: str = "") -> Rollout:
    """End it: edges that were offered nothing yet get nothing; the others finish, or are rolled back by `rollback`."""
    require(by, Permission.DEPLOY, rollout)
    spared = advancing.stop(rollout, _bounded(reason) or f"Aborted by {by.name}.")
    record(by, "abort", rollout, spared=spared)
    return rollout


def open_next(rollout: Rollout, *, by: User) -> Rollout:
    """Open the next wave now, whatever the rules still wait for; raises Conflict where there is none, or the fleet is frozen."""
    signer = assignments.online_signer()
    with transaction.atomic():
        require(by, Permission.DEPLOY, rollout)
        rollout = _locked(rollout.pk)
        if rollout.state != RolloutState.RUNNING:
            raise Conflict(f"Only a running rollout has a next wave; this one is {rollout.state}.")
        freezing.refuse_frozen(rollout.organization_id)
        wave = advancing.open_next(rollout, signer)
        if wave is None:
            raise Conflict("Every wave is open already.")
        record(by, "advance", rollout, wave=wave.number)
    return rollout


def rollback(rollout: Rollout, *, by: User) -> Rollout:
    """Send each edge that this rollout reached back to the version it last completed before; one person is enough.

    Waves are skipped. Edges that another deployment has reached since are left alone; those without an earlier version keep
    what they run, and are offered this one no more.
    """
    signer = assignments.online_signer()
    with transaction.atomic():
        require(by, Permission.ROLL_BACK, rollout)
        # read again under a lock: a worker that completes it at this moment is no reason to refuse
        rollout.refresh_from_db(from_queryset=Rollout.objects.select_for_update())
        returned, stranded = advancing.take_back(rollout, by, signer)
        record(by, "rollback", rollout, edges=returned, without_earlier_version=stranded)
        advancing.end_rolling_back(rollout)
    return rollout


def _locked(rollout_id: UUID) -> Rollout:
    rows = Rollout.objects.select_for_update(of=("self",)).select_related("model_version__module", "created_by")
    rollout = rows.filter(pk=rollout_id).first()
    if rollout is None:
        raise Missing("There is no such rollout.")
    return rollout


def _check_confirmed(confirmed: int | None, count: int) -> None:
    if confirmed is not None and confirmed != count:
        raise Conflict(
            f"This would reach {count:,} edge servers; confirm that with confirm_edges {count}.",
            code="count_not_confirmed",
            facts={"edges": count},
        )


def _checked_plan(document: dict[str, Any] | None, edges: Sequence[EdgeServer] | None) -> dict[str, Any]:
    """Answer the plan as it is kept: its rules, and the ids of the edges (None: all with the slot)."""
    plan.read(document)
    if edges is not None and not 1 <= len(edges) <= MOST_NAMED_EDGES:
        raise Invalid(f"Name 1 to {MOST_NAMED_EDGES:,} edge servers, or none for all.")
    return {**(document or {"waves": plan.ONE_WAVE}), "edges": sorted({edge.pk for edge in edges}) if edges else None}


def _bounded(reason: str) -> str:
    if len(reason) > REASON_LIMIT:
        raise Invalid(f"The reason is longer than {REASON_LIMIT:,} characters.", errors={"reason": ["Too long."]})
    return reason
