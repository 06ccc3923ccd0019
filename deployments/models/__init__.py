"""Edge servers, rollouts and deployments."""

from deployments.models.deployment import DeploymentReport, DeploymentStatus, ModelDeployment
from deployments.models.edge_server import EdgeServer, EdgeSlot, EdgeTelemetry, EnrolmentCode, FleetFreeze
from deployments.models.rollout import Rollout, RolloutState, RolloutWave

__all__ = [
    "DeploymentReport",
    "DeploymentStatus",
    "EdgeServer",
    "EdgeSlot",
    "EdgeTelemetry",
    "EnrolmentCode",
    "FleetFreeze",
    "ModelDeployment",
    "Rollout",
    "RolloutState",
    "RolloutWave",
]
