"""A store that is away while a job is done: the run waits for it, and a long outage is not the job's fault."""

import pytest
from django.core.files.storage import storages

from learning.models import ObjectKind, StoredObject
from tests import people
from tests.edge import bundles
from tests.factories import training as make
from tests.training.slow_store import AwayStore
from training import patience, supervisor
from training.actions import registration
from training.models import JobStatus, ModelRegistration, ModelVersion, RunState, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def away(tmp_path, settings, monkeypatch):
    options = {"location": str(tmp_path / "away"), "public_url": "http://testserver", "secret": "s"}
    settings.STORAGES = {
        **settings.STORAGES,
        "objects": {"BACKEND": "tests.training.slow_store.AwayStore", "OPTIONS": options},
    }
    storages._storages = {}
    monkeypatch.setattr(patience, "STORE_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(AwayStore, "puts", 0)
    monkeypatch.setattr(AwayStore, "opens", 0)
    return AwayStore


def done(made):
    held = supervisor.run_next("training.cpu")
    made.refresh_from_db()
    held.refresh_from_db()
    return held


def test_an_outage_is_waited_for_before_and_after_the_training(away):
    made = make.training_job(people.ada())
    away.opens, away.puts = 2, 2
    held = done(made)
    assert (away.opens, away.puts) == (0, 0)
    assert (made.status, held.state, TrainingRun.objects.count()) == (JobStatus.COMPLETED, RunState.SUCCEEDED, 1)
    assert StoredObject.objects.filter(kind=ObjectKind.BUNDLE, deleted_at=None).count() == 1


def test_after_a_long_outage_the_job_waits_for_another_attempt(away, monkeypatch):
    made = make.training_job(people.ada())
    monkeypatch.setattr(patience, "STORE_SECONDS", 0.1)
    away.puts = 1_000
    held = done(made)
    assert (made.status, held.state) == (JobStatus.QUEUED, RunState.LOST)
    assert held.error_message == "The object store did not answer. The connection was refused."
    assert not StoredObject.objects.filter(kind=ObjectKind.BUNDLE, deleted_at=None).exists()
    away.puts = 0
    assert done(made).state == RunState.SUCCEEDED
    assert ModelVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_registration_waits_for_the_store_however_long_that_takes(away, tmp_path):
    ada = people.ada()
    module = make.module(ada, slug="digits", labels=("dark", "light"))
    path = tmp_path / "darkness.onnx"
    path.write_bytes(bundles.onnx_model())
    facts = {"name": "Darkness", "source": "here", "licence": "CC0", "config": {"preprocessing": bundles.STEPS}}
    row = registration.bring(module, path, by=ada, **facts)
    away.opens = registration.MOST_FAULTS + 2
    while away.opens:
        assert registration.check(row.pk) is None
        row.refresh_from_db()
        assert (row.state, row.faults, row.token) == ("checking", 0, "")
        ModelRegistration.objects.update(beat_at=None)  # a minute later
    assert registration.check(row.pk).name == "Darkness"
