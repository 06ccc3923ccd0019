"""An AI module: one kind of question to a camera's pictures, and the schema of its answers."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

from learning.models.policy import ReviewPolicy

if TYPE_CHECKING:
    from accounts.models import User

GUIDE_UNCLEAR = "guide_unclear"
"""The reason for being unsure that asks for a better guide: what has it is listed for whoever writes that."""


class Task(models.TextChoices):
    """What kind of answer a module gives."""

    CLASSIFICATION = "classification"
    TEXT = "text"
    DETECTION = "detection"
    FEATURES = "features"


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
    policy_version = models.PositiveIntegerField(default=1)
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
        """The newest review policy (learning/actions/policy.py changes it), with the defaults of what it does not say."""
        return ReviewPolicy.of(self.review_policy)

    @property
    def schema(self) -> "LabelSchema":
        """The newest revision of the label schema."""
        return self.schemas.latest("revision")


class LabelSchema(models.Model):
    """One revision of a module's answers; append-only, with stable label ids.

    labels `[{id, name, color, shortcut, retired?, formerly?: [name], guide?, examples?: [sample_id]}]`: a former name goes on
    meaning its label. attributes `[{id, name, type, values, required, per, retired?, formerly?, values_formerly?: {former: value}}]`, text `{pattern, normalise, max_length,
    unreadable}` or empty, reasons `[str]` for unsure, and for reject unless that has its own. guide is what annotators read.
    """

    CONTENT = ("labels", "attributes", "text", "reasons", "reject_reasons", "guide")

    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="schemas")
    revision = models.PositiveIntegerField()
    labels = models.JSONField(default=list)
    attributes = models.JSONField(default=list, blank=True)
    text = models.JSONField(default=dict, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    reject_reasons = models.JSONField(default=list, blank=True)
    guide = models.TextField(blank=True, default="")
    note = models.CharField(max_length=300, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
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

    @property
    def content(self) -> dict[str, Any]:
        """Answer all that a revision says, by the names of its columns."""
        return {name: getattr(self, name) for name in self.CONTENT}

    def reasons_for(self, decision: str) -> list[str]:
        """Answer the reasons offered for unsure or for reject; whoever is unsure may always blame the guide, where any are asked."""
        if decision == "reject":
            return list(self.reject_reasons or self.reasons)
        return list(dict.fromkeys([*self.reasons, GUIDE_UNCLEAR])) if self.reasons else []

    def successor(self, **changes: Any) -> "LabelSchema":
        """Answer the next revision, unsaved: the same but for `changes`."""
        return LabelSchema(module=self.module, revision=self.revision + 1, **{**self.content, **changes})

    def as_document(self) -> dict[str, Any]:
        """Answer the schema as it travels with datasets and bundles."""
        return {"module": self.module.slug, "revision": self.revision, **self.content}
