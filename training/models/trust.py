"""The signed documents by which an edge knows what was released."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class TrustRole(models.TextChoices):
    """Whose signature a document carries; `assignments` is the online role that tells an edge which released file to run."""

    ROOT = "root"
    TARGETS = "targets"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    ASSIGNMENTS = "assignments"


class TrustDocumentQuerySet(models.QuerySet["TrustDocument"]):
    """Documents by whether they may be served."""

    def published(self) -> "TrustDocumentQuerySet":
        """Those with all their signatures."""
        return self.filter(published_at__isnull=False)

    def awaiting_signatures(self) -> "TrustDocumentQuerySet":
        """Those that a key holder has still to sign."""
        return self.filter(published_at__isnull=True)

    def stale(self, at: "datetime") -> "TrustDocumentQuerySet":
        """Those that have expired at `at`."""
        return self.filter(expires_at__lte=at)


class TrustDocument(models.Model):
    """One version of one role's TUF metadata, byte for byte as it is served; kept in the database for every web host."""

    id = models.BigAutoField(primary_key=True)
    role = models.CharField(max_length=20, choices=TrustRole)
    version = models.PositiveIntegerField()
    body = models.BinaryField()
    expires_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TrustDocumentQuerySet.as_manager()

    class Meta:
        db_table = "trust_documents"
        verbose_name = "trust document"
        constraints = [
            models.UniqueConstraint(fields=["role", "version"], name="trust_version_once"),
            models.UniqueConstraint(
                fields=["role"], condition=models.Q(published_at__isnull=True), name="trust_one_awaiting_signatures"
            ),
            models.CheckConstraint(condition=models.Q(role__in=TrustRole.values), name="trust_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.version}.{self.role}"
