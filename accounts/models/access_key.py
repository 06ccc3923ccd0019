"""A secret a machine (or a person's app) shows instead of a password; only its hash is kept."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models.user import User


class AccessKeyQuerySet(models.QuerySet["AccessKey"]):
    """Keys, and who sees which."""

    def usable(self, at: "datetime | None" = None) -> "AccessKeyQuerySet":
        """Neither revoked nor expired, of an active user."""
        now = at or timezone.now()
        alive = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now)
        return self.filter(alive, revoked_at__isnull=True, user__is_active=True)

    def visible_to(self, user: "User") -> "AccessKeyQuerySet":
        """Hub staff see all, everyone else the own ones."""
        return self if user.is_hub_staff else self.filter(user=user)


class AccessKey(models.Model):
    """`cc_<prefix>_<secret>`: the prefix finds the row, `sha256` is over the whole text; `name` says what it is for."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_keys")
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=16, unique=True)
    sha256 = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = AccessKeyQuerySet.as_manager()

    class Meta:
        db_table = "access_keys"

    def __str__(self) -> str:
        return f"cc_{self.prefix}_…"
