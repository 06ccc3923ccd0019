"""Verbs on single deployments: deploy (to one, to all), retry, report, download."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Missing
from core.queue import enqueue
from core.storage import SignedRequest
from deployments import assignments, freezing, offering
from deployments import reports as hearing
from deployments.actions import rollout as rollouts
from deployments.models import DeploymentReport, DeploymentStatus, EdgeServer, EdgeSlot, ModelDeployment, Rollout
from deployments.models.deployment import OPEN, DeploymentAction, ModelDeploymentQuerySet
from learning.models import PersonStatus
from training.actions import people
from training.models import ModelVersion

MOST_REPORTS = 1_000
HASTEN_EVERY = 1
DOWNLOAD_WINDOW = 450
"""Seconds; an address is good for one to two windows, so for 15 minutes at most."""


def deploy(
    model_version: ModelVersion, edge: EdgeServer, *, by: User, scheduled_at: datetime | None = None
) -> tuple[Rollout, ModelDeployment | None]:
    """Send a released version to one edge: a rollout of one. The deployment is None while it is scheduled for later."""
    rollout = rollouts.start(model_version, by=by, edges=[edge], scheduled_at=scheduled_at)
    return rollout, rollout.deployments.first()


def deploy_all(
    model_version: ModelVersion,
    *,
    by: User,
    confirm_edges: int | None,
    plan: dict[str, Any] | None = None,
    scheduled_at: datetime | None = None,
) -> Rollout:
    """Send a released version to every edge with a slot for its module, if their number is confirmed; the refusal names it."""
    return rollouts.start(model_version, by=by, plan=plan, scheduled_at=scheduled_at, confirmed_edges=confirm_edges or 0)


def retry(deployment: ModelDeployment, *, by: User) -> ModelDeployment:
    """Have an edge try a failed deployment once more, under the next attempt; only while it is still what the edge shall run."""
    signer = assignments.online_signer()
    with transaction.atomic():
        require(by, Permission.DEPLOY, deployment.edge_server)
        assignments.lock([deployment.edge_server_id])
        deployment = _locked(ModelDeployment.objects.all(), deployment)
        if deployment.status != DeploymentStatus.FAILED:
            raise Conflict(f"Only a failed deployment is tried again; this one is {deployment.status}.")
        reopen(deployment, retry_count=deployment.retry_count + 1)
        record(by, "retry", deployment, attempt=deployment.attempt)
        assignments.sign([deployment.edge_server_id], signer)
        offering.wake([deployment.edge_server_id])
    return deployment


def reopen(deployment: ModelDeployment, **facts: Any) -> None:
    """Make an ended deployment pending again under the next attempt, in the caller's transaction, which signs and wakes the edge.

    Raises Conflict where something else is assigned or on its way, the edge is held, or the version is offered no more.
    """
    if not deployment.model_version.is_released:
        raise Conflict(f"This model version is {deployment.model_version.status}; it is offered no more.")
    slot = EdgeSlot.objects.filter(desired_deployment=deployment).first()
    if slot is None or offering.is_another_open(deployment):
        raise Conflict("Another version is assigned to this edge server, or on its way to it.")
    if slot.held:
        raise Conflict("This edge server went back by itself and is held; lift the hold instead.", code="held")
    deployment.move(
        DeploymentStatus.PENDING,
        attempt=deployment.attempt + 1,
        progress_percent=0,
        error_message="",
        offered_at=timezone.now(),
        started_at=None,
        completed_at=None,
        **facts,
    )


@transaction.atomic
def report(deployment: ModelDeployment, reports: Sequence[hearing.Report], *, by: User) -> ModelDeployment:
    """Keep what an edge says of its deployment, in any order and as often as it likes; the status follows from all of it."""
    require(by, Permission.SPEAK_AS_EDGE)
    if not 1 <= len(reports) <= MOST_REPORTS:
        raise Invalid(f"Send 1 to {MOST_REPORTS:,} reports at once.")
    deployment = _own(deployment, by)
    DeploymentReport.objects.bulk_create(
        (DeploymentReport(deployment=deployment, **vars(said)) for said in reports), ignore_conflicts=True, batch_size=500
    )
    told = DeploymentReport.objects.filter(deployment=deployment)
    known = [hearing.Report(*row) for row in told.values_list(*hearing.Report.__dataclass_fields__)]
    _follow(deployment, hearing.standing(known, issued=deployment.attempt), by)
    return deployment


@transaction.atomic
def download(deployment: ModelDeployment, *, by: User) -> SignedRequest:
    """Sign a download of the bundle for the edge that is assigned it now, good for a quarter of an hour at most."""
    require(by, Permission.SPEAK_AS_EDGE)
    deployment = _own(deployment, by)
    version = deployment.model_version
    if not version.is_released:
        raise Conflict(f"This model version is {version.status}; it is offered no more.")
    if not _is_assigned(deployment):
        raise Conflict("Another version is assigned to this edge server now.")
    if deployment.action == DeploymentAction.INSTALL:
        freezing.refuse_frozen(deployment.edge_server.organization_id)
    return version.bundle.signed_get(seconds=DOWNLOAD_WINDOW, filename=version.file_name.rpartition("/")[2])


def _own(deployment: ModelDeployment, by: User) -> ModelDeployment:
    """Read and lock the deployment; raises Missing unless it is of the edge that speaks."""
    return _locked(ModelDeployment.objects.filter(edge_server__user=by), deployment)


def _locked(rows: ModelDeploymentQuerySet, deployment: ModelDeployment) -> ModelDeployment:
    joined = rows.select_for_update(of=("self",)).select_related("edge_server", "model_version__bundle")
    found = joined.filter(pk=deployment.pk).first()
    if found is None:
        raise Missing("There is no such deployment.")
    return found


def _follow(deployment: ModelDeployment, standing: hearing.Standing, by: User) -> None:
    """Bring the row to where its reports stand."""
    if not _may_follow(deployment, standing):
        return
    facts = vars(standing).copy()
    status = facts.pop("status")
    if status == deployment.status:
        ModelDeployment.objects.filter(pk=deployment.pk).update(**facts)
        return
    deployment.move(status, **facts)
    if status == DeploymentStatus.COMPLETED:
        _mark_active(deployment)
        people.advance(deployment.model_version.dataset_version_id, PersonStatus.DEPLOYED)
    if status in hearing.ENDS:
        record(by, "report", deployment, status=status)
        _hasten(deployment)


def _hasten(deployment: ModelDeployment) -> None:
    """Have the rollout looked at now, once a second at most: ten thousand edges answer at once, and beat looks in any case."""
    if cache.add(f"deployments.hasten.{deployment.rollout_id}", 1, timeout=HASTEN_EVERY):
        enqueue("deployments.tasks.advance_rollouts")


def _may_follow(deployment: ModelDeployment, standing: hearing.Standing) -> bool:
    """Tell whether the hub's own word leaves the status to the reports.

    What was rolled back stays so; what was superseded may only turn out to have been completed; what had ended opens again
    only while nothing else is assigned.
    """
    if deployment.status == DeploymentStatus.ROLLED_BACK:
        return False
    if deployment.status == DeploymentStatus.SUPERSEDED:
        return standing.status == DeploymentStatus.COMPLETED
    return deployment.status in OPEN or standing.status not in OPEN or _is_assigned(deployment)


def _is_assigned(deployment: ModelDeployment) -> bool:
    return EdgeSlot.objects.filter(desired_deployment=deployment).exists()


def _mark_active(deployment: ModelDeployment) -> None:
    slot = EdgeSlot.objects.filter(desired_deployment=deployment).first()
    if slot is None:
        return
    version = deployment.model_version.version
    if slot.active_version != version:
        slot.previous_version, slot.active_version = slot.active_version, version
    slot.reported_at = timezone.now()
    slot.save(update_fields=["previous_version", "active_version", "reported_at"])
