"""What runs in the background: each task loads and calls one verb, and may run twice."""

from typing import Any

import structlog
from celery import shared_task
from celery.signals import worker_shutting_down
from django.utils import timezone

from training import local, shutdown, supervisor, trust
from training.actions import (
    dataset,
    erasure,
    evaluation,
    exporting,
    growing,
    importing,
    job,
    registration,
    run,
    summing,
    upload,
    version,
    version_comparison,
    version_proof,
)

logger = structlog.get_logger(__name__)


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
    """Begin again what a lost message or a killed worker left of freezing, proving and comparing."""
    version.sweep_freezing()
    version_proof.sweep()
    version_comparison.sweep()


@shared_task
def prove_version(version_id: str) -> None:
    """Read a frozen version again, and prove it."""
    version_proof.prove(version_id)


@shared_task
def compare_versions(comparison_id: str) -> None:
    """Work out what differs between two versions."""
    version_comparison.work(comparison_id)


@shared_task
def build_export(export_id: str) -> None:
    """Write an export that was asked for."""
    exporting.build(export_id)


@shared_task
def sweep_exports() -> None:
    """Begin again what a lost message or a killed worker left of exports."""
    exporting.sweep()


@shared_task
def assemble_upload(upload_id: str) -> None:
    """Put the parts of an upload together."""
    upload.assemble(upload_id)


@shared_task
def sweep_uploads() -> None:
    """Go on with uploads that were left, and have go what was never completed."""
    upload.sweep()


@shared_task
def run_import(import_id: str) -> None:
    """Look at what an import brings, import it, or remove what was given up of it."""
    importing.run(import_id)


@shared_task
def sweep_imports() -> None:
    """Begin again what a lost message or a killed worker left of imports."""
    importing.sweep()


@shared_task
def run_growth(growth_id: str) -> None:
    """Bring into a dataset what its rule selects, or what an archive or a video holds."""
    growing.run(growth_id)


@shared_task
def sweep_growths() -> None:
    """Go on with growths that a lost message or a killed worker left."""
    growing.sweep()


@shared_task
def count_datasets() -> None:
    """Count by class, city and split what is in datasets that changed."""
    summing.count_changed()


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
def check_registration(registration_id: str) -> None:
    """Look at a model that was trained elsewhere, and register it."""
    registration.check(registration_id)


@shared_task
def sweep_registrations() -> None:
    """Go on with registrations that were left, and remove the files of those that are over."""
    registration.sweep()


@shared_task
def forget_gone() -> None:
    """Remove this host's copies of objects that are gone, and the folders of runs that are."""
    local.forget_gone()
    local.forget_runs()


@shared_task
def run_next(queue: str) -> None:
    """Claim the next job of a queue, and do it."""
    if supervisor.run_next(queue) is not None:
        local.forget_gone()
        local.forget_runs()


@shared_task
def reap_lost() -> None:
    """Return runs whose worker is silent, and remove what runs that ended left unfinished."""
    run.reap_lost()
    evaluation.sweep()


@shared_task
def sweep_queued() -> None:
    """Wake each queue that has waiting jobs, once."""
    job.sweep_queued()


@shared_task
def refresh_trust() -> None:
    """Sign the trust metadata that is about to expire, and say so where it could not be."""
    trust.refresh()
    for role in sorted(trust.late(timezone.now())):
        logger.error("a signed document was not renewed in time; edges will install nothing once it expires", role=role)
