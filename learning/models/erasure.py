"""Erasure: what shall be gone, what it touches, the receipt, and the ledger that keeps it from coming back."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models.city import City
from learning.models.object import StoredObject
from learning.models.sample import LearningSample

DUE_WITHIN = timedelta(days=7)


class SubjectKind(models.TextChoices):
    """By what the samples of an erasure or an access export are found."""

    PLATE = "plate"
    SAMPLES = "samples"
    EVENT = "event"
    CAMERA = "camera"
    CITY = "city"
    PERSON = "person"
    USER = "user", "example user"
    LEDGER = "ledger", "ledger (after a restore)"


class ErasureState(models.TextChoices):
    """Where an erasure stands."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    DONE = "done"


class ErasureQuerySet(models.QuerySet["Erasure"]):
    """Erasures, and which of them wait."""

    def waiting(self) -> "ErasureQuerySet":
        """Those that are not done."""
        return self.exclude(state=ErasureState.DONE)

    def to_gather(self) -> "ErasureQuerySet":
        """Drafts whose candidates nobody has looked for yet."""
        return self.filter(state=ErasureState.DRAFT, gathered_at__isnull=True)

    def to_run(self) -> "ErasureQuerySet":
        """Narrow to confirmed and begun ones that no worker holds."""
        free = models.Q(claimed_until__isnull=True) | models.Q(claimed_until__lt=timezone.now())
        return self.filter(free, state__in=[ErasureState.CONFIRMED, ErasureState.RUNNING])


class Erasure(Lifecycle):
    """A request that samples be erased; once it is done it names nobody: `subject` is emptied, its hash stays.

    While a worker carries it out it holds `claimed_until`; each chunk is one transaction, so it may be killed anywhere.
    """

    MOVES = {
        ErasureState.DRAFT: frozenset({ErasureState.CONFIRMED}),
        ErasureState.CONFIRMED: frozenset({ErasureState.RUNNING}),
        ErasureState.RUNNING: frozenset({ErasureState.DONE}),
        ErasureState.DONE: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=SubjectKind)
    subject = models.JSONField(default=dict)
    subject_sha256 = models.CharField(max_length=64)
    reference = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=ErasureState, default=ErasureState.DRAFT)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    gathered_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    waits_for = models.CharField(max_length=300, blank=True)
    counts = models.JSONField(default=dict)
    receipt = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ErasureQuerySet.as_manager()

    class Meta:
        db_table = "erasures"
        verbose_name = "erasure"
        indexes = [models.Index(fields=["due_at"], condition=~models.Q(state="done"), name="erasure_waiting")]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ErasureState.values), name="erasure_state_known"),
            models.CheckConstraint(condition=models.Q(kind__in=SubjectKind.values), name="erasure_kind_known"),
        ]

    def __str__(self) -> str:
        return f"erasure by {self.kind}"

    @property
    def days_left(self) -> int:
        """Whole days until it must be done; negative when it is late."""
        return (self.due_at - timezone.now()) // timedelta(days=1)

    @property
    def is_late(self) -> bool:
        """Tell whether it should have been done by now."""
        return self.state != ErasureState.DONE and self.due_at < timezone.now()


class Match(models.TextChoices):
    """How sure it is that a candidate is meant."""

    EXACT = "exact"
    NEAR = "near", "one character off"


class ErasureItem(models.Model):
    """One candidate of an erasure: found, chosen or not, and done once it is erased. Keeps no text of what was found."""

    id = models.BigAutoField(primary_key=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="items", db_index=False)
    sample = models.ForeignKey(LearningSample, on_delete=models.SET_NULL, null=True, related_name="+")
    match = models.CharField(max_length=6, choices=Match, default=Match.EXACT)
    found_in = models.CharField(max_length=20, blank=True)
    is_chosen = models.BooleanField(default=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "erasure_items"
        indexes = [
            models.Index(
                fields=["erasure", "id"], condition=models.Q(is_chosen=True, done_at__isnull=True), name="erasure_item_open"
            )
        ]
        constraints = [models.UniqueConstraint(fields=["erasure", "sample"], name="erasure_item_once")]

    def __str__(self) -> str:
        return f"{self.sample_id} of {self.erasure_id}"


class Decision(models.TextChoices):
    """What shall become of a model that learned from what is erased."""

    KEEP = "keep"
    RETRAIN = "retrain"
    DEPRECATE = "deprecate"


MODEL_VERSION = "model_version"
"""The kind of Impact that asks for a decision."""
UNFINISHED = "unfinished"
"""The kind of Impact by which an app says that it has work of its own to do before the erasure is done."""


class ErasureTouch(models.Model):
    """One thing above the store that an erasure touches (a core.hooks.Impact); a model version asks for a decision."""

    id = models.BigAutoField(primary_key=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="touches", db_index=False)
    kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=200)
    consequence = models.CharField(max_length=500)
    decision = models.CharField(max_length=10, choices=Decision, blank=True)
    why = models.CharField(max_length=300, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "erasure_touches"
        constraints = [models.UniqueConstraint(fields=["erasure", "kind", "object_id"], name="erasure_touch_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class LedgerEntry(models.Model):
    """The hash of one erased event of a city: it says of an id that is shown to it that it was erased, and names none."""

    id = models.BigAutoField(primary_key=True)
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="+", db_index=False)
    identity_sha256 = models.CharField(max_length=64)
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, null=True, related_name="ledger")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "erasure_ledger"
        constraints = [models.UniqueConstraint(fields=["city", "identity_sha256"], name="ledger_entry_once")]

    def __str__(self) -> str:
        return self.identity_sha256


class LedgerPage(models.Model):
    """A part of the ledger as it lies in the store, under a name that follows from its number."""

    number = models.PositiveIntegerField(primary_key=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, null=True, related_name="pages")
    object = models.ForeignKey(StoredObject, on_delete=models.PROTECT, related_name="+")
    entries = models.PositiveIntegerField()

    class Meta:
        db_table = "erasure_ledger_pages"

    def __str__(self) -> str:
        return f"ledger page {self.number}"


class AccessExport(models.Model):
    """Everything the hub holds of somebody or something, as a ZIP that lies in the store for a few days."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=SubjectKind)
    subject = models.JSONField(default=dict)
    erasure = models.ForeignKey(Erasure, on_delete=models.SET_NULL, null=True, related_name="exports")
    reference = models.CharField(max_length=120, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    claimed_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    samples = models.PositiveIntegerField(default=0)
    error_message = models.CharField(max_length=300, blank=True)
    object = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "access_exports"
        verbose_name = "access export"

    def __str__(self) -> str:
        return f"access export by {self.kind}"

    @property
    def is_there(self) -> bool:
        """Tell whether its file can be fetched."""
        return self.object is not None and self.object.deleted_at is None
