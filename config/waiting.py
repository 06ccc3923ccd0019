"""What waits for a worker and who works: the rows are the jobs, so they are counted, and not the messages of a queue."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Announcement, WebhookDelivery
from core.counting import count_together
from learning.models import Erasure, Selection, UploadBatch
from training.models import DatasetExport, DatasetVersion, JobStatus, TrainingJob, TrainingRun, VersionState
from training.models.run import ALIVE

SHOWN = 50


def rows() -> list[dict[str, Any]]:
    """Answer what waits or is being worked on, each with how much and since when, in one statement."""
    asked = list(_asked())
    counted = count_together([(found, since) for _name, found, since in asked])
    return [{"name": name, "counted": each} for (name, _found, _since), each in zip(asked, counted, strict=True)]


def runs() -> QuerySet[TrainingRun]:
    """Select the attempts that a training worker has in hand, the most silent first."""
    return TrainingRun.objects.filter(state__in=sorted(ALIVE)).select_related("job").order_by("heartbeat_at")[:SHOWN]


def _asked() -> Iterator[tuple[str, QuerySet[Any], str]]:
    yield _("Batches to verify"), UploadBatch.objects.sealed(), "sealed_at"
    yield _("Jobs that wait"), TrainingJob.objects.filter(status=JobStatus.QUEUED), "created_at"
    yield _("Jobs that run"), TrainingJob.objects.filter(status=JobStatus.RUNNING), "started_at"
    yield _("Versions being frozen"), DatasetVersion.objects.filter(state=VersionState.FREEZING), "created_at"
    yield _("Exports being written"), DatasetExport.objects.unfinished(), "created_at"
    yield _("Selections being carried out"), Selection.objects.running(), "created_at"
    yield _("Erasures to carry out"), Erasure.objects.to_run(), "requested_at"
    yield _("News nobody was told of"), Announcement.objects.all(), "event__at"
    yield _("Webhook deliveries on their way"), WebhookDelivery.objects.filter(due_at__isnull=False), "created_at"
