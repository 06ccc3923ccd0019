"""Doing a claimed run: its folder, its subprocess, and everything it says, kept under the run's token.

The supervisor lives in a worker, the program in a session of its own. Whichever of the two dies, nothing is left behind: the
program stops when the pipe from its supervisor closes, and a run whose supervisor is silent is given back by the reaper.
"""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from core.storage import StoreError
from learning.actions import object as stored_object
from learning.actions import purging
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
from training.patience import AWAY, patiently, through_outage
from training.scoring import outcomes
from training.scoring.outcomes import FOLDS_NAME, OUTCOMES_NAME
from training.trainers.base import RUNNER
from training.trainers.registry import trainers
from training.trainers.work import ARTIFACT_NAME, BUNDLE_NAME, STOPPED_STATUS

logger = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

REPORT_SECONDS = 1.0
CANCEL_SECONDS, STOP_SECONDS = 2.0, 8.0
"""A program that is to be cancelled is killed soon; one that is to go on elsewhere has time for a checkpoint."""
MAX_CHECKPOINT = 4 << 30
CHECKPOINT_DAYS = 14
RESULT_DAYS = 1
"""What a worker stores goes by itself after so many days, unless a row refers to it by then: it may be killed in between."""
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
            self._surely(lambda: run_verbs.begin(self.run))
            self._execute()
            self._say_rest()
            self._keep_outcomes()
            self._finish()
        except Failure as failure:
            self._say_rest()
            self._fail(failure.reason, failure.sentence)
        except StoreError as error:
            self._judge_store(error)
        except run_folder.Unprepared as error:
            self._fail(ExitReason.USER_ERROR, str(error))
        except Cancelled:
            self._say_rest()
            self._surely(lambda: run_verbs.cancelled(self.run))
        except Interrupted as interruption:
            self._say_rest()
            self._give_back(str(interruption))
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _surely(self, write: Callable[[], Answer]) -> Answer | None:
        return patiently(self.run, write)

    def _through_outage(self, act: Callable[[], Answer]) -> Answer:
        return through_outage(act, tick=self._wait)

    def _wait(self) -> None:
        self._tick()
        self._check_shutdown()

    def _judge_store(self, error: StoreError) -> None:
        """Fail where the same would happen again; an outage that outlasts our patience is nobody's fault."""
        if error.is_passing:
            self._give_back(f"The object store did not answer. {error}")
        else:
            self._fail(ExitReason.USER_ERROR, str(error))

    def _fail(self, reason: ExitReason, sentence: str) -> None:
        self._surely(lambda: run_verbs.fail(self.run, reason=reason, message=sentence))

    def _give_back(self, sentence: str) -> None:
        self._surely(lambda: run_verbs.give_back(self.run, message=sentence, is_planned=shutdown.has_begun()))

    def _prepare(self) -> None:
        try:
            self._through_outage(lambda: run_folder.prepare(self.run, self.folder, tick=self._tick))
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
        if status == KILLED and self._limits.was_memory_short():
            raise Failure(ExitReason.OUT_OF_MEMORY, "The program was killed because memory ran out.")
        if status == KILLED:
            self._keep_checkpoint()
            raise Interrupted("The program was killed from outside, by a person or for want of memory.")
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
        try:
            kept = self._store(path, ObjectKind.CHECKPOINT, "application/octet-stream")
        except (StoreError, OSError, *AWAY):
            logger.warning("a checkpoint could not be stored", run=str(self.run.pk), exc_info=True)
            return
        older = self._surely(lambda: checkpoint.keep(self.run, step=step, content=kept))
        with contextlib.suppress(*AWAY):
            purging.purge(older or [])  # at once: a day of them may be more than a disk holds

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
        except AWAY:
            if time.monotonic() - self._heard_at > settings.RUN_LOST_SECONDS or connection.in_atomic_block:
                raise
            logger.warning("the database is away; the run goes on", run=str(self.run.pk))
            close_old_connections()
            self.ear.put_back(heard)
            return
        self._heard_at = time.monotonic()
        if is_cancelled and is_cancellable:
            raise Cancelled

    def _say_rest(self) -> None:
        """Keep all that was heard and not kept yet: nobody says it again."""
        heard = self.ear.take()
        facts = {"progress": heard.progress, "points": heard.points, "lines": heard.lines}
        self._surely(lambda: run_verbs.report(self.run, **facts))  # type: ignore[arg-type]

    def _keep_outcomes(self) -> None:
        """Keep what the program wrote of each sample, chunk by chunk."""
        for method, name in ((EvaluationMethod.SPLIT, OUTCOMES_NAME), (EvaluationMethod.FOLDS, FOLDS_NAME)):
            kept_in = None
            for chunk in outcomes.read(self.folder / ARTIFACT_NAME / name):
                kept_in = kept_in or self._surely(partial(run_verbs.begin_scoring, self.run, method))
                if kept_in is not None:
                    self._surely(partial(run_verbs.keep_outcomes, self.run, kept_in, chunk))
                self._tick()

    def _finish(self) -> None:
        """Store what a training made, and end the run; what was stored goes again if the run is no longer ours."""
        if self.run.job.kind == JobKind.EVALUATE:
            self._surely(lambda: run_verbs.finish(self.run, scores=self.ear.scores))
            return
        path = self.folder / ARTIFACT_NAME / BUNDLE_NAME
        content = _read(path)
        kept: list[StoredObject] = []
        try:
            kept.append(self._stored(path, ObjectKind.BUNDLE, "application/zip"))
            kept.append(self._stored(content.config_bytes, ObjectKind.CONFIG, "application/json"))
            made = {"bundle": kept[0], "config": kept[1], "content": content}
            self._surely(lambda: run_verbs.finish(self.run, scores=self.ear.scores, **made))  # type: ignore[arg-type]
        except BaseException:
            with contextlib.suppress(*AWAY):  # it goes by itself then
                run_verbs.discard(kept)
            raise

    def _stored(self, content: Path | bytes, kind: ObjectKind, media_type: str) -> StoredObject:
        stored = self._through_outage(lambda: self._surely(lambda: self._store(content, kind, media_type)))
        if stored is None:
            raise LostRun("This run was ended by somebody else.")
        return stored

    def _store(self, content: Path | bytes, kind: ObjectKind, media_type: str) -> StoredObject:
        now = timezone.now()
        return stored_object.store_bytes(
            content,
            kind=kind,
            media_type=media_type,
            metadata={"training_run": str(self.run.pk), "uploaded_at": now.isoformat()},
            tick=self._tick,
            delete_at=now + timedelta(days=CHECKPOINT_DAYS if kind == ObjectKind.CHECKPOINT else RESULT_DAYS),
        )


def _read(path: Path) -> Bundle:
    if not path.is_file():
        raise Failure(ExitReason.USER_ERROR, "The trainer ended without a model: there is no artifact/bundle.zip.")
    try:
        return read_bundle(path)
    except BadBundle as error:
        raise Failure(ExitReason.USER_ERROR, f"The trainer's bundle cannot be used. {error}") from error
