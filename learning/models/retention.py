"""How long images are kept: the rules of a module, legal holds that suspend them, and the runs that carry them out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models

from core.ids import new_id
from learning.models.city import Camera, City
from learning.models.label import LabelStatus
from learning.models.sample import LearningSample

MAX_DAYS = 36_500
GRACE = timedelta(days=30)
"""How long an object that is marked for deletion can still be kept by a decision, a rule or a hold."""


@dataclass(frozen=True)
class RetentionPolicy:
    """After how many days what becomes of a module's images; None is never. What was changed is kept for ever.

    Days count from the upload; those of unsure samples from the judgement.
    """

    archive_days: int | None = 365
    unsure_days: int | None = 30
    correct_days: int | None = None
    unlabelled_days: int | None = None

    FIELDS: ClassVar[tuple[str, ...]] = ("archive_days", "unsure_days", "correct_days", "unlabelled_days")

    def archive_at(self, stored_at: datetime) -> datetime | None:
        """Answer when an object moves to the archive's class."""
        return _after(stored_at, self.archive_days)

    def delete_at(self, label_status: str, stored_at: datetime, judged_at: datetime | None) -> datetime | None:
        """Answer when the image of a sample goes, None where it stays."""
        match label_status:
            case LabelStatus.UNSURE:
                return _after(judged_at or stored_at, self.unsure_days)
            case LabelStatus.CORRECT:
                return _after(stored_at, self.correct_days)
            case LabelStatus.CHANGED:
                return None
        return _after(stored_at, self.unlabelled_days)


def _after(moment: datetime, days: int | None) -> datetime | None:
    return None if days is None else moment + timedelta(days=days)


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    """Holds, and which of them count."""

    def standing(self) -> "LegalHoldQuerySet":
        """Those that nobody lifted."""
        return self.filter(lifted_at__isnull=True)


class LegalHold(models.Model):
    """A sample, a camera or a city of which nothing is deleted until somebody lifts the hold; times bound the capture."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="+")
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, null=True, related_name="+")
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, null=True, related_name="holds")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300)
    put_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    put_at = models.DateTimeField(auto_now_add=True)
    lift_reason = models.CharField(max_length=300, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        db_table = "legal_holds"
        verbose_name = "legal hold"

    def __str__(self) -> str:
        return f"hold on {self.sample or self.camera or self.city}"

    @property
    def organization_id(self) -> int | None:
        """The city's, for the policy and the audit log."""
        return self.city.organization_id


def held(samples: models.QuerySet[LearningSample]) -> models.QuerySet[LearningSample]:
    """Narrow samples to those under a legal hold."""
    here = models.OuterRef
    scope = (
        models.Q(sample=here("pk"))
        | models.Q(sample__isnull=True, camera=here("camera"))
        | models.Q(sample__isnull=True, camera__isnull=True, city=here("city"))
    )
    begun = models.Q(since__isnull=True) | models.Q(since__lte=here("captured_at"))
    not_over = models.Q(until__isnull=True) | models.Q(until__gt=here("captured_at"))
    return samples.filter(models.Exists(LegalHold.objects.standing().filter(scope, begun, not_over)))


class LifecycleRun(models.Model):
    """One daily walk over what is due; `counts` says per step how many objects and bytes, and how many were kept back."""

    id = models.BigAutoField(primary_key=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)

    class Meta:
        db_table = "lifecycle_runs"
        verbose_name = "lifecycle run"

    def __str__(self) -> str:
        return f"lifecycle run {self.pk}"
