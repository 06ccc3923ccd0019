"""A city's daily delivery, and what of it was not taken."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from core.lifecycle import Lifecycle
from learning.models.city import City

if TYPE_CHECKING:
    from accounts.models import User


DUPLICATE = "duplicate"


class BatchState(models.TextChoices):
    """Where a delivery stands."""

    OPEN = "open"
    SEALED = "sealed"
    REGISTERED = "registered"
    REJECTED = "rejected"
    EXPIRED = "expired"


class UploadBatchQuerySet(models.QuerySet["UploadBatch"]):
    """Batches, and who sees which."""

    def visible_to(self, user: "User") -> "UploadBatchQuerySet":
        """Those of the cities a user sees."""
        return self.filter(city__in=City.objects.visible_to(user))

    def sealed(self) -> "UploadBatchQuerySet":
        """Those that are being verified, or wait for it."""
        return self.filter(state=BatchState.SEALED)


class UploadBatch(Lifecycle):
    """`batch_<city>_<YYYYMMDD>`, then `-2`, `-3` … ; the day is the city's.

    A `client_batch_id` names a batch of its own; without one, a city has one open batch a day. Of a sealed batch's
    `item_count` items, `verified_count` were looked at by workers, whether they were taken or not.
    """

    MOVES = {
        BatchState.OPEN: frozenset({BatchState.SEALED, BatchState.EXPIRED}),
        BatchState.SEALED: frozenset({BatchState.REGISTERED, BatchState.REJECTED}),
        BatchState.REGISTERED: frozenset(),
        BatchState.REJECTED: frozenset(),
        BatchState.EXPIRED: frozenset(),
    }

    id = models.CharField(primary_key=True, max_length=120)
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="batches")
    day = models.DateField()
    number = models.PositiveIntegerField(default=1)
    client_batch_id = models.CharField(max_length=120, null=True)
    state = models.CharField(max_length=12, choices=BatchState, default=BatchState.OPEN)
    opened_at = models.DateTimeField(auto_now_add=True)
    sealed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    item_count = models.PositiveIntegerField(default=0)
    verified_count = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)

    objects = UploadBatchQuerySet.as_manager()

    class Meta:
        db_table = "upload_batches"
        verbose_name = "batch"
        verbose_name_plural = "batches"
        constraints = [
            models.UniqueConstraint(fields=["city", "day", "number"], name="batch_number_once_per_day"),
            models.UniqueConstraint(fields=["city", "client_batch_id"], name="batch_client_id_once"),
            models.UniqueConstraint(
                fields=["city", "day"],
                condition=models.Q(state=BatchState.OPEN, client_batch_id__isnull=True),
                name="batch_one_open_per_day",
            ),
            models.CheckConstraint(condition=models.Q(state__in=BatchState.values), name="batch_state_known"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def organization_id(self) -> int | None:
        """The city's, for the policy and the audit log."""
        return self.city.organization_id

    def counts(self) -> dict[str, int]:
        """Answer how many of its items were accepted, were there already, and were rejected."""
        not_taken = dict(self.rejections.values_list("reason").annotate(models.Count("id")))
        duplicate = not_taken.pop(DUPLICATE, 0)
        return {"accepted": self.samples.count(), "duplicate": duplicate, "rejected": sum(not_taken.values())}


class VerificationChunkQuerySet(models.QuerySet["VerificationChunk"]):
    """Chunks, and which a worker may take."""

    def free(self) -> "VerificationChunkQuerySet":
        """Those in no worker's hands, or in those of one that has not been heard of for too long."""
        now = timezone.now()
        return self.filter(models.Q(claimed_until__isnull=True) | models.Q(claimed_until__lt=now))


class VerificationChunk(models.Model):
    """A part of a sealed batch, by the keys of its samples, that one worker verifies; it goes when that is done."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(UploadBatch, on_delete=models.CASCADE, related_name="chunks")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    claimed_until = models.DateTimeField(null=True)

    objects = VerificationChunkQuerySet.as_manager()

    class Meta:
        db_table = "verification_chunks"
        constraints = [models.UniqueConstraint(fields=["batch", "first"], name="chunk_once")]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.first}–{self.last}"


class UploadRejection(models.Model):
    """An item that was not taken, and why; the reason DUPLICATE says that the hub has it already."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(UploadBatch, on_delete=models.PROTECT, related_name="rejections")
    event_id = models.CharField(max_length=200)
    reason = models.CharField(max_length=60)
    detail = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "upload_rejections"
        constraints = [models.UniqueConstraint(fields=["batch", "event_id", "reason"], name="rejection_once")]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.reason}"
