"""Taking a job back, at any moment of its life: it has ended within five seconds by the clock, and all it started with it."""

import threading
import time

import pytest
from django.core.files.storage import storages
from django.db import connection

from tests import people
from tests.factories import training as make
from tests.training.conftest import bad_trainers
from tests.training.slow_store import SlowStore
from tests.training.test_run_supervised import is_alive, until
from training import local, supervisor
from training.actions import job
from training.models import JobStatus, ModelVersion, RunLog, RunState, TrainingRun

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
__all__ = ["bad_trainers"]

MOST_SECONDS = 5.0


@pytest.fixture(autouse=True)
def _slow_store(tmp_path, settings):
    settings.VAR = tmp_path / "var"
    options = {"location": str(tmp_path / "slow"), "public_url": "http://testserver", "secret": "s"}
    slow = {"BACKEND": "tests.training.slow_store.SlowStore", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "objects": slow}
    storages._storages = {}
    for event in (SlowStore.go_on, SlowStore.in_hand):
        event.clear()
    yield
    SlowStore.go_on.set()


def said(word):
    return lambda: RunLog.objects.filter(text__contains=word).exists()


def has_begun():
    return (local.runs() / "pids").exists() and TrainingRun.objects.filter(state=RunState.RUNNING).exists()


MOMENTS = {
    "it waits": ("endless", (), None),
    "it loads, and ignores signals": ("mute", (), has_begun),
    "it trains, and ignores signals": ("stubborn", (), said("pids")),
    "a checkpoint is being stored": ("saving", ("application/octet-stream",), SlowStore.in_hand.is_set),
    "its result is being stored": ("mlp_classifier", ("application/zip",), SlowStore.in_hand.is_set),
}


@pytest.mark.usefixtures("bad_trainers")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_job_that_is_cancelled_has_ended_within_five_seconds(moment, monkeypatch):
    trainer, held, has_come = MOMENTS[moment]
    monkeypatch.setattr(SlowStore, "held", frozenset(held))
    ada = people.ada()
    chosen = {} if trainer != "mlp_classifier" else make.QUICK
    made = make.training_job(ada, trainer=trainer, hyperparameters=chosen)

    def work():
        try:
            supervisor.run_next("training.cpu")
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    if has_come:
        worker.start()
        assert until(has_come, 90)
    began = time.monotonic()
    job.cancel(made, by=ada)
    assert until(lambda: not type(made).objects.filter(pk=made.pk).exclude(status=JobStatus.CANCELLED).exists(), 60)
    took = time.monotonic() - began
    SlowStore.go_on.set()
    if has_come:
        worker.join(60)
        assert TrainingRun.objects.get().state == RunState.CANCELLED
    assert took < MOST_SECONDS
    assert not ModelVersion.objects.exists()
    if (pids := local.runs() / "pids").exists():
        assert until(lambda: not any(map(is_alive, map(int, pids.read_text().split()))))
