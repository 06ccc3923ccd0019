"""A training job: the row is the job, and a worker claims it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from accounts.models import Organization
from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import AiModule
from training.models.dataset import TrainingDataset, visible_rows
from training.models.version import DatasetVersion, Split

if TYPE_CHECKING:
    from accounts.models import User


class JobKind(models.TextChoices):
    """What a job does."""

    TRAIN = "train"
    EVALUATE = "evaluate"


class JobStatus(models.TextChoices):
    """Where a job stands."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


class TrainingJobQuerySet(models.QuerySet["TrainingJob"]):
    """Jobs, and who sees which."""

    def visible_to(self, user: "User") -> "TrainingJobQuerySet":
        """Global ones and those of the own organization; hub staff see all."""
        return self.filter(visible_rows(user))

    def waiting(self, queue: str) -> "TrainingJobQuerySet":
        """Those a worker of `queue` may claim, oldest first."""
        return self.filter(status=JobStatus.QUEUED, queue=queue).order_by("created_at", "id")


class TrainingJob(Lifecycle):
    """Trains a model on a frozen version (kind train), or scores one on a frozen split (kind evaluate).

    Those that were asked for together, to compare hyperparameters, share `grid`.
    """

    STATE_FIELD = "status"
    MOVES = {
        JobStatus.PENDING: frozenset({JobStatus.QUEUED, JobStatus.CANCELLED}),
        JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED}),
        JobStatus.RUNNING: frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.QUEUED}),
        JobStatus.COMPLETED: frozenset(),
        JobStatus.FAILED: frozenset(),
        JobStatus.CANCELLED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=JobKind, default=JobKind.TRAIN)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user_id = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+")
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="jobs")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="jobs")
    base_model_version = models.ForeignKey("training.ModelVersion", on_delete=models.PROTECT, null=True, related_name="+")
    evaluated_version = models.ForeignKey(
        "training.ModelVersion", on_delete=models.PROTECT, null=True, related_name="evaluations"
    )
    evaluated_split = models.CharField(max_length=10, choices=Split, default=Split.TEST)
    trainer = models.CharField(max_length=60)
    training_config = models.JSONField(default=dict, blank=True)
    hyperparameters = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0)
    grid = models.UUIDField(null=True, db_index=True)
    queue = models.CharField(max_length=40, default="training.cpu")
    status = models.CharField(max_length=10, choices=JobStatus, default=JobStatus.PENDING)
    progress_percent = models.PositiveSmallIntegerField(default=0)
    current_epoch = models.PositiveIntegerField(default=0)
    total_epochs = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict, blank=True)
    output_model_version = models.OneToOneField(
        "training.ModelVersion", on_delete=models.PROTECT, null=True, related_name="made_by"
    )
    max_attempts = models.PositiveSmallIntegerField(default=3)
    cancel_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    estimated_completion = models.DateTimeField(null=True)
    error_message = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = TrainingJobQuerySet.as_manager()

    class Meta:
        db_table = "training_jobs"
        verbose_name = "job"
        indexes = [models.Index(fields=["queue", "status", "created_at", "id"], name="job_claim")]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=JobStatus.values), name="job_status_known"),
            models.CheckConstraint(condition=models.Q(progress_percent__lte=100), name="job_progress_in_range"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def training_logs(self) -> str:
        """The seed's column: all log lines of all runs, in order."""
        lines = self.runs.order_by("started_at", "logs__seq").values_list("logs__text", flat=True)
        return "\n".join(text for text in lines if text is not None)
