"""Verbs on checkpoints: what another attempt at a job goes on from, on whatever host. The last two of a job are kept."""

from typing import Any

from django.db import transaction

from learning.actions import purging
from learning.models import StoredObject
from training.actions.holding import hold
from training.models import RunCheckpoint, TrainingRun

KEPT = 2


@transaction.atomic
def keep(run: TrainingRun, *, step: int, content: StoredObject) -> list[Any]:
    """Keep what a run can be gone on with from; answers the older ones' objects, which were let go. Twice is once. Raises LostRun."""
    hold(run)
    RunCheckpoint.objects.get_or_create(object=content, defaults={"job_id": run.job_id, "run": run, "step": step})
    older = RunCheckpoint.objects.filter(job=run.job_id).order_by("-pk").values_list("pk", flat=True)[KEPT:]
    return _drop(RunCheckpoint.objects.filter(pk__in=list(older)))


def latest(job_id: Any) -> RunCheckpoint | None:
    """Answer the newest one of a job that is still there."""
    there = RunCheckpoint.objects.filter(job=job_id, object__deleted_at__isnull=True)
    return there.select_related("object").order_by("-pk").first()


def drop(job_id: Any) -> None:
    """Let go of those of a job that has ended, in the transaction that ends it."""
    _drop(RunCheckpoint.objects.filter(job=job_id))


def forget(version_id: Any) -> None:
    """Let go of what was learned from members of a version that were erased now; a run begins anew."""
    _drop(RunCheckpoint.objects.filter(job__dataset_version=version_id))


def _drop(rows: Any) -> list[Any]:
    objects = list(rows.values_list("object", flat=True))
    rows.delete()
    purging.delete(objects)
    return objects
