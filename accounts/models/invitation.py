"""A link that lets one person in once, and lets them choose a password: there is no mail, people hand it over themselves."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models.user import User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Links, and who sees which."""

    def open(self, at: datetime | None = None) -> "InvitationQuerySet":
        """Neither used, revoked nor expired, for somebody who may log in."""
        return self.filter(
            used_at__isnull=True, revoked_at__isnull=True, expires_at__gt=at or timezone.now(), user__is_active=True
        )

    def visible_to(self, user: "User") -> "InvitationQuerySet":
        """Hub staff see all, everyone else none."""
        return self if user.is_hub_staff else self.none()


class Invitation(models.Model):
    """Whom a link lets in and where it leads; the link itself is shown once, `sha256` is over its secret."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    sha256 = models.CharField(max_length=64, unique=True)
    leads_to = models.CharField(max_length=500, default="/")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        db_table = "invitations"

    def __str__(self) -> str:
        return f"invitation {self.pk}"
