"""A customer: owns cities and edge servers, and has a plan."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from core import outbound
from core.errors import Invalid

if TYPE_CHECKING:
    from accounts.models.user import User


class Plan(models.TextChoices):
    """What a customer pays for."""

    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True)
class Limits:
    """The bounds of a plan; None means there is none. Dataset size in bytes of distinct objects."""

    jobs_per_month: int
    dataset_bytes: int
    active_models_per_module: int
    custom_training: bool
    portal: bool


LIMITS = {
    Plan.PROFESSIONAL: Limits(0, 0, 0, custom_training=False, portal=False),
    Plan.ENTERPRISE: Limits(10, 10 * 1024**3, 5, custom_training=True, portal=True),
}


def validate_nets(value: Any) -> None:
    """Let forms refuse what `core.outbound` would."""
    try:
        outbound.read_nets(value)
    except Invalid as refusal:
        raise ValidationError(refusal.detail) from refusal


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Organizations, and who sees which."""

    def visible_to(self, user: "User") -> "OrganizationQuerySet":
        """Hub staff see all, everyone else the own one."""
        return self if user.is_hub_staff else self.filter(pk=user.organization_id or 0)


class Organization(models.Model):
    """A customer of the hub; `callback_nets` are the private networks (CIDR) in which the hub may call its edge servers."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=64, unique=True)
    plan = models.CharField(max_length=20, choices=Plan, default=Plan.PROFESSIONAL)
    may_view_images = models.BooleanField(default=False)
    callback_nets = models.JSONField(default=list, blank=True, validators=[validate_nets])
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        db_table = "organizations"
        constraints = [models.CheckConstraint(condition=models.Q(plan__in=Plan.values), name="organization_plan_known")]

    def __str__(self) -> str:
        return self.name

    @property
    def limits(self) -> Limits:
        """The bounds of this organization's plan."""
        return LIMITS[Plan(self.plan)]
