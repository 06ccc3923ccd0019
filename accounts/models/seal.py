"""Seals over the audit log: each holds the hash of a stretch of events and of the seal before it, so that none can be changed unseen."""

from django.db import models


class EventSealQuerySet(models.QuerySet["EventSeal"]):
    """Seals, and which are closed."""

    def closed(self) -> "EventSealQuerySet":
        """Narrow to those whose hash is written."""
        return self.exclude(sha256="")


class EventSeal(models.Model):
    """The events up to `last_event` that no earlier seal holds.

    It is opened with the number of the transaction that opens it (`horizon`), after the newest event was looked up, and closed once
    every transaction of a lower number is over: until then one may still add an event of a lower id. So no writer waits for another.
    """

    id = models.BigAutoField(primary_key=True)
    last_event = models.BigIntegerField(unique=True)
    horizon = models.BigIntegerField(default=0)
    events = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    sealed_at = models.DateTimeField(null=True)

    objects = EventSealQuerySet.as_manager()

    class Meta:
        db_table = "event_seals"
        verbose_name = "seal"
        constraints = [models.UniqueConstraint(models.Value(1), condition=models.Q(sha256=""), name="event_seal_one_open")]

    def __str__(self) -> str:
        return f"events up to {self.last_event}"
