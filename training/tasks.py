"""What runs in the background: each task loads and calls one verb, and may run twice."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from training import local, shutdown, supervisor, trust
from training.actions import dataset, erasure, job, run, version


@worker_shutting_down.connect
def give_back(**_: Any) -> None:
    """Have the run of this worker stopped and given back, so that nobody waits for it, or for the reaper."""
    shutdown.begin()


@shared_task
def freeze_version(version_id: str) -> None:
    """Freeze a version that is `freezing`."""
    version.freeze(version_id)


@shared_task
def sweep_freezing() -> None:
    """Begin again what a lost message or a killed worker left."""
    version.sweep_freezing()


@shared_task
def fold_counts() -> None:
    """Fold the counts' deltas."""
    dataset.fold_deltas()


@shared_task
def rewrite_truth(version_id: str) -> None:
    """Write the files of a version anew without its erased members."""
    erasure.rewrite(version_id)


@shared_task
def sweep_outdated() -> None:
    """Begin again what a lost message or a killed worker left of rewriting."""
    erasure.sweep_outdated()


@shared_task
def forget_gone() -> None:
    """Remove this host's copies of objects that are gone."""
    local.forget_gone()


@shared_task
def run_next(queue: str) -> None:
    """Claim the next job of a queue, and do it."""
    if supervisor.run_next(queue) is not None:
        local.forget_gone()


@shared_task
def reap_lost() -> None:
    """Return runs whose worker is silent."""
    run.reap_lost()


@shared_task
def sweep_queued() -> None:
    """Wake each queue that has waiting jobs, once."""
    job.sweep_queued()


@shared_task
def refresh_trust() -> None:
    """Sign the trust metadata that is about to expire."""
    trust.refresh()
