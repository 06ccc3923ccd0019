"""Verbs on rollouts: start, advance, pause, resume, abort, roll back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from securesystemslib.signer import Signer

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Missing
from core.queue import enqueue
from deployments import assignments, offering, plan
from deployments.models import DeploymentStatus, EdgeServer, Rollout, RolloutState
from deployments.models.deployment import DeploymentAction
from training.models import ModelStatus, ModelVersion

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
        _check_released(version)
        reached = offering.reachable(version, document["edges"])
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
            _launch(rollout, signer)
    return rollout


def advance(rollout_id: UUID) -> Rollout:
    """Take the next step that is due: launch a scheduled rollout, open the next wave, pause, or end. Safe at any time."""
    signer = assignments.online_signer()
    with transaction.atomic():
        rollout = _locked(rollout_id)
        if rollout.state == RolloutState.SCHEDULED:
            _launch_if_due(rollout, signer)
        elif rollout.state == RolloutState.RUNNING:
            _advance_running(rollout, signer)
        elif rollout.state == RolloutState.ROLLING_BACK:
            _end_rolling_back(rollout)
    return rollout


def due() -> list[UUID]:
    """Answer the rollouts that `advance` may have something to do for."""
    moving = Q(state__in=[RolloutState.RUNNING, RolloutState.ROLLING_BACK])
    waiting = Q(state=RolloutState.SCHEDULED, scheduled_at__lte=timezone.now())
    return list(Rollout.objects.filter(moving | waiting).order_by("pk").values_list("pk", flat=True))


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
    accepted = _failed(rollout)
    rollout.move(RolloutState.RUNNING, stopped_because="", failures_accepted=accepted)
    record(by, "resume", rollout, failures_accepted=accepted)
    enqueue("deployments.tasks.advance_rollouts")
    return rollout


@transaction.atomic
def abort(rollout: Rollout, *, by: User, reason: str = "") -> Rollout:
    """End it: edges that were offered nothing yet get nothing; the others finish, or are rolled back by `rollback`."""
    require(by, Permission.DEPLOY, rollout)
    rollout.move(RolloutState.ABORTED, finished_at=timezone.now(), stopped_because=_bounded(reason) or f"Aborted by {by.name}.")
    waiting = rollout.deployments.open().filter(wave__opened_at__isnull=True)
    spared = waiting.update(status=DeploymentStatus.SUPERSEDED)
    record(by, "abort", rollout, spared=spared)
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
        rollout.move(RolloutState.ROLLING_BACK, stopped_because="")
        reached = offering.reached(rollout)
        rollout.deployments.filter(action=DeploymentAction.INSTALL).open().update(status=DeploymentStatus.SUPERSEDED)
        returns, stranded = offering.send_back(rollout.model_version, dict.fromkeys(reached, rollout.pk), by, signer)
        record(by, "rollback", rollout, edges=len(returns), without_earlier_version=len(stranded))
        _end_rolling_back(rollout)
    return rollout


def _launch(rollout: Rollout, signer: Signer) -> None:
    edges = offering.reachable(rollout.model_version, rollout.plan["edges"])
    assignments.lock(edges)
    sizes = plan.read(_rules(rollout)).sizes(len(edges))
    waves = offering.plan_deployments(rollout, edges, sizes, rollout.created_by)
    rollout.move(RolloutState.RUNNING, started_at=timezone.now())
    _open_wave(rollout, waves[0].pk, signer)


def _launch_if_due(rollout: Rollout, signer: Signer) -> None:
    if rollout.scheduled_at is not None and rollout.scheduled_at > timezone.now():
        return
    try:
        _check_released(rollout.model_version)
        with transaction.atomic():
            _launch(rollout, signer)
    except (Conflict, Invalid) as refusal:
        rollout.refresh_from_db()
        rollout.move(RolloutState.ABORTED, finished_at=timezone.now(), stopped_because=refusal.detail)
        record(None, "abort", rollout)


def _open_wave(rollout: Rollout, wave: int, signer: Signer) -> None:
    rollout.waves.filter(pk=wave).update(opened_at=timezone.now())
    pending = rollout.deployments.filter(wave=wave, status=DeploymentStatus.PENDING)
    edges = sorted(pending.values_list("edge_server_id", flat=True))
    offering.offer(edges, rollout.model_version.module_id, signer)
    record(None, "open_wave", rollout, edges=len(edges))


def _advance_running(rollout: Rollout, signer: Signer) -> None:
    if sentence := _reason_to_pause(rollout):
        rollout.move(RolloutState.PAUSED, stopped_because=sentence)
        record(None, "pause", rollout, reason=sentence)
        return
    opened = rollout.waves.filter(opened_at__isnull=False, finished_at__isnull=True)
    if rollout.deployments.open().filter(wave__in=opened).exists():
        return
    opened.update(finished_at=timezone.now())
    following = rollout.waves.filter(opened_at__isnull=True).order_by("number").first()
    if following is not None:
        _open_wave(rollout, following.pk, signer)
        return
    rollout.move(RolloutState.COMPLETED, finished_at=timezone.now())
    record(None, "complete", rollout)


def _reason_to_pause(rollout: Rollout) -> str:
    if rollout.model_version.status != ModelStatus.RELEASED:
        return f"The model version is {rollout.model_version.status}; it is not sent to further edges."
    failed, borne = _failed(rollout), plan.read(_rules(rollout)).max_failed
    if failed - rollout.failures_accepted <= borne:
        return ""
    last = rollout.deployments.filter(status=DeploymentStatus.FAILED).select_related("edge_server").latest("created_at", "pk")
    return (
        f"{failed} of {rollout.deployments.count()} deployments failed, {borne} may; the last on {last.edge_server.name}: "
        f"{last.error_message[:200] or 'no reason given'}"
    )


def _end_rolling_back(rollout: Rollout) -> None:
    if not rollout.deployments.open().exists():
        rollout.move(RolloutState.ROLLED_BACK, finished_at=timezone.now())
        record(None, "end_rollback", rollout)


def _failed(rollout: Rollout) -> int:
    return rollout.deployments.filter(status=DeploymentStatus.FAILED, action=DeploymentAction.INSTALL).count()


def _locked(rollout_id: UUID) -> Rollout:
    rows = Rollout.objects.select_for_update(of=("self",)).select_related("model_version__module", "created_by")
    rollout = rows.filter(pk=rollout_id).first()
    if rollout is None:
        raise Missing("There is no such rollout.")
    return rollout


def _check_released(version: ModelVersion) -> None:
    if not version.is_released:
        raise Conflict(f"Only a released version can be deployed; this one is {version.status}.")


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


def _rules(rollout: Rollout) -> dict[str, Any]:
    return {name: rule for name, rule in rollout.plan.items() if name != "edges"}


def _bounded(reason: str) -> str:
    if len(reason) > REASON_LIMIT:
        raise Invalid(f"The reason is longer than {REASON_LIMIT:,} characters.", errors={"reason": ["Too long."]})
    return reason
