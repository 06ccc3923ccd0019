"""How a dataset grows by much at once: by its rule, by an archive of images, by a video. The row is the job."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import City, LearningSample, StoredObject
from training.models.dataset import TrainingDataset

if TYPE_CHECKING:
    from accounts.models import User


class GrowthKind(models.TextChoices):
    """Where the samples come from."""

    RULE = "rule"
    ARCHIVE = "archive"
    VIDEO = "video"


class GrowthState(models.TextChoices):
    """Where it stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DatasetGrowthQuerySet(models.QuerySet["DatasetGrowth"]):
    """Growths: who sees which, and which wait for a worker."""

    def visible_to(self, user: "User") -> "DatasetGrowthQuerySet":
        """Those of datasets whose inside a user sees: the hub's people all, an organization its own."""
        return self if user.organization_id is None else self.filter(dataset__organization=user.organization_id)

    def running(self) -> "DatasetGrowthQuerySet":
        """Those that a worker carries out, or should."""
        return self.filter(state=GrowthState.RUNNING)


class DatasetGrowth(Lifecycle):
    """`position` is how far it came: a sample's key, or a number of files or frames; it moves with what is written.

    `added` are new in the dataset, `known` were there, `refused` could not be taken, counted by reason; the first of these are in
    `refusals` with their names. `unseen` are samples of the chunk under way that nobody may see yet: what a killed worker left
    of them goes. `source` is the archive or the video; a video stays, and stands behind the samples made of its frames.
    """

    MOVES = {
        GrowthState.RUNNING: frozenset({GrowthState.DONE, GrowthState.FAILED, GrowthState.CANCELLED}),
        GrowthState.DONE: frozenset(),
        GrowthState.FAILED: frozenset(),
        GrowthState.CANCELLED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="growths")
    kind = models.CharField(max_length=10, choices=GrowthKind)
    source = models.ForeignKey(StoredObject, on_delete=models.SET_NULL, null=True, related_name="+")
    source_name = models.CharField(max_length=255, blank=True)
    city = models.ForeignKey(City, on_delete=models.PROTECT, null=True, related_name="+")
    options = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=GrowthState, default=GrowthState.RUNNING)
    total = models.PositiveIntegerField(null=True)
    position = models.BigIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=dict)
    refusals = models.JSONField(default=list)
    unseen = models.JSONField(default=list)
    token = models.CharField(max_length=32, blank=True)
    beat_at = models.DateTimeField(null=True)
    faults = models.PositiveSmallIntegerField(default=0)
    error_message = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = DatasetGrowthQuerySet.as_manager()

    class Meta:
        db_table = "dataset_growths"
        verbose_name = "growth"
        indexes = [
            models.Index(fields=["dataset", "-created_at"], name="growth_of_dataset"),
            models.Index(fields=["created_at"], condition=models.Q(state="running"), name="growth_running"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=GrowthState.values), name="growth_state_known"),
            models.CheckConstraint(condition=models.Q(kind__in=GrowthKind.values), name="growth_kind_known"),
            models.UniqueConstraint(
                fields=["dataset"], condition=models.Q(state="running", kind="rule"), name="growth_by_rule_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} by {self.kind}"

    @property
    def organization_id(self) -> int | None:
        """The organization of the dataset."""
        return self.dataset.organization_id

    @property
    def percent(self) -> int | None:
        """How far it came in hundredths; None where nobody knows how much there is."""
        if self.state == GrowthState.DONE:
            return 100
        return min(99, self.seen * 100 // max(1, self.total)) if self.total is not None else None

    @property
    def refused_count(self) -> int:
        """How many were not taken."""
        return sum(self.refused.values())


class VideoFrame(models.Model):
    """A sample made of a frame of a video, and where the frame stands in it; erased with the sample, and the video with it."""

    sample = models.OneToOneField(LearningSample, on_delete=models.CASCADE, primary_key=True, related_name="+")
    video = models.ForeignKey(StoredObject, on_delete=models.CASCADE, related_name="+")
    second = models.FloatField()

    class Meta:
        db_table = "dataset_video_frames"
        verbose_name = "frame"

    def __str__(self) -> str:
        return f"{self.sample_id} at {self.second} s"
