"""The fleet's part of /api/v1/; every path answers with and without a slash at its end."""

from django.urls import re_path

from accounts.policy import Permission
from deployments.actions import rollout
from deployments.api import edge, fleet, status

UUID = r"(?P<pk>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
NUMBER = r"(?P<pk>[0-9]{1,18})"

open_next = fleet.RolloutAct.as_view(verb=rollout.open_next)
pause = fleet.RolloutAct.as_view(verb=rollout.pause)
resume = fleet.RolloutAct.as_view(verb=rollout.resume)
abort = fleet.RolloutAct.as_view(verb=rollout.abort)
rollback = fleet.RolloutAct.as_view(verb=rollout.rollback, permission=Permission.ROLL_BACK)

urlpatterns = [
    re_path(r"^status/edges/?$", status.EdgesStatus.as_view(), name="api-status-edges"),
    re_path(r"^edge/enrol/?$", edge.Enrol.as_view(), name="api-edge-enrol"),
    re_path(r"^edge/assignment/?$", edge.assignment, name="api-edge-assignment"),
    re_path(r"^edge/trust/(?P<name>[0-9a-z.-]{1,40})/?$", edge.trust_file, name="api-edge-trust"),
    re_path(rf"^edge/deployments/{UUID}/download/?$", edge.Download.as_view(), name="api-edge-download"),
    re_path(rf"^edge/deployments/{UUID}/reports/?$", edge.Reports.as_view(), name="api-edge-reports"),
    re_path(r"^edge/heartbeat/?$", edge.Heartbeat.as_view(), name="api-edge-heartbeat"),
    re_path(r"^deployments/edges/?$", fleet.Edges.as_view(), name="api-edges"),
    re_path(r"^deployments/edges/map/?$", fleet.EdgeMap.as_view(), name="api-edge-map"),
    re_path(rf"^deployments/edges/{NUMBER}/history/?$", fleet.EdgeHistory.as_view(), name="api-edge-history"),
    re_path(rf"^deployments/edges/{NUMBER}/?$", fleet.Edge.as_view(), name="api-edge"),
    re_path(rf"^deployments/edges/{NUMBER}/retire/?$", fleet.Retire.as_view(), name="api-edge-retire"),
    re_path(rf"^deployments/edges/{NUMBER}/replace-hardware/?$", fleet.ReplaceHardware.as_view(), name="api-edge-replace"),
    re_path(rf"^deployments/edges/{NUMBER}/rollback/?$", fleet.EdgeRollback.as_view(), name="api-edge-rollback"),
    re_path(rf"^deployments/edges/{NUMBER}/lift-hold/?$", fleet.LiftHold.as_view(), name="api-edge-lift-hold"),
    re_path(rf"^deployments/edges/{NUMBER}/callback/?$", fleet.Callback.as_view(), name="api-edge-callback"),
    re_path(r"^deployments/rollouts/?$", fleet.Rollouts.as_view(), name="api-rollouts"),
    re_path(r"^deployments/rollouts/preview/?$", fleet.RolloutPreview.as_view(), name="api-rollout-preview"),
    re_path(r"^deployments/freeze/?$", fleet.FleetFreezes.as_view(), name="api-fleet-freeze"),
    re_path(rf"^deployments/rollouts/{UUID}/?$", fleet.RolloutView.as_view(), name="api-rollout"),
    re_path(rf"^deployments/rollouts/{UUID}/pause/?$", pause, name="api-rollout-pause"),
    re_path(rf"^deployments/rollouts/{UUID}/advance/?$", open_next, name="api-rollout-advance"),
    re_path(rf"^deployments/rollouts/{UUID}/resume/?$", resume, name="api-rollout-resume"),
    re_path(rf"^deployments/rollouts/{UUID}/abort/?$", abort, name="api-rollout-abort"),
    re_path(rf"^deployments/rollouts/{UUID}/rollback/?$", rollback, name="api-rollout-rollback"),
    re_path(rf"^training/models/{UUID}/deployments/?$", fleet.Deployments.as_view(), name="api-model-deployments"),
    re_path(rf"^training/models/{UUID}/deploy/?$", fleet.Deploy.as_view(), name="api-model-deploy"),
    re_path(rf"^training/models/{UUID}/deploy-all/?$", fleet.DeployAll.as_view(), name="api-model-deploy-all"),
    re_path(rf"^training/models/{UUID}/rollback/?$", fleet.ModelRollback.as_view(), name="api-model-rollback"),
    re_path(rf"^training/deployments/{UUID}/retry/?$", fleet.Retry.as_view(), name="api-deployment-retry"),
]
