"""The signed documents by which an edge knows what was released, and the requests to sign the next ones."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from core.lifecycle import Lifecycle

if TYPE_CHECKING:
    from datetime import datetime

ORGANIZATION = "org-"


class TrustRole(models.TextChoices):
    """Whose signature a document carries; `assignments` is the online role that tells an edge which released file to run.

    Beside them each organization has a list of its own, `org-<id>`, signed by the release keys that `targets` delegates to.
    """

    ROOT = "root"
    TARGETS = "targets"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    ASSIGNMENTS = "assignments"


class SigningState(models.TextChoices):
    """Whether signatures are still asked for."""

    OPEN = "open"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


class SigningRequest(Lifecycle):
    """Documents that key holders are asked to sign together; they take effect together, with the last signature that is needed.

    `asks` is what they change, a row each: {act, role, path, length, sha256, …}. `signed` is who signed: {role, keyid, name, at}.
    """

    MOVES = {
        SigningState.OPEN: frozenset({SigningState.PUBLISHED, SigningState.SUPERSEDED}),
        SigningState.PUBLISHED: frozenset(),
        SigningState.SUPERSEDED: frozenset(),
    }

    id = models.BigAutoField(primary_key=True)
    state = models.CharField(max_length=10, choices=SigningState, default=SigningState.OPEN)
    asks = models.JSONField(default=list)
    signed = models.JSONField(default=list, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "trust_signing_requests"
        verbose_name = "signing request"
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="open"), name="signing_one_open"),
            models.CheckConstraint(condition=models.Q(state__in=SigningState.values), name="signing_state_known"),
        ]

    def __str__(self) -> str:
        return f"signing request {self.pk}"


class TrustDocumentQuerySet(models.QuerySet["TrustDocument"]):
    """Documents by whether they may be served."""

    def published(self) -> "TrustDocumentQuerySet":
        """Those with all their signatures."""
        return self.filter(published_at__isnull=False)

    def awaiting_signatures(self) -> "TrustDocumentQuerySet":
        """Those that a key holder has still to sign."""
        return self.filter(published_at__isnull=True)

    def lists(self) -> "TrustDocumentQuerySet":
        """Those that list released files: everybody's, and each organization's."""
        return self.filter(models.Q(role=TrustRole.TARGETS) | models.Q(role__startswith=ORGANIZATION))

    def newest(self) -> "TrustDocumentQuerySet":
        """Keep the newest published one of each role."""
        newer = TrustDocument.objects.published().filter(role=models.OuterRef("role"), version__gt=models.OuterRef("version"))
        return self.published().filter(~models.Exists(newer))

    def stale(self, at: "datetime") -> "TrustDocumentQuerySet":
        """Those that have expired at `at`."""
        return self.filter(expires_at__lte=at)


class TrustDocument(models.Model):
    """One version of one role's TUF metadata, byte for byte as it is served; kept in the database for every web host."""

    id = models.BigAutoField(primary_key=True)
    role = models.CharField(max_length=20)
    version = models.PositiveBigIntegerField()
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
            models.CheckConstraint(
                condition=models.Q(role__in=TrustRole.values) | models.Q(role__startswith=ORGANIZATION), name="trust_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}.{self.role}"
