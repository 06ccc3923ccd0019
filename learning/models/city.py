"""Where samples come from: cities and their cameras."""

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models

from accounts.models import Organization
from core.ids import new_id

if TYPE_CHECKING:
    from accounts.models import User

HUB = "hub"
"""The built-in city of what no city sent."""


class CityQuerySet(models.QuerySet["City"]):
    """Cities, and who sees which."""

    def visible_to(self, user: "User") -> "CityQuerySet":
        """Hub staff see all, a city itself, an organization its own."""
        if user.is_hub_staff:
            return self
        return self.filter(models.Q(user=user) | models.Q(organization_id=user.organization_id or 0))


class City(models.Model):
    """A city or edge site that sends samples; it has one machine user."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    timezone = models.CharField(max_length=64, default="UTC")
    expected_every = models.DurationField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CityQuerySet.as_manager()

    class Meta:
        db_table = "cities"
        verbose_name_plural = "cities"

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which this city's days begin and end."""
        return ZoneInfo(self.timezone)


class Camera(models.Model):
    """A camera, made on first sight; `camera_id` is what its city calls it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="cameras")
    camera_id = models.CharField(max_length=120)
    last_sample_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "cameras"
        constraints = [models.UniqueConstraint(fields=["city", "camera_id"], name="camera_once_per_city")]

    def __str__(self) -> str:
        return self.camera_id
