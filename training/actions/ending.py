"""Ending a job that made nothing: said by its run, by the reaper, or by a person whose job's worker is silent."""

from typing import Any

from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from learning.models import PersonStatus
from training.actions import checkpoint, people
from training.models import JobKind, JobStatus, TrainingJob

MAX_ERROR = 4_000


def end(job_id: Any, status: JobStatus, message: str, *, by: User | None = None) -> None:
    """End a job in the caller's transaction, as failed or cancelled."""
    job = TrainingJob.objects.get(pk=job_id)
    checkpoint.drop(job.pk)
    job.move(status, completed_at=timezone.now(), estimated_completion=None, error_message=message[:MAX_ERROR])
    if job.kind == JobKind.TRAIN:
        people.advance(job.dataset_version_id, PersonStatus.PENDING)
    record(by, "end", job, status=status)
