"""A dataset grows: a rule over the learning store, and the samples it gathered."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from accounts.models import Organization
from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import AiModule, LearningSample

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


class DatasetStatus(models.TextChoices):
    """Whether a dataset may still grow."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class Environment(models.TextChoices):
    """What a dataset is for."""

    DEV = "dev"
    STAGING = "staging"
    PRODUCTION = "production"


def visible_rows(user: "User") -> models.Q:
    """Select rows with an organization column that `user` sees: hub staff and pipelines all, others own and global."""
    if user.is_hub_staff or (user.is_machine and user.organization_id is None):
        return models.Q()
    return models.Q(organization_id=user.organization_id or 0) | models.Q(organization__isnull=True)


class TrainingDatasetQuerySet(models.QuerySet["TrainingDataset"]):
    """Datasets, their counts, and who sees which."""

    def visible_to(self, user: "User") -> "TrainingDatasetQuerySet":
        """Global ones and those of the own organization; hub staff see all."""
        return self.filter(visible_rows(user))

    def with_counts(self) -> "TrainingDatasetQuerySet":
        """Add sample_count, labeled_count and verified_count, summed from the deltas."""
        sums = {
            name: Coalesce(models.Sum(f"deltas__{column}"), 0)
            for name, column in (("sample_count", "samples"), ("labeled_count", "labeled"), ("verified_count", "verified"))
        }
        return self.annotate(**sums)


class TrainingDataset(Lifecycle):
    """A named, growing set of samples of one module.

    `rule` is the dataset_query: {label_status: [...], cities: [...], since, until, min_quality}, over the module. A sample is
    verified once `verdicts_required` people approved it.
    """

    STATE_FIELD = "status"
    MOVES = {
        DatasetStatus.DRAFT: frozenset({DatasetStatus.ACTIVE, DatasetStatus.ARCHIVED}),
        DatasetStatus.ACTIVE: frozenset({DatasetStatus.ARCHIVED}),
        DatasetStatus.ARCHIVED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+")
    label_schema = models.JSONField(default=dict)
    environment = models.CharField(max_length=12, choices=Environment, default=Environment.DEV)
    version = models.CharField(max_length=40, default="v0.1.0")
    status = models.CharField(max_length=10, choices=DatasetStatus, default=DatasetStatus.DRAFT)
    rule = models.JSONField(default=dict, blank=True)
    verdicts_required = models.PositiveSmallIntegerField(default=1)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TrainingDatasetQuerySet.as_manager()

    class Meta:
        db_table = "training_datasets"
        verbose_name = "dataset"
        constraints = [
            # Coalesce, because SQLite cannot count two absent organizations as the same
            models.UniqueConstraint(Coalesce("organization", 0), "name", "version", name="dataset_name_once_per_organization"),
            models.CheckConstraint(condition=models.Q(status__in=DatasetStatus.values), name="dataset_status_known"),
            models.CheckConstraint(
                condition=models.Q(verdicts_required__gte=1, verdicts_required__lte=5), name="dataset_verdicts_in_range"
            ),
            models.CheckConstraint(condition=models.Q(environment__in=Environment.values), name="dataset_environment_known"),
        ]

    def __str__(self) -> str:
        return self.name


class DatasetDelta(models.Model):
    """A change of a dataset's counts, written in the verb's transaction; a task folds many into one.

    `bytes` are of distinct objects, and counted only where a plan bounds them: in a customer's datasets.
    """

    id = models.BigAutoField(primary_key=True)
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.CASCADE, related_name="deltas")
    samples = models.IntegerField(default=0)
    labeled = models.IntegerField(default=0)
    verified = models.IntegerField(default=0)
    bytes = models.BigIntegerField(default=0)

    class Meta:
        db_table = "training_dataset_deltas"

    def __str__(self) -> str:
        return f"{self.samples:+d} {self.labeled:+d} {self.verified:+d}"


class TrainingSampleQuerySet(models.QuerySet["TrainingSample"]):
    """Samples of datasets, and which of them somebody should verify."""

    def to_verify(self) -> "TrainingSampleQuerySet":
        """Those that have their label, and were neither verified nor rejected."""
        return self.filter(is_labeled=True, is_verified=False, rejection_reason="")


