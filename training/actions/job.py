"""Verbs on jobs: asking for one, and taking it back. What happens to an attempt is in run.py."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import Organization, User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Missing, Refused
from core.queue import enqueue
from learning.models import AiModule
from training import plan
from training.actions.ending import end
from training.folds import FOLDS
from training.models import (
    DatasetVersion,
    ExitReason,
    JobKind,
    JobStatus,
    ModelVersion,
    RunState,
    Split,
    TrainingJob,
    VersionState,
)
from training.models.run import ALIVE
from training.saving import save_new
from training.trainers import hyperparameters as parameters
from training.trainers.base import Trainer
from training.trainers.registry import trainers

TASK = "training.tasks.run_next"
EVALUATION_QUEUE = "training.cpu"
MAX_SEED = 2**63 - 1
MAX_DESCRIPTION = 10_000
MAX_TIME_LIMIT = 7 * 24 * 3600
SILENT_AFTER = timedelta(seconds=4)
"""A worker that lives reports each second."""
MAX_CHECKPOINT_SECONDS = 24 * 3600
CONFIG = {
    "time_limit_seconds": (1, MAX_TIME_LIMIT, f"The time limit is 1 to {MAX_TIME_LIMIT} seconds."),
    "memory_limit_mb": (64, 1 << 22, "The memory limit is 64 to 4194304 MiB."),
    "checkpoint_seconds": (1, MAX_CHECKPOINT_SECONDS, f"Between two checkpoints lie 1 to {MAX_CHECKPOINT_SECONDS} seconds."),
    "score_folds": (FOLDS.start, FOLDS.stop - 1, f"A train split is scored in {FOLDS.start} to {FOLDS.stop - 1} folds."),
}
USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it becomes part of a path that edges verify


@transaction.atomic
def create(
    *,
    by: User,
    name: str,
    module: AiModule,
    dataset_version: DatasetVersion,
    trainer: str,
    hyperparameters: Mapping[str, Any] | None = None,
    training_config: Mapping[str, Any] | None = None,
    base_model_version: ModelVersion | None = None,
    organization: Organization | None = None,
    user_id: str = "",
    seed: int = 0,
    description: str = "",
    grid: UUID | None = None,
) -> TrainingJob:
    """Queue the training of a model on a frozen version; raises Invalid, Conflict, or Refused where the plan is used up."""
    require(by, Permission.RUN_JOBS, organization)
    chosen = _trainer(trainer, module)
    _check_origin(module, dataset_version, base_model_version, organization)
    if base_model_version is not None and not chosen.fine_tunes:
        sentence = f"{chosen.title} starts from nothing; it cannot start from a base model version."
        raise Invalid(sentence, errors={"base_model_version": [sentence]})
    if isinstance(seed, bool) or not isinstance(seed, int) or abs(seed) > MAX_SEED:
        raise Invalid("The seed must be a whole number of 64 bits.", errors={"seed": ["must be a whole number"]})
    if user_id and not USER_ID.fullmatch(user_id):
        raise Invalid(
            "A user_id is up to 64 letters, digits, dots, dashes and underscores.", errors={"user_id": ["is malformed"]}
        )
    if len(description) > MAX_DESCRIPTION:
        raise Invalid(f"A description may have {MAX_DESCRIPTION} characters at most.")
    settings = _settings(chosen, hyperparameters or {})
    plan.spend_job(organization)
    job = TrainingJob(
        name=name.strip(),
        description=description.strip(),
        module=module,
        dataset=dataset_version.dataset,
        dataset_version=dataset_version,
        trainer=trainer,
        hyperparameters=settings,
        training_config=_config(training_config or {}),
        base_model_version=base_model_version,
        organization=organization,
        user_id=user_id,
        seed=seed,
        grid=grid,
        queue=chosen.queue,
        created_by=by,
    )
    return _queue(job, by)


@transaction.atomic
def create_evaluation(
    version: ModelVersion, *, by: User | None, dataset_version: DatasetVersion, split: str = Split.TEST
) -> TrainingJob:
    """Queue the scoring of a model version on a split of a frozen version."""
    require(by, Permission.EVALUATE_MODEL, version)
    _check_origin(version.module, dataset_version, None, version.organization)
    if split not in Split.values:
        raise Invalid(f"There is no split {split}; there are {', '.join(Split.values)}.")
    job = TrainingJob(
        kind=JobKind.EVALUATE,
        name=f"{version} on {dataset_version} ({split})"[:120],
        module=version.module,
        dataset=dataset_version.dataset,
        dataset_version=dataset_version,
        evaluated_version=version,
        evaluated_split=split,
        trainer=version.trainer_name or "external",
        organization=version.organization,
        user_id=version.user_id,
        queue=EVALUATION_QUEUE,
        created_by=by or version.requested_by,
    )
    return _queue(job, by)


@transaction.atomic
def cancel(job: TrainingJob, *, by: User) -> TrainingJob:
    """Take a job back: one that waits is cancelled at once, one that runs is asked to stop. Twice is success.

    Where nobody has heard of its worker for some seconds, it is taken from that at once too, and no write of it lands any more.
    Raises Conflict for a job that has ended otherwise.
    """
    require(by, Permission.RUN_JOBS, job)
    job.refresh_from_db(from_queryset=TrainingJob.objects.select_for_update())
    if job.status == JobStatus.CANCELLED or (job.status == JobStatus.RUNNING and job.cancel_requested_at):
        return job
    now = timezone.now()
    if job.status == JobStatus.RUNNING:
        job.cancel_requested_at = now
        job.save(update_fields=["cancel_requested_at"])
        _take_from_silent(job, now)
    elif job.can_move(JobStatus.CANCELLED):
        job.move(JobStatus.CANCELLED, cancel_requested_at=now, completed_at=now)
    else:
        raise Conflict(f"This job is {job.status}; there is nothing to cancel.", facts={"status": job.status})
    record(by, "cancel", job)
    return job


@transaction.atomic
def take_along(job: TrainingJob, *, by: User) -> TrainingJob:
    """Allow somebody to download the folder of a job, which leads to every image of it; raises Conflict without a frozen version."""
    require(by, Permission.READ_FROZEN, job)
    version = job.dataset_version
    if by.organization_id not in (None, version.organization_id):
        raise Refused("What is in a shared dataset is shown to the hub's own people.")
    if version.manifest_id is None or version.truth_id is None:
        raise Conflict(f"{version} is {version.state}; only what is frozen can be taken along.", facts={"state": version.state})
    record(by, "take_along", job, dataset_version=str(version.pk))
    return job


def sweep_queued() -> int:
    """Send one wake-up to each queue that has waiting jobs, for messages that were lost; answers how many."""
    queues = set(TrainingJob.objects.filter(status=JobStatus.QUEUED).values_list("queue", flat=True).distinct())
    for queue in queues:
        wake(queue)
    return len(queues)


def wake(queue: str) -> None:
    """Say that there is work on `queue`, once this transaction has committed."""
    enqueue(TASK, queue, queue=queue)


def _take_from_silent(job: TrainingJob, now: datetime) -> None:
    """Cancel a job whose worker does not listen, in the caller's transaction."""
    silent = job.runs.filter(state__in=ALIVE, heartbeat_at__lt=now - SILENT_AFTER)
    if silent.update(state=RunState.CANCELLED, exit_reason=ExitReason.CANCELLED, finished_at=now):
        end(job.pk, JobStatus.CANCELLED, "")
        job.refresh_from_db()


