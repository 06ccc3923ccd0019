"""What is told to people: the outbox that events go through, and what each person finds under the bell."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from accounts.models.event import Event

if TYPE_CHECKING:
    from accounts.models.user import User


class Announcement(models.Model):
    """One event that nobody was told of yet: written in the event's own transaction, gone with those who are told."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="+")
    topic = models.CharField(max_length=40)

    class Meta:
        db_table = "outbox"

    def __str__(self) -> str:
        return f"{self.topic} of event {self.event_id}"


class NotificationQuerySet(models.QuerySet["Notification"]):
    """What somebody was told."""

    def visible_to(self, user: "User") -> "NotificationQuerySet":
        """Everybody sees what they themselves were told."""
        return self.filter(user=user)

    def unread(self) -> "NotificationQuerySet":
        """Narrow to what was not read yet."""
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """That one person was told of one event, once."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+", db_index=False)
    topic = models.CharField(max_length=40)
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        db_table = "notifications"
        verbose_name = "notification"
        indexes = [
            models.Index(fields=["user", "id"], name="notification_of_user"),
            models.Index(fields=["user"], condition=models.Q(read_at__isnull=True), name="notification_unread"),
        ]
        constraints = [models.UniqueConstraint(fields=["event", "user"], name="notification_once")]

    def __str__(self) -> str:
        return f"{self.topic} to {self.user_id}"


class MutedTopic(models.Model):
    """A kind of news that one person does not want to be told."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="muted_topics", db_index=False)
    topic = models.CharField(max_length=40)

    class Meta:
        db_table = "muted_topics"
        constraints = [models.UniqueConstraint(fields=["user", "topic"], name="muted_topic_once")]

    def __str__(self) -> str:
        return f"{self.topic} to {self.user_id}"
