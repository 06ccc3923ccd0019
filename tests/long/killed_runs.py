"""Twenty trainings, in each of which something is killed at a moment of chance: `python -m tests.long.killed_runs BIND SEED RUNS SERVERS`.

Runs on a hub of its own, whose workers it starts. The first RUNS victims are killed; SERVERS tells, as JSON, the folder and port of each server it may kill.
"""
# ruff: noqa: E402  (Django is set up before its models are imported)

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models import Max, Min, Q

from accounts.models import Event
from config.processes import Processes
from learning.actions import purging
from learning.actions import store as store_verbs
from learning.models import StoredObject
from learning.models.object import MADE_BY_RUNS
from tests import people
from tests.factories import training as make
from tests.long.own_servers import Postgresql, Redis, Servers
from tests.training.test_worker import runners
from training import local
from training.models import ModelEvaluation, ModelVersion, RunCheckpoint, TrainingJob, TrainingRun
from training.models.job import ENDED

PATIENCE = 240.0
CHOSEN = {"max_epochs": 300, "patience": 1000, "hidden_units": 192}
OFTEN = {"checkpoint_seconds": 1}
ALONE = ["trainer"] * 6 + ["supervisor"] * 5 + ["worker"] * 6 + ["beat"] * 3
WITH_SERVERS = ["trainer"] * 4 + ["supervisor"] * 3 + ["worker"] * 4 + ["beat"] + ["broker"] * 4 + ["database"] * 4


