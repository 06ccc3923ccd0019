"""Edge servers, rollouts and deployments."""

from deployments.models.deployment import DeploymentReport, DeploymentStatus, ModelDeployment
from deployments.models.edge_server import EdgeServer, EdgeSlot, EnrolmentCode
from deployments.models.rollout import Rollout, RolloutState, RolloutWave

__all__ = [
    "DeploymentReport",
    "DeploymentStatus",
    "EdgeServer",
    "EdgeSlot",
    "EnrolmentCode",
    "ModelDeployment",
    "Rollout",
    "RolloutState",
    "RolloutWave",
]
