"""What the test of workers does inside its own hub: `python -m tests.training.programs.inside FUNCTION ARGUMENTS`."""
# ruff: noqa: E402  (Django is set up before its models are imported)

import json
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from tests import people
from tests.factories import training as make
from training.actions import job, run
from training.models import ModelVersion, TrainingJob

PATIENCE = 90.0


def ask() -> str:
    """Queue a training that takes some seconds; answers its job."""
    ada = people.ada()
    make.digits(ada, 150)
    chosen = {"max_epochs": 400, "patience": 1000, "hidden_units": 256}
    return str(make.training_job(ada, make.frozen(ada, seed=2), hyperparameters=chosen).pk)


def under_way(pk: str, attempt: str) -> bool:
    """Wait until an attempt has said how far it is."""
    deadline = time.monotonic() + PATIENCE
    while not TrainingJob.objects.filter(pk=pk, progress_percent__gt=0, runs__attempt=attempt, runs__state="running").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def reap() -> int:
    """Wait until a silent worker is given up; answers how many were, and how many queues were woken."""
    deadline = time.monotonic() + PATIENCE
    while not (lost := run.reap_lost()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return lost


def standing(pk: str) -> dict[str, object]:
    found = TrainingJob.objects.get(pk=pk)
    runs = found.runs.order_by("attempt").values_list("state", "exit_reason", "error_message")
    return {"status": found.status, "runs": [list(row) for row in runs], "models": ModelVersion.objects.count()}


def completed(pk: str) -> dict[str, object]:
    """Wait until the job has ended, and say how."""
    deadline = time.monotonic() + PATIENCE
    while TrainingJob.objects.get(pk=pk).status in ("queued", "running") and time.monotonic() < deadline:
        time.sleep(0.2)
    return standing(pk)


def wake() -> int:
    """Sweep, as beat does each minute."""
    return job.sweep_queued()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
