from django.urls import path

from deployments.views import edge, fleet, rollout

app_name = "deployments"
urlpatterns = [
    path("rollouts/", rollout.rollouts, name="rollouts"),
    path("rollouts/new/", rollout.rollout_new, name="rollout-new"),
    path("rollouts/<uuid:pk>/", rollout.rollout, name="rollout"),
    path("rollouts/<uuid:pk>/advance/", rollout.rollout_advance, name="rollout-advance"),
    path("rollouts/<uuid:pk>/pause/", rollout.rollout_pause, name="rollout-pause"),
    path("rollouts/<uuid:pk>/resume/", rollout.rollout_resume, name="rollout-resume"),
    path("rollouts/<uuid:pk>/rollback/", rollout.rollout_rollback, name="rollout-rollback"),
    path("rollouts/<uuid:pk>/abort/", rollout.rollout_abort, name="rollout-abort"),
    path("deployments/<uuid:pk>/retry/", rollout.deployment_retry, name="deployment-retry"),
    path("models/<uuid:pk>/rollback/", rollout.model_rollback, name="model-rollback"),
    path("fleet/freeze/", fleet.freeze, name="fleet-freeze"),
    path("fleet/lift-freeze/", fleet.lift_freeze, name="fleet-lift-freeze"),
    path("edges/", edge.edges, name="edges"),
    path("edges/map/", edge.edge_map, name="edge-map"),
    path("edges/<int:pk>/", edge.edge, name="edge"),
    path("edges/<int:pk>/describe/", fleet.describe, name="edge-describe"),
    path("edges/<int:pk>/retire/", fleet.retire, name="edge-retire"),
    path("edges/<int:pk>/replace-hardware/", fleet.replace_hardware, name="edge-replace-hardware"),
    path("edges/<int:pk>/callback/", edge.edge_callback, name="edge-callback"),
    path("edges/<int:pk>/<slug:module>/lift-hold/", edge.edge_lift_hold, name="edge-lift-hold"),
    path("edges/<int:pk>/<slug:module>/rollback/", edge.edge_rollback, name="edge-rollback"),
]
