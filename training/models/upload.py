"""A large file on its way into the store in parts, under signed addresses; no byte of it passes a web worker of the hub."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.ids import new_id
from core.lifecycle import Lifecycle
from core.storage import DEFAULT_ALIAS
from learning.models import StoredObject
from training.models.dataset import TrainingDataset

if TYPE_CHECKING:
    from accounts.models import User


class UploadPurpose(models.TextChoices):
    """What a file is brought for."""

    IMPORT = "import"
    IMAGES = "images"
    VIDEO = "video"


class UploadState(models.TextChoices):
    """Where an upload stands."""

    OPEN = "open"
    ASSEMBLING = "assembling"
    STORED = "stored"
    FAILED = "failed"
    ABORTED = "aborted"
    EXPIRED = "expired"


class DatasetUploadQuerySet(models.QuerySet["DatasetUpload"]):
    """Uploads: who sees which, and which wait for whom."""

    def visible_to(self, user: "User") -> "DatasetUploadQuerySet":
        """Those into datasets whose inside a user sees: the hub's people all, an organization its own."""
        return self if user.organization_id is None else self.filter(dataset__organization=user.organization_id)

    def overdue(self) -> "DatasetUploadQuerySet":
        """Those that were never completed in time."""
        return self.filter(state=UploadState.OPEN, expires_at__lt=timezone.now())

    def to_assemble(self) -> "DatasetUploadQuerySet":
        """Those that are to be put together."""
        return self.filter(state=UploadState.ASSEMBLING)

    def to_give_up(self) -> "DatasetUploadQuerySet":
        """Those that ended without an object, and whose parts the store may still hold."""
        return self.filter(state__in=[UploadState.FAILED, UploadState.ABORTED, UploadState.EXPIRED]).exclude(store_upload="")


class DatasetUpload(Lifecycle):
    """`size` bytes of one file, in parts of `part_size` (the last one is the rest), to become `object`.

    `store_upload` is the store's id of it, "" once the store holds no parts any more. `client_key` is what the same person
    finds the same file by again after a reload. `options` go with what follows: the city, the seconds between frames.
    """

    MOVES = {
        UploadState.OPEN: frozenset({UploadState.ASSEMBLING, UploadState.ABORTED, UploadState.EXPIRED}),
        UploadState.ASSEMBLING: frozenset({UploadState.STORED, UploadState.FAILED}),
        UploadState.STORED: frozenset(),
        UploadState.FAILED: frozenset(),
        UploadState.ABORTED: frozenset(),
        UploadState.EXPIRED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="uploads")
    purpose = models.CharField(max_length=10, choices=UploadPurpose)
    file_name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=80)
    size = models.BigIntegerField()
    part_size = models.PositiveIntegerField()
    client_key = models.CharField(max_length=200, blank=True)
    options = models.JSONField(default=dict, blank=True)
    alias = models.CharField(max_length=40, default=DEFAULT_ALIAS)
    object_name = models.CharField(max_length=64)
    store_upload = models.CharField(max_length=1_024, blank=True)
    state = models.CharField(max_length=12, choices=UploadState, default=UploadState.OPEN)
    object = models.ForeignKey(StoredObject, on_delete=models.SET_NULL, null=True, related_name="+")
    sha256 = models.CharField(max_length=64, blank=True)
    token = models.CharField(max_length=32, blank=True)
    beat_at = models.DateTimeField(null=True)
    faults = models.PositiveSmallIntegerField(default=0)
    error_message = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = DatasetUploadQuerySet.as_manager()

    class Meta:
        db_table = "dataset_uploads"
        verbose_name = "upload"
        indexes = [
            models.Index(fields=["expires_at"], condition=models.Q(state__in=["open", "assembling"]), name="upload_unfinished"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=UploadState.values), name="upload_state_known"),
            models.CheckConstraint(condition=models.Q(purpose__in=UploadPurpose.values), name="upload_purpose_known"),
            models.UniqueConstraint(
                fields=["dataset", "created_by", "client_key"],
                condition=models.Q(state="open") & ~models.Q(client_key=""),
                name="upload_of_a_file_once",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def organization_id(self) -> int | None:
        """The organization of the dataset."""
        return self.dataset.organization_id

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_size)

    def size_of(self, number: int) -> int:
        """Answer how many bytes the part of this number (from 1) has."""
        return self.part_size if number < self.parts else self.size - (self.parts - 1) * self.part_size
