"""Programs that are told of events: where, by which key, and what came of each delivery."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models.event import Event
from accounts.models.organization import Organization
from core.ids import new_id

if TYPE_CHECKING:
    from accounts.models.user import User


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Webhooks, and which of them have something to deliver."""

    def visible_to(self, user: "User") -> "WebhookQuerySet":
        """Hub staff see all, everyone else none: who keeps them works for the hub."""
        return self if user.is_hub_staff else self.none()

    def listening(self) -> "WebhookQuerySet":
        """Narrow to those that are told what happens."""
        return self.filter(is_active=True, retired_at__isnull=True)

    def due(self) -> "WebhookQuerySet":
        """Narrow to those with a delivery that is due, unless their receiver is let alone for a moment."""
        now = timezone.now()
        waiting = WebhookDelivery.objects.filter(webhook=models.OuterRef("pk"), due_at__lte=now)
        rested = models.Q(rests_until__isnull=True) | models.Q(rests_until__lte=now)
        return self.listening().filter(rested, models.Exists(waiting))


class Webhook(models.Model):
    """An address that is told of events of one organization (null: of the hub, and of all).

    Its secret is derived from `salt` and SECRET_KEY and stands nowhere. `token` and `beat_at` are of the worker that delivers.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="webhooks")
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=500)
    topics = models.JSONField(default=list)
    salt = models.CharField(max_length=32)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    token = models.CharField(max_length=32, blank=True)
    beat_at = models.DateTimeField(null=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        db_table = "webhooks"
        verbose_name = "webhook"

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One event on its way to one webhook; `due_at` is null once it was taken, or given up after too many tries."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+", db_index=False)
    topic = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, default=timezone.now)
    tried_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["webhook", "due_at"], condition=models.Q(due_at__isnull=False), name="webhook_delivery_due"),
            models.Index(fields=["webhook", "id"], name="webhook_delivery_of"),
        ]
        constraints = [models.UniqueConstraint(fields=["event", "webhook"], name="webhook_delivery_once")]

    def __str__(self) -> str:
        return f"{self.topic} to {self.webhook_id}"

    @property
    def state(self) -> str:
        """Answer where it stands: waiting, stored (taken), failed (to be tried again), or lost (given up)."""
        if self.due_at is not None:
            return "failed" if self.tries else "queued"
        return "completed" if self.delivered_at else "lost"
