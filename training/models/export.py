"""An export: a dataset or a frozen version written out in one format, as a ZIP that can be fetched for some days."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import StoredObject
from training.models.dataset import TrainingDataset
from training.models.version import DatasetVersion

if TYPE_CHECKING:
    from accounts.models import User


class ExportState(models.TextChoices):
    """Where an export stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (ExportState.PENDING, ExportState.RUNNING)


class DatasetExportQuerySet(models.QuerySet["DatasetExport"]):
    """Exports, and who sees which."""

    def visible_to(self, user: "User") -> "DatasetExportQuerySet":
        """Those of datasets whose inside a user sees: the hub's people all, an organization its own."""
        return self if user.organization_id is None else self.filter(dataset__organization=user.organization_id)

    def unfinished(self) -> "DatasetExportQuerySet":
        """Those that a worker makes, or should."""
        return self.filter(state__in=UNFINISHED)


class DatasetExport(Lifecycle):
    """What of a dataset is written (`version`, or its settled members as they are now), how, and how far it is.

    The row is the job: `token` names the worker that does it, `beat_at` says that it is alive, `tries` counts how often one
    began. `notes` counts what the file cannot hold as it was. The object goes when its days are over, or with the first
    erasure of anything it may hold; the row stays.
    """

    MOVES = {
        ExportState.PENDING: frozenset({ExportState.RUNNING, ExportState.CANCELLED, ExportState.FAILED}),
        ExportState.RUNNING: frozenset({ExportState.DONE, ExportState.FAILED, ExportState.CANCELLED}),
        ExportState.DONE: frozenset(),
        ExportState.FAILED: frozenset(),
        ExportState.CANCELLED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="exports")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, null=True, related_name="exports")
    format = models.CharField(max_length=20)
    with_images = models.BooleanField(default=False)
    by_split = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.PENDING)
    token = models.CharField(max_length=32, blank=True)
    beat_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    notes = models.JSONField(default=dict)
    object = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    error_message = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = DatasetExportQuerySet.as_manager()

    class Meta:
        db_table = "dataset_exports"
        verbose_name = "export"
        indexes = [
            models.Index(fields=["beat_at"], condition=models.Q(state__in=["pending", "running"]), name="export_unfinished"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ExportState.values), name="export_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.of} as {self.format}"

    @property
    def organization_id(self) -> int | None:
        """The organization of the dataset."""
        return self.dataset.organization_id

    @property
    def of(self) -> str:
        """What is written: the version, or the dataset as it is."""
        return str(self.version) if self.version else self.dataset.name

    @property
    def is_unfinished(self) -> bool:
        """Tell whether a worker makes it, or should."""
        return self.state in UNFINISHED

    @property
    def is_there(self) -> bool:
        """Tell whether the file can be fetched."""
        kept = self.object is not None and self.object.deleted_at is None
        return kept and self.expires_at is not None and self.expires_at > timezone.now()

    @property
    def percent(self) -> int:
        """How far it came; what the dataset holds is an estimate where not all of it is settled."""
        return 100 if self.state == ExportState.DONE else min(99, self.done * 100 // max(1, self.total))

    @property
    def rate(self) -> float | None:
        """Samples a second, None before there is anything to say."""
        until = self.finished_at or self.beat_at
        if self.started_at is None or until is None or not self.done:
            return None
        seconds = (until - self.started_at).total_seconds()
        return self.done / seconds if seconds > 0 else None

    @property
    def seconds_left(self) -> int | None:
        """How long it takes still, as far as its rate tells."""
        rate = self.rate if self.state == ExportState.RUNNING else None
        return int(max(0, self.total - self.done) / rate) if rate else None
