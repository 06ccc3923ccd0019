"""Doing a claimed run: its folder, its subprocess, and everything it says, kept under the run's token.

The supervisor lives in a worker, the program in a session of its own. Whichever of the two dies, nothing is left behind: the
program stops when the pipe from its supervisor closes, and a run whose supervisor is silent is given back by the reaper.
"""

import os
import shutil
import socket
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from core.storage import StoreError, store
from learning.actions import object as stored_object
from learning.models import ObjectKind, StoredObject
from training import folder as run_folder
from training import local, shutdown
from training.actions import checkpoint
from training.actions import run as run_verbs
from training.actions.holding import LostRun
from training.bundle import BadBundle, Bundle, read_bundle
from training.executor import Execution, Executor, LocalExecutor
from training.hearing import Ear
from training.limits import Failure, Limits
from training.models import EvaluationMethod, ExitReason, JobKind, TrainingRun
from training.scoring import outcomes
from training.scoring.outcomes import FOLDS_NAME, OUTCOMES_NAME
from training.trainers.base import RUNNER
from training.trainers.registry import trainers
from training.trainers.work import ARTIFACT_NAME, BUNDLE_NAME, STOPPED_STATUS

logger = structlog.get_logger(__name__)

REPORT_SECONDS = 1.0
CANCEL_SECONDS, STOP_SECONDS = 2.5, 8.0
"""A program that is to be cancelled is killed soon; one that is to go on elsewhere has time for a checkpoint."""
MAX_CHECKPOINT = 4 << 30
CHECKPOINT_DAYS = 14
KILLED = -9


class Cancelled(Exception):
    """A person took the job back."""


class Interrupted(Exception):
    """The run stopped by no fault of its own."""


def run_next(queue: str) -> TrainingRun | None:
    """Claim the next job of `queue` and do it to its end; None where none waits, and in a worker that goes down."""
    if shutdown.has_begun():
        return None
    run = run_verbs.claim(queue, f"{socket.gethostname()}:{os.getpid()}")
    if run is not None:
        supervise(run)
    return run


def supervise(run: TrainingRun, executor: Executor | None = None) -> None:
    """Do a claimed run to its end, whatever that is; a run that was given to another worker is left at once."""
    try:
        Supervisor(run, executor or LocalExecutor()).go()
    except LostRun:
        logger.warning("the run was given up for lost while it ran", run=str(run.pk))


