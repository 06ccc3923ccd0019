"""The audit log: appended in the verb's own transaction, and refused by the database to be changed."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from accounts.models.user import User


class EventQuerySet(models.QuerySet["Event"]):
    """Events, and who sees which."""

    def about(self, noun: str, key: object) -> "EventQuerySet":
        """Events of one thing."""
        return self.filter(object_type=noun, object_id=str(key))

    def visible_to(self, user: "User") -> "EventQuerySet":
        """Hub staff see all; an organization's people its own."""
        return self if user.is_hub_staff else self.filter(organization_id=user.organization_id or 0)


class Event(models.Model):
    """Who did what to which thing, and when; facts hold ids, never plates or personal text."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    organization_id = models.BigIntegerField(null=True)
    verb = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=200)
    facts = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        db_table = "events"
        indexes = [
            models.Index(fields=["object_type", "object_id", "id"], name="event_object"),
            models.Index(fields=["actor_id", "id"], name="event_actor"),
            models.Index(fields=["organization_id", "id"], name="event_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.verb} {self.object_type} {self.object_id}"
