"""What somebody narrowed a list by, kept under a name."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from core.ids import new_id

if TYPE_CHECKING:
    from accounts.models import User


class SavedFilterQuerySet(models.QuerySet["SavedFilter"]):
    """Saved filters, and who sees which."""

    def visible_to(self, user: "User") -> "SavedFilterQuerySet":
        """One's own, and those that were shared by people of the same organization (the hub's people are one too)."""
        shared = models.Q(is_shared=True, owner__organization=user.organization_id)
        if user.organization_id is None:
            shared = models.Q(is_shared=True, owner__organization__isnull=True)
        return self.filter(models.Q(owner=user) | shared)


class SavedFilter(models.Model):
    """The filters of a page as they stand in its URL, by name; never a searched text, which may be somebody's plate."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    is_shared = models.BooleanField(default=False)
    page = models.CharField(max_length=40)
    query = models.CharField(max_length=2_000)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedFilterQuerySet.as_manager()

    class Meta:
        db_table = "saved_filters"
        verbose_name = "saved filter"
        constraints = [models.UniqueConstraint(fields=["owner", "page", "name"], name="saved_filter_name_once")]

    def __str__(self) -> str:
        return self.name