class Supervisor:
    """One run, its program and its ear."""

    def __init__(self, run: TrainingRun, executor: Executor) -> None:
        self.run, self.executor, self.ear = run, executor, Ear()
        self.folder = local.runs() / str(run.pk)
        self._reported_at = self._heard_at = time.monotonic()
        self._limits = Limits(run.job.training_config, self.folder)

    def go(self) -> None:
        """Prepare, run, and write down how it ended."""
        try:
            self._prepare()
            run_verbs.begin(self.run)
            self._execute()
            self._report()
            self._keep_outcomes()
            self._finish()
        except Failure as failure:
            self._report()
            run_verbs.fail(self.run, reason=failure.reason, message=failure.sentence)
        except (StoreError, run_folder.Unprepared) as error:
            run_verbs.fail(self.run, reason=ExitReason.USER_ERROR, message=str(error))
        except Cancelled:
            self._report()
            run_verbs.cancelled(self.run)
        except Interrupted as interruption:
            self._report()
            run_verbs.give_back(self.run, message=str(interruption), is_planned=shutdown.has_begun())
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        try:
            run_folder.prepare(self.run, self.folder, tick=self._tick)
        except OSError as error:
            raise Failure(ExitReason.USER_ERROR, f"The worker cannot make the job's folder: {error.strerror}.") from error

    def _execute(self) -> None:
        """Run the program to its end, and raise what came of it unless that was success."""
        try:
            program = self.executor.start(self._command(), self.folder)
        except OSError as error:
            raise Failure(ExitReason.USER_ERROR, f"The trainer's program cannot be started: {error}") from error
        self._limits.begin()
        try:
            while program.status() is None:
                self._listen(program.read(0.2))
                self._tick()
                self._keep_checkpoint()
                self._limits.check(program)
                self._check_shutdown()
        except (Cancelled, Failure):
            self._stop(program, CANCEL_SECONDS)
            raise
        except Interrupted:
            self._stop(program, STOP_SECONDS)
            self._keep_checkpoint()
            raise
        finally:
            self._listen(program.close())
        self._judge(program.status())

    def _check_shutdown(self) -> None:
        if shutdown.has_begun():
            raise Interrupted("The worker went down.")

    def _command(self) -> Sequence[str]:
        if self.run.job.kind == JobKind.EVALUATE:
            return RUNNER
        trainer = trainers().get(self.run.job.trainer)
        if trainer is None:
            raise Failure(ExitReason.USER_ERROR, f"The trainer {self.run.job.trainer} is not installed on this worker.")
        return trainer.command

    def _stop(self, program: Execution, seconds: float) -> None:
        """Ask the program to stop, and give it a few seconds; close() kills what is left."""
        program.ask_to_stop()
        deadline = time.monotonic() + seconds
        while program.status() is None and time.monotonic() < deadline:
            self._listen(program.read(0.1))

    def _judge(self, status: int | None) -> None:
        if status == 0 and self.ear.is_done:
            return
        if status == 0:
            raise Failure(ExitReason.USER_ERROR, "The trainer ended without saying that it was done.")
        if status == STOPPED_STATUS:
            self._keep_checkpoint()
            raise Interrupted("The program stopped before it was done, without being asked by a person.")
        if self.ear.is_out_of_memory:
            raise Failure(ExitReason.OUT_OF_MEMORY, self.ear.sentence("Memory ran out."))
        if status == KILLED:
            raise Failure(ExitReason.OUT_OF_MEMORY, "The program was killed, most likely because memory ran out.")
        if status is not None and status < 0:
            raise Failure(ExitReason.USER_ERROR, f"The program was ended by signal {-status}.")
        raise Failure(ExitReason.USER_ERROR, self.ear.sentence(f"The program ended with status {status}."))

    def _keep_checkpoint(self) -> None:
        """Store the newest checkpoint that the program told of, if it is a file of its own; without it the run goes on too."""
        taken = self.ear.take_checkpoint()
        if taken is None:
            return
        step, path = taken[0], self.folder / taken[1]
        if not path.resolve().is_relative_to(self.folder.resolve()) or not path.is_file():
            return
        if path.stat().st_size > MAX_CHECKPOINT:
            logger.warning("a checkpoint is too large to be kept", run=str(self.run.pk))
            return
        now = timezone.now()
        try:
            kept = stored_object.store_bytes(
                path,
                kind=ObjectKind.CHECKPOINT,
                media_type="application/octet-stream",
                metadata={"training_run": str(self.run.pk), "uploaded_at": now.isoformat()},
                tick=self._tick,
                delete_at=now + timedelta(days=CHECKPOINT_DAYS),
            )
        except (StoreError, OSError):
            logger.warning("a checkpoint could not be stored", run=str(self.run.pk), exc_info=True)
            return
        checkpoint.keep(self.run, step=step, content=kept)

    def _listen(self, lines: Sequence[tuple[str, bytes]]) -> None:
        for source, raw in lines:
            self.ear.hear(source, raw)

    def _tick(self) -> None:
        """Report each second, or sooner where much was said; raises Cancelled or LostRun."""
        if time.monotonic() - self._reported_at >= REPORT_SECONDS or self.ear.heard.is_much:
            self._report(is_cancellable=True)

    def _report(self, *, is_cancellable: bool = False) -> None:
        """Keep what was heard. A database that is away is waited for, as long as the run would not be given up for lost."""
        heard = self.ear.take()
        self._reported_at = time.monotonic()
        try:
            is_cancelled = run_verbs.report(self.run, progress=heard.progress, points=heard.points, lines=heard.lines)
        except (OperationalError, InterfaceError):
            if time.monotonic() - self._heard_at > settings.RUN_LOST_SECONDS or connection.in_atomic_block:
                raise
            logger.warning("the database is away; the run goes on", run=str(self.run.pk))
            close_old_connections()
            self.ear.put_back(heard)
            return
        self._heard_at = time.monotonic()
        if is_cancelled and is_cancellable:
            raise Cancelled

    def _keep_outcomes(self) -> None:
        """Keep what the program wrote of each sample, chunk by chunk."""
        for method, name in ((EvaluationMethod.SPLIT, OUTCOMES_NAME), (EvaluationMethod.FOLDS, FOLDS_NAME)):
            kept_in = None
            for chunk in outcomes.read(self.folder / ARTIFACT_NAME / name):
                kept_in = kept_in or run_verbs.begin_scoring(self.run, method)
                run_verbs.keep_outcomes(self.run, kept_in, chunk)
                self._tick()

    def _finish(self) -> None:
        """Store what a training made, and end the run; what was stored goes again if the run is no longer ours."""
        if self.run.job.kind == JobKind.EVALUATE:
            run_verbs.finish(self.run, scores=self.ear.scores)
            return
        path = self.folder / ARTIFACT_NAME / BUNDLE_NAME
        content = _read(path)
        metadata = {"training_run": str(self.run.pk), "uploaded_at": timezone.now().isoformat()}
        kept: list[StoredObject] = []
        try:
            for kind, media_type, what in (
                (ObjectKind.BUNDLE, "application/zip", path),
                (ObjectKind.CONFIG, "application/json", content.config_bytes),
            ):
                stored = stored_object.store_bytes(what, kind=kind, media_type=media_type, metadata=metadata, tick=self._tick)
                kept.append(stored)
            bundle, config = kept
            run_verbs.finish(self.run, scores=self.ear.scores, bundle=bundle, config=config, content=content)
        except BaseException:
            for unwanted in kept:
                store(unwanted.alias).remove(unwanted.name)
                unwanted.delete()
            raise


def _read(path: Path) -> Bundle:
    if not path.is_file():
        raise Failure(ExitReason.USER_ERROR, "The trainer ended without a model: there is no artifact/bundle.zip.")
    try:
        return read_bundle(path)
    except BadBundle as error:
        raise Failure(ExitReason.USER_ERROR, f"The trainer's bundle cannot be used. {error}") from error