def say(sentence: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")
    sys.stderr.flush()


def asked(question: Callable[[], Any]) -> Any:
    """Ask the database, and again while it is away."""
    while True:
        try:
            return question()
        except (OperationalError, InterfaceError):
            close_old_connections()
            time.sleep(0.1)


class KilledRuns:
    def __init__(self, processes: Processes, servers: Servers, seed: int) -> None:
        self.processes, self.servers, self.chance = processes, servers, random.Random(seed)
        self.victims = list(WITH_SERVERS if servers else ALONE)
        self.chance.shuffle(self.victims)
        self.runs: list[dict[str, Any]] = []

    def play(self, count: int) -> dict[str, Any]:
        self.ada = people.ada()
        make.digits(self.ada, 300)
        self.frozen = make.frozen(self.ada, seed=2)
        self.processes.start("default", "training")
        whole = self._whole()
        for victim in self.victims[:count]:
            self.runs.append(self._one(victim, self.chance.uniform(-20, 100), self.chance.uniform(0, 3)))
            say(f"{len(self.runs)}: {json.dumps(self.runs[-1], default=str)}")
        return {"whole": whole["scores"], "runs": self.runs, **self._left()}

    def _one(self, victim: str, percent: float, seconds: float) -> dict[str, Any]:
        """Ask for a training, kill something when it is so far, and wait for its end; below 0 percent so soon after it was claimed."""
        job = self._ask()
        self._until(lambda: TrainingRun.objects.filter(job=job).exists())
        if percent < 0:
            time.sleep(seconds)
        far = Q(progress_percent__gte=max(0.0, percent)) | Q(status__in=ENDED)
        left = self._followed(job, lambda: TrainingJob.objects.filter(far, pk=job).exists())
        hit = self._kill(victim)
        left |= self._followed(job, lambda: TrainingJob.objects.filter(pk=job, status__in=ENDED).exists())
        return {"victim": victim, "hit": hit, "percent": round(percent), **asked(lambda: standing(job, left))}

    def _ask(self) -> Any:
        return asked(lambda: make.training_job(self.ada, self.frozen, hyperparameters=CHOSEN, training_config=OFTEN, seed=7).pk)

    def _whole(self) -> dict[str, Any]:
        """Do one without a kill."""
        job, began = self._ask(), time.monotonic()
        self._until(lambda: TrainingJob.objects.filter(pk=job, status__in=ENDED).exists())
        say(f"a whole run takes {time.monotonic() - began:.1f} s")
        return {"scores": scores_of(job)}

    def _followed(self, job: Any, is_over: Callable[[], bool]) -> dict[int, int]:
        """Wait; answers of each attempt that began meanwhile the epoch of the checkpoint that earlier ones had left, or 0."""
        found: dict[int, int] = {}
        deadline = time.monotonic() + PATIENCE
        while True:
            over = asked(is_over)
            for attempt in asked(lambda: later_attempts(job)):
                if attempt not in found:
                    found[attempt] = asked(partial(checkpoint_before, job, attempt))
            if over:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{job} did not end: {asked(lambda: standing(job, found))}")
            time.sleep(0.05)

    def _kill(self, victim: str) -> bool:
        """Kill, begin again what does not begin again by itself, and answer whether there was something to kill."""
        if victim in self.servers:
            server = self.servers[victim]
            server.kill()
            time.sleep(self.chance.uniform(0, 3))
            server.start()
        elif victim == "trainer":
            return self._shoot(runners(settings.VAR))
        elif victim == "supervisor":
            return self._shoot(children(self.processes.running["training"].pid))
        else:
            name = {"worker": "training", "beat": "default"}[victim]
            self.processes.kill(name)
            time.sleep(self.chance.uniform(0, 3))
            self.processes.start(name)
        return True

    def _shoot(self, found: list[int]) -> bool:
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return bool(found)

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not asked(condition):
            if time.monotonic() > deadline:
                raise AssertionError("It did not come to that.")
            time.sleep(0.02)

    def _left(self) -> dict[str, Any]:
        """Say what is left of all of it, in the tables, in the store and on this host."""
        self.processes.stop()
        purging.purge()
        local.forget_gone()
        local.forget_runs()
        compared = store_verbs.reconcile(by=None).facts
        there = StoredObject.objects.filter(deleted_at__isnull=True, delete_at__isnull=True, kind__in=MADE_BY_RUNS)
        evaluations = ModelEvaluation.objects.all()
        return {
            "models": ModelVersion.objects.count(),
            "numbers": ModelVersion.objects.values("version").distinct().count(),
            "objects_without_row": compared["young"] + compared["orphans"],
            "rows_without_object": compared["lost"],
            "results": sorted(there.values_list("kind", flat=True)),
            "checkpoints": RunCheckpoint.objects.count(),
            "unfinished_evaluations": evaluations.filter(finished_at=None).count(),
            "outcomes": sorted({(row.outcome_count, row.outcomes.count()) for row in evaluations}),
            "tested": self.frozen.statistics["by_split"]["test"],
            "folders": len(list(local.runs().iterdir())),
        }


def later_attempts(job: Any) -> list[int]:
    return list(TrainingRun.objects.filter(job=job, attempt__gt=1).values_list("attempt", flat=True))


def checkpoint_before(job: Any, attempt: int) -> int:
    """Answer after which epoch the last checkpoint was that attempts before this one left."""
    kept = RunCheckpoint.objects.filter(job=job, run__attempt__lt=attempt).order_by("-pk").first()
    return kept.step if kept else 0


def standing(job: Any, resumed: dict[int, int]) -> dict[str, Any]:
    row = TrainingJob.objects.get(pk=job)
    attempts = []
    for run in row.runs.order_by("attempt"):
        steps = run.points.filter(name="train_loss").aggregate(first=Min("step"), last=Max("step"))
        left = resumed.get(run.attempt, 0)
        attempts.append({"state": run.state, "said": run.error_message, "left": left, **steps})
    return {
        "status": row.status,
        "error": row.error_message,
        "attempts": attempts,
        "models": ModelVersion.objects.filter(training_job=job).count(),
        "completions": Event.objects.filter(verb="complete", object_id=str(job)).count(),
        "scores": scores_of(job),
    }


def scores_of(job: Any) -> Any:
    made = ModelVersion.objects.filter(training_job=job).first()
    return made and {name: value for name, value in made.evaluation.items() if name in {"accuracy", "f1", "confusion"}}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    bind, seed, places = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[4])
    kinds = {"database": Postgresql, "broker": Redis}
    servers = {name: kinds[name](Path(folder), port) for name, (folder, port) in places.items()}
    hub = Processes(bind, settings.VAR / "log", {"PUBLIC_URL": settings.PUBLIC_URL})
    try:
        print(json.dumps(KilledRuns(hub, servers, seed).play(int(sys.argv[3])), default=str))  # noqa: T201  (read by the test)
    finally:
        hub.stop()
