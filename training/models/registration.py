"""A model that was trained elsewhere, on its way into the registry. The row is the job."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from accounts.models import Organization
from core.ids import new_id
from core.lifecycle import Lifecycle
from core.storage import DEFAULT_ALIAS
from learning.models import AiModule
from training.models.model_version import ModelVersion

if TYPE_CHECKING:
    from accounts.models import User


class RegistrationState(models.TextChoices):
    """Where a registration stands."""

    OPEN = "open"
    CHECKING = "checking"
    REGISTERED = "registered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ModelRegistrationQuerySet(models.QuerySet["ModelRegistration"]):
    """Registrations: who sees which, and which wait for whom."""

    def visible_to(self, user: "User") -> "ModelRegistrationQuerySet":
        """Answer all to the hub's people, and to an organization its own."""
        return self if user.organization_id is None else self.filter(organization=user.organization_id)

    def to_check(self) -> "ModelRegistrationQuerySet":
        """Those whose file is there for a worker to look at."""
        return self.filter(state=RegistrationState.CHECKING)

    def to_clear(self) -> "ModelRegistrationQuerySet":
        """Those that are over, and whose file may still be in the store."""
        return self.exclude(state__in=[RegistrationState.OPEN, RegistrationState.CHECKING]).exclude(object_name="")


class ModelRegistration(Lifecycle):
    """A file that was, or is to be, sent to `object_name`; of the checks that it passed comes `model_version`.

    `source`, `licence` and `notes` say where it is from and what may be done with it; `config` how a bare ONNX file is used,
    empty for a bundle. `sha256` is that of the file as it came; `answers` what it said of its golden inputs. `object_name` is
    "" once the store does not hold the file any more.
    """

    MOVES = {
        RegistrationState.OPEN: frozenset({RegistrationState.CHECKING, RegistrationState.CANCELLED, RegistrationState.EXPIRED}),
        RegistrationState.CHECKING: frozenset({RegistrationState.REGISTERED, RegistrationState.FAILED}),
        RegistrationState.REGISTERED: frozenset(),
        RegistrationState.FAILED: frozenset(),
        RegistrationState.CANCELLED: frozenset(),
        RegistrationState.EXPIRED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user_id = models.CharField(max_length=120, blank=True)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+")
    version = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    source = models.CharField(max_length=500)
    licence = models.TextField()
    notes = models.TextField(blank=True)
    config = models.JSONField(default=dict, blank=True)
    file_name = models.CharField(max_length=255)
    size = models.BigIntegerField()
    md5 = models.CharField(max_length=32)
    sha256 = models.CharField(max_length=64, blank=True)
    alias = models.CharField(max_length=40, default=DEFAULT_ALIAS)
    object_name = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=RegistrationState, default=RegistrationState.OPEN)
    token = models.CharField(max_length=32, blank=True)
    beat_at = models.DateTimeField(null=True)
    faults = models.PositiveSmallIntegerField(default=0)
    error_message = models.TextField(blank=True)
    answers = models.JSONField(default=list, blank=True)
    model_version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, null=True, related_name="registration")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = ModelRegistrationQuerySet.as_manager()

    class Meta:
        db_table = "model_registrations"
        verbose_name = "registration"
        indexes = [
            models.Index(
                fields=["expires_at"], condition=models.Q(state__in=["open", "checking"]), name="registration_unfinished"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=RegistrationState.values), name="registration_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="registered", model_version__isnull=False)
                | (~models.Q(state="registered") & models.Q(model_version__isnull=True)),
                name="registration_has_its_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.file_name})"
