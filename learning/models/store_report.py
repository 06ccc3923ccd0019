"""What was found out about an object store: whether it keeps its promises, and whether it and our rows agree."""

from typing import Any

from django.db import models


class ReportKind(models.TextChoices):
    """What was looked at."""

    CHECK = "check"
    RECONCILE = "reconcile"


class StoreReportQuerySet(models.QuerySet["StoreReport"]):
    """Reports, the newest first."""

    def about(self, identity: str, kind: ReportKind) -> "StoreReportQuerySet":
        """Keep those of one kind on one store."""
        return self.filter(identity=identity, kind=kind).order_by("-id")


class StoreReport(models.Model):
    """One look at one store; rows are only added. `identity` names the store itself, so a new bucket is a new store."""

    kind = models.CharField(max_length=20, choices=ReportKind)
    alias = models.CharField(max_length=40)
    identity = models.CharField(max_length=400)
    passed = models.BooleanField()
    facts: Any = models.JSONField(default=dict)
    began_at = models.DateTimeField()
    finished_at = models.DateTimeField(auto_now_add=True)

    objects = StoreReportQuerySet.as_manager()

    class Meta:
        db_table = "store_reports"
        verbose_name = "store report"
        indexes = [models.Index(fields=["kind", "identity", "-id"], name="store_report_newest")]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=ReportKind.values), name="store_report_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.identity}"