def _queue(job: TrainingJob, by: User | None) -> TrainingJob:
    save_new(job, taken="This job exists already.")
    job.move(JobStatus.QUEUED)
    record(by, "create", job, kind=job.kind, trainer=job.trainer, dataset_version=str(job.dataset_version_id))
    wake(job.queue)
    return job


def _trainer(name: str, module: AiModule) -> Trainer:
    trainer = trainers().get(name)
    if trainer is None:
        sentence = f"There is no trainer {name!r}; there are {', '.join(trainers())}."
        raise Invalid(sentence, errors={"trainer": [sentence]})
    if module.task not in trainer.tasks:
        sentence = f"{trainer.title} is for {', '.join(trainer.tasks)}, and {module.name} is {module.task}."
        raise Invalid(sentence, errors={"trainer": [sentence]})
    return trainer


def _settings(trainer: Trainer, values: Mapping[str, Any]) -> dict[str, Any]:
    """Answer all hyperparameters, those not given with their defaults."""
    try:
        settings = parameters.read(trainer.hyperparameters, values)
    except parameters.BadHyperparameters as error:
        errors = {f"hyperparameters.{key}": [text] for key, text in error.errors.items()}
        raise Invalid(f"{error}.", errors=errors) from error
    return {one["name"]: getattr(settings, one["name"]) for one in parameters.describe(trainer.hyperparameters)}


def _config(values: Any) -> dict[str, Any]:
    """Check what a person may say of the running itself: each a whole number in its bounds."""
    if not isinstance(values, Mapping) or set(values) - set(CONFIG):
        sentence = f"The training_config may hold {', '.join(CONFIG)}."
        raise Invalid(sentence, errors={"training_config": ["is malformed"]})
    for name, value in values.items():
        low, high, sentence = CONFIG[name]
        is_off = name == "score_folds" and value == 0
        if isinstance(value, bool) or not isinstance(value, int) or not (low <= value <= high or is_off):
            raise Invalid(sentence, errors={f"training_config.{name}": [sentence]})
    return dict(values)


def _check_origin(
    module: AiModule, version: DatasetVersion, base: ModelVersion | None, organization: Organization | None
) -> None:
    """Refuse what was not frozen, is of another module, or would let one customer's samples into another's model."""
    if version.state != VersionState.FROZEN:
        raise Conflict(f"{version} is {version.state}; a job needs a frozen version.", facts={"state": version.state})
    if version.dataset.module_id != module.pk:
        raise Invalid(f"{version} is of another module than {module.slug}.", errors={"dataset_version": ["other module"]})
    if base is not None and base.module_id != module.pk:
        raise Invalid(f"{base} is of another module than {module.slug}.", errors={"base_model_version": ["other module"]})
    for origin in (version, base):
        if origin is not None and origin.organization_id not in (None, organization.pk if organization else None):
            raise Missing(f"There is no {origin._meta.verbose_name} {origin} for this organization.")
