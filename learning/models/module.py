"""An AI module: one kind of question to a camera's pictures, and the schema of its answers."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from accounts.models import User


class Task(models.TextChoices):
    """What kind of answer a module gives."""

    CLASSIFICATION = "classification"
    TEXT = "text"
    DETECTION = "detection"
    FEATURES = "features"


class CityLabels(models.TextChoices):
    """What becomes of a label that a city sends along."""

    TRUST = "trust"
    CHECK = "check"
    REVIEW = "review"


@dataclass(frozen=True)
class ReviewPolicy:
    """How a module's samples are judged: judgements per sample, and what city labels are worth.

    `check_share` is the share of trusted city labels that a person judges all the same, where city_labels is "check".
    """

    overlap: int = 1
    city_labels: str = CityLabels.CHECK
    check_share: float = 0.1

    def picks(self, sample_id: str) -> bool:
        """Tell whether a person judges this sample although its city did: by a hash, so that asking again changes nothing."""
        if self.city_labels != CityLabels.CHECK:
            return self.city_labels == CityLabels.REVIEW
        drawn = int.from_bytes(hashlib.sha256(f"check:{sample_id}".encode()).digest()[:4], "big")
        return drawn < self.check_share * 2**32


class AiModuleQuerySet(models.QuerySet["AiModule"]):
    """Modules, and who sees which."""

    def visible_to(self, user: "User") -> "AiModuleQuerySet":
        """Everyone who may see anything sees all modules: they are the hub's own."""
        return self if user.is_active else self.none()


class AiModule(models.Model):
    """What `ai_module` and `modality` text means everywhere; one of task features names their encoding and numbers a row."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    task = models.CharField(max_length=20, choices=Task)
    review_policy = models.JSONField(default=dict, blank=True)
    retention = models.JSONField(default=dict, blank=True)
    release_gate = models.JSONField(default=list, blank=True)
    accepts_unlabelled = models.BooleanField(default=False)
    min_quality = models.FloatField(default=0.0)
    encoding = models.CharField(max_length=80, blank=True)
    dims = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AiModuleQuerySet.as_manager()

    class Meta:
        db_table = "ai_modules"
        verbose_name = "module"
        constraints = [models.CheckConstraint(condition=models.Q(task__in=Task.values), name="module_task_known")]

    def __str__(self) -> str:
        return self.name

    @property
    def policy(self) -> ReviewPolicy:
        """The review policy, with its defaults."""
        return ReviewPolicy(**self.review_policy)

    @property
    def schema(self) -> "LabelSchema":
        """The newest revision of the label schema."""
        return self.schemas.latest("revision")


class LabelSchema(models.Model):
    """One revision of a module's answers; append-only, with stable label ids.

    labels `[{id, name, color, shortcut, retired?}]`, attributes `[{name, type, values, required, per}]`,
    text `{pattern, normalise, max_length}` or empty, reasons `[str]` for unsure and reject.
    """

    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="schemas")
    revision = models.PositiveIntegerField()
    labels = models.JSONField(default=list)
    attributes = models.JSONField(default=list, blank=True)
    text = models.JSONField(default=dict, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "label_schemas"
        constraints = [models.UniqueConstraint(fields=["module", "revision"], name="label_schema_revision_once")]

    def __str__(self) -> str:
        return f"{self.module.slug} r{self.revision}"

    @property
    def names(self) -> list[str]:
        """The names of the labels that are in use, in order."""
        return [label["name"] for label in self.labels if not label.get("retired")]

    def as_document(self) -> dict[str, Any]:
        """Answer the schema as it travels with datasets and bundles."""
        return {
            "module": self.module.slug,
            "revision": self.revision,
            "labels": self.labels,
            "attributes": self.attributes,
            "text": self.text,
            "reasons": self.reasons,
        }
