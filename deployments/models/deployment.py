"""A deployment: one model version on its way to one edge, and what the edge reported of it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from core.ids import new_id
from core.lifecycle import Lifecycle
from deployments.models.edge_server import EdgeServer
from deployments.models.rollout import Rollout, RolloutWave
from learning.models import AiModule
from training.models import ModelVersion

if TYPE_CHECKING:
    from accounts.models import User


class DeploymentStatus(models.TextChoices):
    """Where a deployment stands."""

    PENDING = "pending"
    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    COMPLETED = "completed"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    ROLLED_BACK = "rolled_back"


class DeploymentAction(models.TextChoices):
    """Why a version goes to an edge."""

    INSTALL = "install"
    ROLLBACK = "rollback"


OPEN = frozenset({DeploymentStatus.PENDING, DeploymentStatus.DOWNLOADING, DeploymentStatus.INSTALLING})
_D = DeploymentStatus


class ModelDeploymentQuerySet(models.QuerySet["ModelDeployment"]):
    """Deployments, and who sees which."""

    def open(self) -> "ModelDeploymentQuerySet":
        """Those not over yet."""
        return self.filter(status__in=OPEN)

    def visible_to(self, user: "User") -> "ModelDeploymentQuerySet":
        """Those of the edges a user sees."""
        return self.filter(edge_server__in=EdgeServer.objects.visible_to(user))


class ModelDeployment(Lifecycle):
    """At most one is open per (edge, module); a newer one supersedes it.

    `offered_at` is when the edge's assignment first named it: before that it waits for its wave, a window or its turn. The status
    follows the set of reports (deployments/reports.py), which may come late and in any order; so an ended attempt
    opens again by a newer one, and what was superseded on the way may turn out to have been completed.
    """

    STATE_FIELD = "status"
    MOVES = {
        _D.PENDING: frozenset({_D.DOWNLOADING, _D.INSTALLING, _D.COMPLETED, _D.FAILED, _D.SUPERSEDED}),
        _D.DOWNLOADING: frozenset({_D.INSTALLING, _D.COMPLETED, _D.FAILED, _D.SUPERSEDED, _D.PENDING}),
        _D.INSTALLING: frozenset({_D.COMPLETED, _D.FAILED, _D.SUPERSEDED, _D.PENDING, _D.DOWNLOADING}),
        _D.COMPLETED: frozenset({_D.ROLLED_BACK, _D.FAILED, *OPEN}),
        _D.FAILED: frozenset({_D.COMPLETED, *OPEN}),
        _D.SUPERSEDED: frozenset({_D.COMPLETED}),
        _D.ROLLED_BACK: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    edge_server = models.ForeignKey(EdgeServer, on_delete=models.PROTECT, related_name="deployments", db_index=False)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+")
    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, null=True, related_name="deployments", db_index=False)
    wave = models.ForeignKey(RolloutWave, on_delete=models.PROTECT, null=True, related_name="deployments")
    action = models.CharField(max_length=10, choices=DeploymentAction, default=DeploymentAction.INSTALL)
    status = models.CharField(max_length=12, choices=DeploymentStatus, default=DeploymentStatus.PENDING)
    attempt = models.PositiveIntegerField(default=1)
    progress_percent = models.PositiveSmallIntegerField(default=0)
    scheduled_at = models.DateTimeField(null=True)
    offered_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    error_message = models.TextField(blank=True)
    retry_count = models.PositiveIntegerField(default=0)
    replaces = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ModelDeploymentQuerySet.as_manager()

    class Meta:
        db_table = "model_deployments"
        verbose_name = "deployment"
        indexes = [
            models.Index(fields=["edge_server", "module", "-created_at"], name="deployment_edge"),
            models.Index(fields=["rollout", "status"], name="deployment_rollout"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["edge_server", "module"], condition=models.Q(status__in=sorted(OPEN)), name="deployment_one_open"
            ),
            models.CheckConstraint(condition=models.Q(status__in=DeploymentStatus.values), name="deployment_status_known"),
            models.CheckConstraint(condition=models.Q(progress_percent__lte=100), name="deployment_progress_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.model_version_id} on {self.edge_server_id}"


class DeploymentReport(models.Model):
    """What an edge said, kept as said; the state is a function of the set of reports."""

    id = models.BigAutoField(primary_key=True)
    deployment = models.ForeignKey(ModelDeployment, on_delete=models.CASCADE, related_name="reports", db_index=False)
    attempt = models.PositiveIntegerField()
    seq = models.PositiveIntegerField()
    status = models.CharField(max_length=12)
    progress_percent = models.PositiveSmallIntegerField(default=0)
    error_message = models.TextField(blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "deployment_reports"
        constraints = [models.UniqueConstraint(fields=["deployment", "attempt", "seq"], name="report_once")]

    def __str__(self) -> str:
        return f"{self.status} ({self.attempt}.{self.seq})"