class TrainingSample(models.Model):
    """A learning sample's place in a dataset; what the seed calls file and labels is the sample's own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.CASCADE, related_name="samples", db_index=False)
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, related_name="+")
    metadata = models.JSONField(default=dict, blank=True)
    is_labeled = models.BooleanField(default=False)
    is_verified = models.BooleanField(default=False)
    labeled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    quality_score = models.DecimalField(max_digits=4, decimal_places=3, null=True)
    rejection_reason = models.CharField(max_length=200, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TrainingSampleQuerySet.as_manager()

    class Meta:
        db_table = "training_samples"
        verbose_name = "training sample"
        indexes = [
            models.Index(
                fields=["dataset", "sample"],
                condition=models.Q(is_labeled=True, is_verified=False, rejection_reason=""),
                name="training_sample_to_verify",
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["dataset", "sample"], name="training_sample_once_per_dataset")]

    def __str__(self) -> str:
        return f"{self.sample_id} in {self.dataset_id}"

    @property
    def file_url(self) -> str | None:
        """A signed address of the sample's file."""
        return self.sample.object.signed_get().url if self.sample.object else None

    @property
    def file_type(self) -> str:
        """Say image or video."""
        return self.sample.object.media_type.split("/")[0] if self.sample.object else ""

    @property
    def file_size(self) -> int:
        """The file's size in bytes."""
        return self.sample.object.size if self.sample.object else 0

    @property
    def labels(self) -> list[str]:
        """The label names in the truth, once each."""
        return self.labels_in(self.sample.truth)

    @staticmethod
    def labels_in(truth: dict[str, Any] | None) -> list[str]:
        """Answer the label names in an annotation value, once each."""
        truth = truth or {}
        named = [truth.get("label") or truth.get("text"), *(box.get("label") for box in truth.get("boxes", ()))]
        return list(dict.fromkeys(name for name in named if name))

    @property
    def annotations(self) -> dict[str, Any] | None:
        """The truth as an annotation value."""
        return self.sample.truth

    @property
    def source_camera_id(self) -> Any:
        """The uuid of the camera."""
        return self.sample.camera_id

    @property
    def captured_at(self) -> "datetime":
        """When the sample was captured."""
        return self.sample.captured_at


class SampleVerdict(models.Model):
    """What one person said of a sample's label: it counts for the truth it was said of, and stays when that changes."""

    id = models.BigAutoField(primary_key=True)
    place = models.ForeignKey(TrainingSample, on_delete=models.CASCADE, related_name="verdicts", db_index=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    truth_sha256 = models.CharField(max_length=64, blank=True)
    is_approval = models.BooleanField()
    reason = models.CharField(max_length=200, blank=True)
    quality_score = models.DecimalField(max_digits=4, decimal_places=3, null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "training_sample_verdicts"
        verbose_name = "verdict"
        indexes = [models.Index(fields=["by", "-id"], name="verdict_of_person")]
        constraints = [
            models.UniqueConstraint(fields=["place", "by"], name="verdict_once_a_person"),
            models.CheckConstraint(
                condition=models.Q(quality_score__isnull=True) | models.Q(quality_score__gte=0, quality_score__lte=1),
                name="verdict_quality_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place_id} by {self.by_id}"


class DatasetSummary(models.Model):
    """What is in a dataset by class, city and split, as a task counted it: rows of [class, city, split, count].

    `counted` samples were looked at; where there were more kinds than are kept, the rest stands under the class "…".
    """

    dataset = models.OneToOneField(TrainingDataset, on_delete=models.CASCADE, primary_key=True, related_name="summary")
    cells = models.JSONField(default=list)
    bytes = models.BigIntegerField(default=0)
    counted = models.PositiveIntegerField(default=0)
    split_of = models.CharField(max_length=40, blank=True)
    mark = models.CharField(max_length=80, blank=True)
    counted_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "training_dataset_summaries"
        verbose_name = "summary"

    def __str__(self) -> str:
        return f"{self.counted} of {self.dataset_id}"
