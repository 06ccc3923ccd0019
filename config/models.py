"""What the hub remembers of running itself: its pulse, backups that were taken, and that it was put back from one."""

from django.db import models

from core.ids import new_id


class Pulse(models.Model):
    """When a worker last did what the beat sent: both live, and the queue between them moves."""

    BEAT = "beat"

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "pulses"

    def __str__(self) -> str:
        return self.name


class Backup(models.Model):
    """One backup that was taken and checked; `facts` are counts and bytes, and where it lies."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    taken_at = models.DateTimeField()
    finished_at = models.DateTimeField(auto_now_add=True)
    facts = models.JSONField(default=dict)

    class Meta:
        db_table = "backups"

    def __str__(self) -> str:
        return f"backup of {self.taken_at:%Y-%m-%d %H:%M}"


class RestoreQuerySet(models.QuerySet["Restore"]):
    """Restores, and whether the hub may open after them."""

    def closed(self) -> "RestoreQuerySet":
        """Those after which nobody is let in yet."""
        return self.filter(opened_at__isnull=True)


class Restore(models.Model):
    """This database was loaded from a backup; until `opened_at` is set nobody is let in, and no worker works.

    The row is written in the very transaction that loads the database, so that a hub which is put back is closed at once.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    backup_taken_at = models.DateTimeField()
    restored_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    facts = models.JSONField(default=dict)

    objects = RestoreQuerySet.as_manager()

    class Meta:
        db_table = "restores"

    def __str__(self) -> str:
        return f"restored from {self.backup_taken_at:%Y-%m-%d %H:%M}"
