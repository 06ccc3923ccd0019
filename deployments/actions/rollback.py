"""Verbs that take edges back beyond one rollout: everything that runs a version, or one module of one edge. One person is enough."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Missing
from core.queue import enqueue
from deployments import assignments, offering
from deployments.models import DeploymentStatus, EdgeServer, EdgeSlot, ModelDeployment, Rollout, RolloutState
from deployments.models.deployment import DeploymentAction
from learning.models import AiModule
from training.models import ModelVersion

ON_THE_WAY = (RolloutState.RUNNING, RolloutState.PAUSED)
OVER = (RolloutState.COMPLETED, RolloutState.ABORTED)


@dataclass(frozen=True)
class Returned:
    """How many edges go back, and how many keep what they run because they never completed another version."""

    edges: int
    without_earlier_version: int


def of_model(version: ModelVersion, *, by: User) -> Returned:
    """Send every edge that is assigned this version back to what it last completed before, and end the version's rollouts."""
    signer = assignments.online_signer()
    with transaction.atomic():
        require(by, Permission.ROLL_BACK, version)
        rollouts = list(Rollout.objects.select_for_update().filter(model_version=version).order_by("pk"))
        edges = _assigned(version)
        reaching = set(edges.values())
        moving = [row for row in rollouts if row.state in ON_THE_WAY or (row.state in OVER and row.pk in reaching)]
        scheduled = [row for row in rollouts if row.state == RolloutState.SCHEDULED]
        if not edges and not moving and not scheduled:
            raise Conflict("No edge server is assigned this version, and no rollout is bringing it.")
        for row in moving:
            row.move(RolloutState.ROLLING_BACK, stopped_because="")
            row.deployments.filter(action=DeploymentAction.INSTALL).open().update(status=DeploymentStatus.SUPERSEDED)
        for row in scheduled:
            row.move(RolloutState.ABORTED, finished_at=timezone.now(), stopped_because="The version was rolled back.")
        returns, stranded = offering.send_back(version, edges, by, signer)
        record(by, "rollback", version, edges=len(returns), without_earlier_version=len(stranded))
        enqueue("deployments.tasks.advance_rollouts")
    return Returned(len(returns), len(stranded))


def of_edge(edge: EdgeServer, module: AiModule, *, by: User) -> ModelDeployment:
    """Send one edge's module back to the version it last completed before the one it is assigned; raises Conflict without one."""
    signer = assignments.online_signer()
    with transaction.atomic():
        require(by, Permission.ROLL_BACK, edge)
        assignments.lock([edge.pk])
        slot = EdgeSlot.objects.select_related("desired").filter(edge_server=edge, module=module).first()
        if slot is None:
            raise Missing("This edge server has no slot for this module.")
        if slot.desired is None:
            raise Conflict("This edge server is assigned no version of this module.")
        if edge.pk not in offering.last_completed([edge.pk], slot.desired):
            raise Conflict("There is no earlier version that this edge server completed and that is still released.")
        offering.send_back(slot.desired, {edge.pk: None}, by, signer)
        deployment = ModelDeployment.objects.open().get(edge_server=edge, module=module)
        record(by, "rollback", edge, deployment=str(deployment.pk), left=str(slot.desired_id))
    return deployment


def _assigned(version: ModelVersion) -> dict[int, UUID | None]:
    """Lock the edges that are assigned `version`, and answer them with the rollout of it that brought them there, if one did."""
    slots = EdgeSlot.objects.filter(module=version.module_id, desired=version)
    assignments.lock(sorted(slots.values_list("edge_server_id", flat=True)))
    rows = slots.values_list("edge_server_id", "desired_deployment__rollout_id", "desired_deployment__action")
    return {edge: rollout if action == DeploymentAction.INSTALL else None for edge, rollout, action in rows}
