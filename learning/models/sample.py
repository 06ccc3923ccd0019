"""A sample: one curated detection of one camera, and what is true of it."""

from typing import TYPE_CHECKING

from django.db import models

from core.lifecycle import Lifecycle
from learning.models.batch import UploadBatch
from learning.models.city import Camera, City
from learning.models.module import AiModule
from learning.models.object import StoredObject

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


class SampleState(models.TextChoices):
    """Where a sample stands on its way to a truth."""

    RECEIVED = "received"
    PENDING = "pending"
    SETTLED = "settled"
    DISPUTED = "disputed"
    EXCLUDED = "excluded"


class SampleType(models.TextChoices):
    """How a sample came about."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    SYNTHETIC = "synthetic"


def may_be_trained_on(sample: str = "") -> models.Q:
    """Select what may enter a dataset version; `sample` is the path to the sample, like "sample__".

    An example needs its user's consent; an image of a person theirs, a validation that passed, and enough others of them.
    Gold never enters: what people are measured by shall not be learned.
    """
    is_no_example, is_no_image = models.Q(**{f"{sample}example__isnull": True}), models.Q(**{f"{sample}image__isnull": True})
    consented = {"is_validated": True, "person__consent": True, "person__trainable": True}
    image = models.Q(**{f"{sample}image__{name}": value for name, value in consented.items()})
    is_no_gold = models.Q(**{f"{sample}is_gold": False})
    return is_no_gold & (is_no_example | models.Q(**{f"{sample}example__consent_given": True})) & (is_no_image | image)


class LearningSampleQuerySet(models.QuerySet["LearningSample"]):
    """Samples, and who sees which."""

    def visible_to(self, user: "User") -> "LearningSampleQuerySet":
        """Those of the cities a user sees."""
        return self if user.is_hub_staff else self.filter(city__in=City.objects.visible_to(user))

    def settled(self) -> "LearningSampleQuerySet":
        """Those with a truth."""
        return self.filter(state=SampleState.SETTLED)

    def may_be_trained_on(self) -> "LearningSampleQuerySet":
        """Those that may enter a dataset version: no gold, and of people only with their consent."""
        return self.filter(may_be_trained_on())

    def verified(self) -> "LearningSampleQuerySet":
        """Those whose image a worker has seen whole; nobody is shown another."""
        return self.exclude(state=SampleState.RECEIVED)


class LearningSample(Lifecycle):
    """One detection: `prediction` is the edge's, `truth` the people's; both are annotation values (docs/wire)."""

    MOVES = {
        SampleState.RECEIVED: frozenset({SampleState.PENDING, SampleState.SETTLED}),
        SampleState.PENDING: frozenset({SampleState.SETTLED, SampleState.DISPUTED, SampleState.EXCLUDED}),
        SampleState.SETTLED: frozenset({SampleState.PENDING, SampleState.DISPUTED, SampleState.EXCLUDED}),
        SampleState.DISPUTED: frozenset({SampleState.PENDING, SampleState.SETTLED, SampleState.EXCLUDED}),
        SampleState.EXCLUDED: frozenset({SampleState.PENDING, SampleState.SETTLED, SampleState.DISPUTED}),
    }

    id = models.BigAutoField(primary_key=True)
    sample_id = models.CharField(max_length=200)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="samples", db_index=False)
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="samples", db_index=False)
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="samples")
    event_id = models.CharField(max_length=200)
    batch = models.ForeignKey(UploadBatch, on_delete=models.PROTECT, null=True, related_name="samples", db_index=False)
    object = models.ForeignKey(StoredObject, on_delete=models.SET_NULL, null=True, related_name="samples")
    by_reference = models.BooleanField(default=False)
    source_name = models.CharField(max_length=255, blank=True)
    captured_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    sample_type = models.CharField(max_length=10, choices=SampleType, default=SampleType.AUTOMATIC)
    prediction = models.JSONField(null=True)
    predicted_by = models.JSONField(null=True)
    confidence = models.FloatField(null=True)
    image_quality_score = models.FloatField(null=True)
    context_notes = models.TextField(blank=True)
    source_label_status = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=10, choices=SampleState, default=SampleState.RECEIVED)
    truth = models.JSONField(null=True)
    truth_sha256 = models.CharField(max_length=64, blank=True)
    label_status = models.CharField(max_length=10, blank=True)
    group_key = models.CharField(max_length=280)
    priority = models.IntegerField(default=0)
    is_gold = models.BooleanField(default=False)
    erased_at = models.DateTimeField(null=True)
    reopened_at = models.DateTimeField(null=True)

    objects = LearningSampleQuerySet.as_manager()

    class Meta:
        db_table = "learning_samples"
        verbose_name = "sample"
        indexes = [
            models.Index(fields=["module", "state", "id"], name="sample_module_state"),
            models.Index(fields=["captured_at", "city"], name="sample_captured"),
            # not (city, id): no second index begins with the city, or a look-up by (city, event_id) of a new city may walk it
            models.Index(fields=["id", "city"], name="sample_city"),
            models.Index(fields=["batch", "id"], name="sample_batch"),
            # the oldest dispute of all modules, which home asks for
            models.Index(fields=["received_at"], condition=models.Q(state=SampleState.DISPUTED), name="sample_disputed"),
            models.Index(fields=["reopened_at"], condition=models.Q(reopened_at__isnull=False), name="sample_reopened"),
            # what imports look their images up by; cities name few of theirs
            models.Index(fields=["source_name"], condition=~models.Q(source_name=""), name="sample_source_name"),
        ]
        constraints = [
            # its index finds ids by their beginning too (core.lookups.Prefixed)
            models.UniqueConstraint(fields=["sample_id"], name="sample_id_once", opclasses=["varchar_pattern_ops"]),
            models.UniqueConstraint(fields=["city", "event_id"], name="sample_event_once_per_city"),
            models.CheckConstraint(condition=models.Q(state__in=SampleState.values), name="sample_state_known"),
            models.CheckConstraint(condition=models.Q(sample_type__in=SampleType.values), name="sample_type_known"),
            models.CheckConstraint(
                condition=models.Q(confidence__isnull=True) | models.Q(confidence__gte=0, confidence__lte=1),
                name="sample_confidence_in_range",
            ),
            models.CheckConstraint(
                condition=models.Q(image_quality_score__isnull=True)
                | models.Q(image_quality_score__gte=0, image_quality_score__lte=1),
                name="sample_quality_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.sample_id

    @property
    def detection_timestamp(self) -> "datetime":
        """The seed's name of captured_at."""
        return self.captured_at

    @property
    def image_reference(self) -> str | None:
        """The seed's name of the object's reference; None once retention took the image."""
        return self.object.reference if self.object else None
