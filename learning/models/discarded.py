"""Names of objects that are to be gone from the store, written in the transaction that gave them up."""

from django.db import models

from core.storage import DEFAULT_ALIAS


class DiscardedObject(models.Model):
    """An object that nothing holds any more: removed at once, and once more when its upload's address has expired."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=64)
    alias = models.CharField(max_length=40, default=DEFAULT_ALIAS)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "discarded_objects"
        indexes = [models.Index(fields=["created_at"], name="discarded_since")]

    def __str__(self) -> str:
        return self.name
