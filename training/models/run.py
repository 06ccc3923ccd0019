"""One attempt at a job, owned by the worker that holds its token."""

from django.db import models

from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import StoredObject
from training.models.job import TrainingJob


class RunState(models.TextChoices):
    """Where an attempt stands."""

    CLAIMED = "claimed"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"


class ExitReason(models.TextChoices):
    """Why an attempt ended."""

    DONE = "done"
    USER_ERROR = "user_error"
    OUT_OF_MEMORY = "oom"
    WORKER_LOST = "worker_lost"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


ALIVE = frozenset({RunState.CLAIMED, RunState.RUNNING})


class TrainingRun(Lifecycle):
    """An attempt; every write of its worker is conditional on `token`, so a worker given up for lost changes nothing.

    One that is not `is_counted` was ended by the planned end of its worker, and is none of the job's `max_attempts`.
    """

    MOVES = {
        RunState.CLAIMED: frozenset({RunState.RUNNING, RunState.FAILED, RunState.LOST, RunState.CANCELLED}),
        RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.LOST, RunState.CANCELLED}),
        RunState.SUCCEEDED: frozenset(),
        RunState.FAILED: frozenset(),
        RunState.LOST: frozenset(),
        RunState.CANCELLED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(TrainingJob, on_delete=models.PROTECT, related_name="runs")
    attempt = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=RunState, default=RunState.CLAIMED)
    token = models.CharField(max_length=64)
    worker = models.CharField(max_length=120, blank=True)
    heartbeat_at = models.DateTimeField()
    user_id = models.CharField(max_length=120, blank=True)
    modality = models.CharField(max_length=64)
    model = models.ForeignKey("training.ModelVersion", on_delete=models.PROTECT, null=True, related_name="runs")
    dataset_query = models.JSONField(default=dict)
    example_count = models.PositiveIntegerField(default=0)
    examples_hash = models.CharField(max_length=80, blank=True)
    seed = models.BigIntegerField(default=0)
    code_version = models.CharField(max_length=80, blank=True)
    lock_hash = models.CharField(max_length=80, blank=True)
    hardware = models.JSONField(default=dict)
    metrics = models.JSONField(null=True)
    is_counted = models.BooleanField(default=True)
    exit_reason = models.CharField(max_length=20, choices=ExitReason, blank=True)
    error_message = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "training_runs"
        verbose_name = "run"
        constraints = [
            models.UniqueConstraint(fields=["job", "attempt"], name="run_attempt_once"),
            models.UniqueConstraint(fields=["job"], condition=models.Q(state__in=sorted(ALIVE)), name="run_one_alive_per_job"),
            models.CheckConstraint(condition=models.Q(state__in=RunState.values), name="run_state_known"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.job_id}"


class RunCheckpoint(models.Model):
    """What another attempt goes on from, after the epoch `step`; the last two of a job are kept until it has ended."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(TrainingJob, on_delete=models.CASCADE, related_name="checkpoints")
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="+", db_index=False)
    object = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    step = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "training_checkpoints"
        verbose_name = "checkpoint"

    def __str__(self) -> str:
        return f"after {self.step} of {self.job_id}"


class RunLog(models.Model):
    """One line of a run's log."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="logs", db_index=False)
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    level = models.CharField(max_length=10, default="info")
    text = models.TextField()

    class Meta:
        db_table = "training_run_logs"
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="run_log_seq_once")]

    def __str__(self) -> str:
        return self.text


class MetricPoint(models.Model):
    """One measured value of a run at one step (an epoch)."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="points", db_index=False)
    name = models.CharField(max_length=60)
    step = models.PositiveIntegerField()
    value = models.FloatField()

    class Meta:
        db_table = "training_metric_points"
        constraints = [models.UniqueConstraint(fields=["run", "name", "step"], name="metric_point_once")]

    def __str__(self) -> str:
        return f"{self.name}[{self.step}] = {self.value}"
