"""A dataset version: members that never change, and a fingerprint that proves it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import QuerySet

from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import LearningSample, StoredObject
from training.models.dataset import TrainingDataset, visible_rows

if TYPE_CHECKING:
    from accounts.models import User


MOST_CHANGES = 10_000_000


class VersionState(models.TextChoices):
    """Whether a version is being made, is fixed, or is put away."""

    DRAFT = "draft"
    FREEZING = "freezing"
    FROZEN = "frozen"
    ARCHIVED = "archived"


class Split(models.TextChoices):
    """Which part of a version a member is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class DatasetVersionQuerySet(models.QuerySet["DatasetVersion"]):
    """Versions, and who sees which."""

    def visible_to(self, user: "User") -> "DatasetVersionQuerySet":
        """Those of the datasets a user sees."""
        return self.filter(dataset__in=TrainingDataset.objects.filter(visible_rows(user)))


class DatasetVersion(Lifecycle):
    """`<dataset>@<semver>`; the fingerprint is over sorted member lines and holds no database id.

    Manifest and truth are objects: one JSON line a member each. `split` is the shares, `statistics` the seed's counts.
    While it freezes, `freeze_token` names the worker that does it and `freeze_beat_at` says that it is alive. `erased_count`
    members were erased since; `truth_outdated` says that both files are still to be written anew without them, and
    `rewrite_until` that a worker does it. A proof is asked for at `verify_asked_at`, done by the worker of `verify_token`
    (`verify_done` members so far), and what it found is `verification`: {"members", "erased", "objects", "faults": […]}.
    """

    MOVES = {
        VersionState.DRAFT: frozenset({VersionState.FREEZING}),
        VersionState.FREEZING: frozenset({VersionState.FROZEN, VersionState.DRAFT}),
        VersionState.FROZEN: frozenset({VersionState.ARCHIVED}),
        VersionState.ARCHIVED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=VersionState, default=VersionState.DRAFT)
    seed = models.BigIntegerField(default=0)
    split = models.JSONField(default=dict)
    dataset_query = models.JSONField(default=dict)
    label_schema = models.JSONField(default=dict)
    release_notes = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=80, blank=True)
    sample_count = models.PositiveIntegerField(default=0)
    statistics = models.JSONField(default=dict)
    manifest = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    truth = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    is_production = models.BooleanField(default=False)
    freeze_token = models.CharField(max_length=32, blank=True)
    freeze_beat_at = models.DateTimeField(null=True)
    error_message = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(null=True)
    erased_count = models.PositiveIntegerField(default=0)
    truth_outdated = models.BooleanField(default=False)
    rewrite_until = models.DateTimeField(null=True)
    verify_asked_at = models.DateTimeField(null=True)
    verify_objects = models.BooleanField(default=False)
    verify_token = models.CharField(max_length=32, blank=True)
    verify_beat_at = models.DateTimeField(null=True)
    verify_done = models.PositiveIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)
    verification = models.JSONField(default=dict)

    objects = DatasetVersionQuerySet.as_manager()

    class Meta:
        db_table = "dataset_versions"
        verbose_name = "dataset version"
        constraints = [
            models.UniqueConstraint(fields=["dataset", "version"], name="version_once_per_dataset"),
            models.UniqueConstraint(
                fields=["dataset"], condition=models.Q(is_production=True), name="version_one_production_per_dataset"
            ),
            models.CheckConstraint(condition=models.Q(state__in=VersionState.values), name="version_state_known"),
            models.CheckConstraint(
                condition=~models.Q(state=VersionState.FROZEN) | ~models.Q(fingerprint=""),
                name="version_frozen_has_fingerprint",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset.name}@{self.version}"

    @property
    def organization_id(self) -> int | None:
        """The organization of the dataset."""
        return self.dataset.organization_id

    @property
    def reopened(self) -> QuerySet[LearningSample]:
        """The members that were opened for another round of review since: their truth here may not be theirs any more."""
        members = DatasetMember.objects.filter(version=self, sample=models.OuterRef("pk"))
        return LearningSample.objects.filter(models.Exists(members), reopened_at__gt=self.created_at)

    @property
    def changed(self) -> QuerySet[LearningSample]:
        """The members that have another truth now than here, or none: fixed by a check, settled otherwise, corrected, reopened."""
        members = DatasetMember.objects.filter(version=self, sample=models.OuterRef("sample"), erased_at__isnull=True)
        since = TruthChange.objects.filter(at__gt=self.created_at)
        earlier = since.filter(sample=models.OuterRef("sample"), pk__lt=models.OuterRef("pk"))
        first = since.filter(~models.Exists(earlier), models.Exists(members)).exclude(before=models.F("sample__truth_sha256"))
        # from the changes to the samples, not from a million members to their changes: the planner keeps what is bounded apart
        return LearningSample.objects.filter(pk__in=first.order_by("pk").values("sample")[:MOST_CHANGES])


class DatasetMember(models.Model):
    """One sample in one version: lean, without its truth, which travels in the version's own object."""

    pk = models.CompositePrimaryKey("version_id", "sample_id")
    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="members", db_index=False)
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=10, choices=Split)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "dataset_members"

    def __str__(self) -> str:
        return f"{self.sample_id} in {self.version_id}"


class GroupSplit(models.Model):
    """Groups (an event, near-duplicates, a person) that one version met first, and their split there; later versions inherit it.

    `hashes` are the groups' (see learning.groups), 8 bytes each, the low byte first, sorted; `bucket` is that low byte.
    """

    pk = models.CompositePrimaryKey("version_id", "bucket", "split")
    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="groups", db_index=False)
    bucket = models.PositiveSmallIntegerField()
    split = models.CharField(max_length=10, choices=Split)
    hashes = models.BinaryField()

    class Meta:
        db_table = "dataset_groups"

    def __str__(self) -> str:
        return f"groups {self.bucket:02x} are for {self.split}"


class VersionComparison(models.Model):
    """What differs between an earlier version and a later one of a dataset, worked out by a worker: the row is the job.

    `result` (see training.comparing) is kept until a member of either is erased. `done` members were read so far.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    before = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="+", db_index=False)
    after = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="+")
    token = models.CharField(max_length=32, blank=True)
    beat_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True)
    error_message = models.TextField(blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "version_comparisons"
        constraints = [models.UniqueConstraint(fields=["before", "after"], name="version_comparison_once")]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class TruthChange(models.Model):
    """That a sample had the truth `before` (its hash) and has it no more; only of samples that datasets or versions hold."""

    id = models.BigAutoField(primary_key=True)
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, related_name="+", db_index=False)
    before = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "truth_changes"
        indexes = [
            models.Index(fields=["sample", "id"], name="truth_change_sample"),
            models.Index(fields=["at"], name="truth_change_at"),
        ]

    def __str__(self) -> str:
        return f"{self.sample_id} was {self.before[:8]}"
