"""Verbs on attempts: claiming the next job, and what its worker reports while it holds the token.

Every write of a worker holds the run's row by its token first. A worker that was given up for lost gets LostRun, in the same
transaction as what it wanted to write, so that nothing of it lands.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts.actions.event import record
from core import bulk
from learning.actions import purging
from learning.models import PersonStatus, StoredObject
from training import provenance
from training.actions import checkpoint, evaluation, model_version, people
from training.actions import job as job_verbs
from training.actions.ending import MAX_ERROR, end
from training.actions.holding import hold
from training.bundle import Bundle
from training.hearing import Line, Point, Progress
from training.models import (
    ExitReason,
    JobKind,
    JobStatus,
    MetricPoint,
    ModelEvaluation,
    ModelVersion,
    RunLog,
    RunState,
    TrainingJob,
    TrainingRun,
)
from training.models.run import ALIVE
from training.scoring.outcomes import Outcome

CHUNK = 1_000
SILENT = "The worker fell silent."


def claim(queue: str, worker: str) -> TrainingRun | None:
    """Take the oldest waiting job of `queue` for `worker`; None where none waits. Two workers never take the same one."""
    while waiting := TrainingJob.objects.waiting(queue).values_list("pk", flat=True).first():
        with transaction.atomic():
            if TrainingJob.objects.filter(pk=waiting, status=JobStatus.QUEUED).update(status=JobStatus.RUNNING):
                return _attempt(waiting, worker)
    return None


def begin(run: TrainingRun) -> None:
    """Say that the subprocess is about to start; twice is once."""
    with transaction.atomic():
        hold(run)
        if run.state == RunState.CLAIMED:
            run.move(RunState.RUNNING)


def report(
    run: TrainingRun, *, progress: Progress | None = None, points: Sequence[Point] = (), lines: Sequence[Line] = ()
) -> bool:
    """Keep what the run said since the last time; answers whether it is to be cancelled. Saying nothing is a heartbeat."""
    with transaction.atomic():
        hold(run)
        if points:
            names, steps, values = zip(*((point.name, point.step, point.value) for point in points), strict=True)
            _keep(MetricPoint, len(points), {"run_id": run.pk, "name": [*names], "step": [*steps], "value": [*values]})
        if lines:
            seqs, moments, levels, texts = zip(*((one.seq, one.at, one.level, one.text) for one in lines), strict=True)
            _keep(
                RunLog, len(lines), {"run_id": run.pk, "seq": [*seqs], "at": [*moments], "level": [*levels], "text": [*texts]}
            )
        if progress is not None:
            TrainingJob.objects.filter(pk=run.job_id).update(**_progress_columns(run, progress))
    return TrainingJob.objects.filter(pk=run.job_id, cancel_requested_at__isnull=False).exists()


def begin_scoring(run: TrainingRun, method: str) -> ModelEvaluation:
    """Answer the empty evaluation that takes what came of each sample; what a lost attempt left of it is gone."""
    with transaction.atomic():
        hold(run)
        return evaluation.begin(run.job, method)


def keep_outcomes(run: TrainingRun, kept_in: ModelEvaluation, outcomes: Sequence[Outcome]) -> None:
    """Keep one chunk of what came of samples; it counts once the run has finished."""
    with transaction.atomic():
        hold(run)
        evaluation.add(kept_in, outcomes)


@transaction.atomic
def finish(
    run: TrainingRun,
    *,
    scores: Mapping[str, Any],
    bundle: StoredObject | None = None,
    config: StoredObject | None = None,
    content: Bundle | None = None,
) -> ModelVersion | None:
    """End a run that succeeded: a model version in draft comes of a training, scores on the version of an evaluation."""
    hold(run)
    job = TrainingJob.objects.select_related("module", "evaluated_version").get(pk=run.job_id)
    run.job = job
    made = None
    if job.kind == JobKind.TRAIN:
        people.advance(job.dataset_version_id, PersonStatus.IN_TRAINING)  # another job that failed may have sent them back
        people.advance(job.dataset_version_id, PersonStatus.COMPLETED)
        assert bundle is not None
        assert content is not None
        made = model_version.register(
            run,
            bundle=bundle,
            config=config,
            card=content.card,
            metrics=scores,
            encoding=content.config.get("encoding") or "",
            min_edge_version=content.config["min_edge_version"],
            platforms=content.config["platforms"],
        )
    elif job.evaluated_version is not None:
        model_version.keep_scores(job.evaluated_version, job=job, scores=scores)
    if measured := made or job.evaluated_version:
        evaluation.complete(job, measured, scores)
    plain = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    now = timezone.now()
    run.move(RunState.SUCCEEDED, exit_reason=ExitReason.DONE, metrics=plain, model=made, finished_at=now)
    job.move(
        JobStatus.COMPLETED,
        metrics=plain,
        progress_percent=100,
        output_model_version=made,
        completed_at=now,
        estimated_completion=None,
        error_message="",
    )
    checkpoint.drop(job.pk)
    StoredObject.objects.filter(pk__in=[one.pk for one in (bundle, config) if one]).update(delete_at=None)
    record(None, "complete", job, run=str(run.pk), model_version=str(made.pk) if made else None)
    return made


@transaction.atomic
def discard(objects: Sequence[StoredObject]) -> int:
    """Let go of what was stored for a result that did not become one; what a finished run took over stays."""
    unowned = StoredObject.objects.select_for_update().filter(pk__in=[one.pk for one in objects], delete_at__isnull=False)
    return purging.delete(unowned.values_list("pk", flat=True))


@transaction.atomic
def fail(run: TrainingRun, *, reason: str, message: str) -> None:
    """End a run that failed by its own fault, and its job with it: the same would happen again."""
    hold(run)
    run.move(RunState.FAILED, exit_reason=reason, error_message=message[:MAX_ERROR], finished_at=timezone.now())
    end(run.job_id, JobStatus.FAILED, message)


@transaction.atomic
def cancelled(run: TrainingRun) -> None:
    """End a run that stopped because a person asked for it."""
    hold(run)
    run.move(RunState.CANCELLED, exit_reason=ExitReason.CANCELLED, finished_at=timezone.now())
    end(run.job_id, JobStatus.CANCELLED, "")


@transaction.atomic
def give_back(run: TrainingRun, *, message: str, is_planned: bool = False) -> None:
    """End a run that stopped by no fault of its own; the job waits for another worker.

    A planned end of its worker does not count among the job's attempts.
    """
    hold(run)
    run.move(
        RunState.LOST,
        exit_reason=ExitReason.WORKER_LOST,
        is_counted=not is_planned,
        error_message=message[:MAX_ERROR],
        finished_at=timezone.now(),
    )
    _return(run, message)


def reap_lost() -> int:
    """Give back the jobs of workers that were silent for RUN_LOST_SECONDS; answers how many runs were lost."""
    silent = timezone.now() - timedelta(seconds=settings.RUN_LOST_SECONDS)
    lost = 0
    for run in TrainingRun.objects.filter(state__in=ALIVE, heartbeat_at__lt=silent).order_by("heartbeat_at")[:CHUNK]:
        with transaction.atomic():
            won = TrainingRun.objects.filter(pk=run.pk, state=run.state, heartbeat_at=run.heartbeat_at).update(
                state=RunState.LOST,
                exit_reason=ExitReason.WORKER_LOST,
                error_message=SILENT,
                finished_at=timezone.now(),
            )
            if won:
                _return(run, SILENT)
                lost += 1
    return lost


def _attempt(job_id: Any, worker: str) -> TrainingRun:
    """Make the run of a job that was just claimed, with what it will be trained on."""
    job = TrainingJob.objects.select_related("module", "dataset_version").get(pk=job_id)
    now = timezone.now()
    if job.started_at is None:
        TrainingJob.objects.filter(pk=job.pk).update(started_at=now)
    version = job.dataset_version
    if job.kind == JobKind.TRAIN:
        people.advance(version.pk, PersonStatus.IN_TRAINING)
    return TrainingRun.objects.create(
        job=job,
        attempt=1 + (job.runs.aggregate(last=Max("attempt"))["last"] or 0),
        token=secrets.token_hex(16),
        worker=worker[:120],
        heartbeat_at=now,
        user_id=job.user_id,
        modality=job.module.slug,
        dataset_query=version.dataset_query,
        example_count=version.sample_count,
        examples_hash=version.fingerprint,
        seed=job.seed,
        code_version=provenance.code_version(),
        lock_hash=provenance.lock_hash(),
        hardware=provenance.hardware(),
    )


def _keep(model: Any, count: int, columns: dict[str, Any]) -> None:
    """Write rows of a run; those that are there already (a step measured twice, a report made twice) stay as they are."""
    try:
        with transaction.atomic():
            bulk.write(model, count, columns)
    except IntegrityError:
        run_id, *lists = columns.values()
        rows = [model(**dict(zip(columns, (run_id, *row), strict=True))) for row in zip(*lists, strict=True)]
        model.objects.bulk_create(rows, ignore_conflicts=True)


def _progress_columns(run: TrainingRun, progress: Progress) -> dict[str, Any]:
    columns: dict[str, Any] = {"progress_percent": progress.percent}
    if progress.epochs:
        columns |= {"current_epoch": progress.epoch, "total_epochs": progress.epochs}
    if progress.seconds_left is not None:
        columns["estimated_completion"] = timezone.now() + timedelta(seconds=progress.seconds_left)
    elif progress.percent and not progress.epochs:  # else wait for two epochs: one that goes on begins with many percent
        passed = timezone.now() - run.started_at
        columns["estimated_completion"] = run.started_at + passed * (100 / progress.percent)
    return columns


def _return(run: TrainingRun, message: str) -> None:
    """Let the job of a lost run wait again, unless it was to be cancelled or has no attempts left."""
    job = TrainingJob.objects.get(pk=run.job_id)
    if job.cancel_requested_at is not None:
        end(job.pk, JobStatus.CANCELLED, "")
    elif (lost := job.runs.filter(is_counted=True).count()) >= job.max_attempts:
        end(job.pk, JobStatus.FAILED, f"It was begun {lost} times and did not come to its end. The last time: {message}")
    else:
        job.move(JobStatus.QUEUED, progress_percent=0, current_epoch=0, estimated_completion=None)
        record(None, "requeue", job, run=str(run.pk), attempt=run.attempt)
        job_verbs.wake(job.queue)
