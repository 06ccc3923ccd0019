"""A model version: content that never changes, and a status that a person moves."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from accounts.models import Organization
from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import AiModule, StoredObject
from training.models.dataset import visible_rows
from training.models.job import TrainingJob
from training.models.version import DatasetVersion

if TYPE_CHECKING:
    from accounts.models import User


class ModelStatus(models.TextChoices):
    """Where a version stands on its way to the edge."""

    DRAFT = "draft"
    TESTING = "testing"
    APPROVED = "approved"
    RELEASED = "released"
    DEPRECATED = "deprecated"


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    """Model versions, and who sees which."""

    def visible_to(self, user: "User") -> "ModelVersionQuerySet":
        """Global ones and those of the own organization; hub staff see all."""
        return self.filter(visible_rows(user))

    def active(self) -> "ModelVersionQuerySet":
        """At most one per (organization, user_id, module)."""
        return self.filter(is_active=True)

    def awaiting_withdrawal(self) -> "ModelVersionQuerySet":
        """Those that the signed lists still name, and shall not."""
        return self.filter(withdrawal_asked_at__isnull=False, withdrawn_at__isnull=True)


class ModelVersion(Lifecycle):
    """Semver per (organization, module, user_id). The bundle, its hash and the lineage never change.

    `requested_by` is who had it trained; with `four_eyes` the database refuses the same person as `approved_by`. `gate` is what
    the module's release gate said when it was approved, and why that was done against red: {"verdicts", "reason"}.
    """

    STATE_FIELD = "status"
    MOVES = {
        ModelStatus.DRAFT: frozenset({ModelStatus.TESTING, ModelStatus.DEPRECATED}),
        ModelStatus.TESTING: frozenset({ModelStatus.APPROVED, ModelStatus.DRAFT}),
        ModelStatus.APPROVED: frozenset({ModelStatus.RELEASED, ModelStatus.DRAFT, ModelStatus.DEPRECATED}),
        ModelStatus.RELEASED: frozenset({ModelStatus.DEPRECATED}),
        ModelStatus.DEPRECATED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user_id = models.CharField(max_length=120, blank=True)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+")
    version = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    training_job = models.ForeignKey(TrainingJob, on_delete=models.PROTECT, null=True, related_name="+")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, null=True, related_name="models")
    base_version = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    trainer_name = models.CharField(max_length=60, blank=True)
    encoding = models.CharField(max_length=80, blank=True)
    bundle = models.ForeignKey(StoredObject, on_delete=models.PROTECT, related_name="+")
    config = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    card = models.TextField(blank=True)
    trained_at = models.DateTimeField()
    accuracy = models.FloatField(null=True)
    precision_score = models.FloatField(null=True)
    recall_score = models.FloatField(null=True)
    f1_score = models.FloatField(null=True)
    inference_time_ms = models.FloatField(null=True)
    evaluation = models.JSONField(default=dict, blank=True)
    min_edge_version = models.CharField(max_length=40, default="0.1.0")
    supported_platforms = models.JSONField(default=list)
    status = models.CharField(max_length=10, choices=ModelStatus, default=ModelStatus.DRAFT)
    four_eyes = models.BooleanField(default=True)
    gate = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    approval_notes = models.TextField(blank=True)
    release_requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    release_requested_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    release_notes = models.TextField(blank=True)
    deprecated_at = models.DateTimeField(null=True)
    deprecation_reason = models.TextField(blank=True)
    withdrawal_asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawal_asked_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        db_table = "ai_model_versions"
        verbose_name = "model version"
        constraints = [
            # Coalesce, because SQLite cannot count two absent organizations as the same
            models.UniqueConstraint(Coalesce("organization", 0), "module", "user_id", "version", name="model_version_once"),
            models.UniqueConstraint(
                Coalesce("organization", 0), "user_id", "module", condition=models.Q(is_active=True), name="model_one_active"
            ),
            models.CheckConstraint(condition=models.Q(status__in=ModelStatus.values), name="model_status_known"),
            models.CheckConstraint(
                condition=models.Q(four_eyes=False)
                | models.Q(approved_by__isnull=True)
                | ~models.Q(approved_by=models.F("requested_by")),
                name="model_approver_is_not_requester",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=[ModelStatus.APPROVED, ModelStatus.RELEASED])
                | models.Q(approved_by__isnull=False, approved_at__isnull=False),
                name="model_approved_by_a_person",
            ),
            models.CheckConstraint(
                condition=models.Q(is_active=False) | models.Q(status=ModelStatus.RELEASED), name="model_active_is_released"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def is_approved(self) -> bool:
        """Tell whether a person approved this version."""
        return self.approved_at is not None

    @property
    def is_released(self) -> bool:
        """Tell whether this version may be deployed."""
        return self.status == ModelStatus.RELEASED

    @property
    def is_withdrawable(self) -> bool:
        """Tell whether the signed lists still name this version though it is offered no more, and nobody asked to end that."""
        return self.status == ModelStatus.DEPRECATED and self.released_at is not None and self.withdrawal_asked_at is None

    @property
    def standing(self) -> str:
        """The registry seed's status: active, candidate, archived, or "" before approval."""
        return standing_of(self.status, is_active=self.is_active)

    @property
    def file_name(self) -> str:
        """The path of the bundle in the image repository, the same on every edge."""
        return path_of(self.organization_id, self.module.slug, self.user_id, self.version)


def standing_of(status: str, *, is_active: bool) -> str:
    """Answer the registry seed's status of a version in this one."""
    if is_active:
        return "active"
    if status == ModelStatus.DEPRECATED:
        return "archived"
    return "candidate" if status in (ModelStatus.APPROVED, ModelStatus.RELEASED) else ""


def path_of(organization: int | None, module: str, user_id: str, version: str) -> str:
    """Answer the path of a version's bundle in the image repository."""
    owner = f"org-{organization}" if organization else "all"
    user = f"/{user_id}" if user_id else ""
    return f"{owner}/{module}{user}/{version}.zip"
