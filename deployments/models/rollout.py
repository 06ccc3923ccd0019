"""A rollout: one model version to a set of edges, wave by wave."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from accounts.models import Organization
from core.ids import new_id
from core.lifecycle import Lifecycle
from training.models import ModelVersion

if TYPE_CHECKING:
    from accounts.models import User


class RolloutState(models.TextChoices):
    """Where a rollout stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    ABORTED = "aborted"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


class RolloutQuerySet(models.QuerySet["Rollout"]):
    """Rollouts, and who sees which."""

    def visible_to(self, user: "User") -> "RolloutQuerySet":
        """Hub staff see all, an organization its own."""
        return self if user.is_hub_staff else self.filter(organization_id=user.organization_id or 0)


class Rollout(Lifecycle):
    """`plan` holds the rules (deployments/plan.py) and `edges`: [ids], or null for all with the slot.

    `failures_accepted` is how many failed deployments a person has seen and gone on from. `before` and `measured` are what
    edges measured of the versions they had, and of this one (deployments/health.py).
    """

    MOVES = {
        RolloutState.DRAFT: frozenset({RolloutState.SCHEDULED, RolloutState.RUNNING, RolloutState.ABORTED}),
        RolloutState.SCHEDULED: frozenset({RolloutState.RUNNING, RolloutState.ABORTED}),
        RolloutState.RUNNING: frozenset(
            {RolloutState.PAUSED, RolloutState.COMPLETED, RolloutState.ABORTED, RolloutState.ROLLING_BACK}
        ),
        RolloutState.PAUSED: frozenset({RolloutState.RUNNING, RolloutState.ABORTED, RolloutState.ROLLING_BACK}),
        RolloutState.COMPLETED: frozenset({RolloutState.ROLLING_BACK}),
        RolloutState.ABORTED: frozenset({RolloutState.ROLLING_BACK}),
        RolloutState.ROLLING_BACK: frozenset({RolloutState.ROLLED_BACK}),
        RolloutState.ROLLED_BACK: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="rollouts")
    state = models.CharField(max_length=14, choices=RolloutState, default=RolloutState.DRAFT)
    plan = models.JSONField(default=dict)
    scheduled_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    stopped_because = models.TextField(blank=True)
    failures_accepted = models.PositiveIntegerField(default=0)
    before = models.JSONField(default=dict)
    measured = models.JSONField(default=dict)

    objects = RolloutQuerySet.as_manager()

    class Meta:
        db_table = "rollouts"
        verbose_name = "rollout"
        constraints = [models.CheckConstraint(condition=models.Q(state__in=RolloutState.values), name="rollout_state_known")]

    def __str__(self) -> str:
        return f"{self.model_version_id} rollout"


class RolloutWave(models.Model):
    """One step of a rollout; its edges are the deployments that name it."""

    id = models.BigAutoField(primary_key=True)
    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="waves")
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60, blank=True)
    opened_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "rollout_waves"
        constraints = [models.UniqueConstraint(fields=["rollout", "number"], name="wave_number_once")]

    def __str__(self) -> str:
        return f"wave {self.number}"
