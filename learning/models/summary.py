"""Counts that pages and charts read instead of counting: per day, city and module, and of what the store holds.

A table is cut into stretches of keys; the counts of a stretch are computed anew and replaced, never added to. So a second
worker, a crash or a late commit harms nothing, and what changed in old rows is true again after the next round.
"""

from typing import TYPE_CHECKING

from django.db import models

from learning.models.city import City
from learning.models.module import AiModule

if TYPE_CHECKING:
    from accounts.models import User

STRETCH = 50_000
"""How many keys of a table one stretch covers."""


class Source(models.TextChoices):
    """Which table is counted."""

    SAMPLES = "samples"
    LABELS = "labels"
    REJECTIONS = "rejections"


class Measure(models.TextChoices):
    """What is counted: samples, labels, and what was not taken."""

    ACCEPTED = "accepted"
    VERIFIED = "verified"
    REGISTERED = "registered"
    CORRECT = "correct"
    CHANGED = "changed"
    UNSURE = "unsure"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"


class Stretch(models.Model):
    """The keys from number × STRETCH on, and when they were counted last."""

    source = models.CharField(max_length=10, choices=Source)
    number = models.BigIntegerField()
    refreshed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "summary_stretches"
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="stretch_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.number}"


class DailyCountQuerySet(models.QuerySet["DailyCount"]):
    """Counts, and who sees which."""

    def visible_to(self, user: "User") -> "DailyCountQuerySet":
        """Those of the cities a user sees."""
        return self if user.is_hub_staff else self.filter(city__in=City.objects.visible_to(user))


class DailyCount(models.Model):
    """How many rows of a stretch are of this day (the city's own), city, module and kind; `reason` where they were rejected.

    The day of a sample is its batch's, of one without a batch that of its arrival; the day of a label that of the judgement.
    """

    id = models.BigAutoField(primary_key=True)
    stretch = models.ForeignKey(Stretch, on_delete=models.CASCADE, related_name="counts")
    day = models.DateField()
    city = models.ForeignKey(City, on_delete=models.CASCADE, related_name="+", db_index=False)
    module = models.ForeignKey(AiModule, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    measure = models.CharField(max_length=10, choices=Measure)
    reason = models.CharField(max_length=60, blank=True)
    n = models.PositiveIntegerField()

    objects = DailyCountQuerySet.as_manager()

    class Meta:
        db_table = "daily_counts"
        indexes = [
            models.Index(fields=["city", "day"], name="daily_count_city"),
            models.Index(fields=["day"], name="daily_count_day"),
        ]

    def __str__(self) -> str:
        return f"{self.n} {self.measure} on {self.day}"


class StorageCount(models.Model):
    """What the store held on a day (UTC): objects and bytes of one kind in one storage class."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    storage_class = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=20)
    objects_held = models.BigIntegerField()
    bytes_held = models.BigIntegerField()

    class Meta:
        db_table = "storage_counts"
        constraints = [models.UniqueConstraint(fields=["day", "storage_class", "kind"], name="storage_count_once")]

    def __str__(self) -> str:
        return f"{self.objects_held} {self.kind} on {self.day}"
