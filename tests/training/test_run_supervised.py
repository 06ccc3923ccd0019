"""Runs in real subprocesses: success, cancelling, and every way a trainer misbehaves."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from core.storage import reading, store
from learning.actions import erasing, purging
from learning.models import LearningSample, ObjectKind, StoredObject
from learning.models.object import MADE_BY_RUNS
from tests import people
from tests.factories import training as make
from tests.learning.test_erasure import confirmed, drafted
from tests.training.slow_store import SlowStore
from training import limits, local, shutdown, supervisor
from training.actions import job, run
from training.actions.holding import LostRun
from training.bundle import read_bundle
from training.executor import LocalExecution, LocalExecutor
from training.models import (
    ExitReason,
    JobStatus,
    MetricPoint,
    ModelStatus,
    ModelVersion,
    RunCheckpoint,
    RunLog,
    RunState,
    TrainingRun,
)
from training.supervisor import Supervisor

pytestmark = pytest.mark.django_db


def stored(kept):
    with reading(kept.name, kept.alias) as stream:
        return stream.read()


def texts():
    return list(RunLog.objects.order_by("seq").values_list("text", flat=True))


def is_alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Interfering(LocalExecutor):
    """Runs programs as ever, and calls `act(text)` when they said something that holds `word`."""

    def __init__(self, word, act):
        self.word, self.act = word, act

    def start(self, command, folder):
        execution = super().start(command, folder)
        read = execution.read

        def listening(seconds):
            lines = read(seconds)
            for _, raw in lines:
                if self.word in raw and self.act:
                    act, self.act = self.act, None
                    act(raw.decode())
            return lines

        execution.read = listening
        return execution


def bad_run(kind, executor=None):
    """Supervise a job of a misbehaving trainer; answers the run and the job as they ended."""
    made = make.training_job(people.ada(), trainer=kind, hyperparameters={})
    held = run.claim("training.cpu", "w1")
    supervisor.supervise(held, executor)
    held.refresh_from_db()
    made.refresh_from_db()
    return held, made


def test_a_job_becomes_a_model_that_reads_digits(tmp_path):
    ada = people.ada()
    make.digits(ada, 400)
    frozen = make.frozen(ada, seed=2)
    made = make.training_job(ada, frozen, hyperparameters={}, seed=7)
    held = supervisor.run_next("training.cpu")
    made.refresh_from_db()
    held.refresh_from_db()
    assert (made.status, made.error_message, held.state) == (JobStatus.COMPLETED, "", RunState.SUCCEEDED)
    assert (made.progress_percent, held.exit_reason, held.model) == (100, ExitReason.DONE, made.output_model_version)
    model = ModelVersion.objects.select_related("bundle", "config").get()
    assert (model.status, model.version, model.requested_by, model.dataset_version) == (ModelStatus.DRAFT, "1.0.0", ada, frozen)
    assert model.accuracy >= 0.95
    assert min(model.precision_score, model.recall_score, model.f1_score) > 0.9
    assert 0 < model.inference_time_ms < 50
    assert model.evaluation["split"] == "test"
    assert sum(map(sum, model.evaluation["confusion"]["rows"])) == frozen.statistics["by_split"]["test"]
    assert {"train_loss", "validation_accuracy"} <= set(MetricPoint.objects.values_list("name", flat=True))
    assert any("examples to train on" in text for text in texts())
    path = tmp_path / "bundle.zip"
    path.write_bytes(stored(model.bundle))
    content = read_bundle(path)
    assert stored(model.config) == content.config_bytes
    assert (content.card, content.config["module"]) == (model.card, "meter_digits")
    assert not list(local.runs().iterdir())


@pytest.mark.parametrize("split", ["test", "train"])
def test_an_evaluation_scores_a_version_and_only_the_test_split_is_shown_to_who_approves(tmp_path, split):
    ada = people.ada()
    made = make.training_job(ada)
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    model = made.output_model_version
    ModelVersion.objects.update(accuracy=None)
    asked = job.create_evaluation(model, by=ada, dataset_version=made.dataset_version, split=split)
    supervisor.run_next("training.cpu")
    asked.refresh_from_db()
    model.refresh_from_db()
    assert (asked.status, asked.error_message) == (JobStatus.COMPLETED, "")
    assert 0 <= asked.metrics["accuracy"] <= 1
    assert (model.evaluation["split"], model.evaluation["dataset_version"]) == ("test", "meter-digits@v1.0.0")
    assert model.accuracy == (asked.metrics["accuracy"] if split == "test" else None)
    assert ModelVersion.objects.count() == 1


def test_the_next_model_gets_the_next_number_and_the_same_training_again_measures_the_same():
    ada = people.ada()
    made = make.training_job(ada)
    make.training_job(ada, made.dataset_version, user_id="someone")
    make.training_job(ada, made.dataset_version)
    first, *_, again = (supervisor.run_next("training.cpu") for _ in range(3))
    measured = [
        {(point.name, point.step): point.value for point in MetricPoint.objects.filter(run=one)} for one in (first, again)
    ]
    assert measured[0] == measured[1]
    assert first.examples_hash == again.examples_hash == made.dataset_version.fingerprint
    made.refresh_from_db()
    based = make.training_job(ada, made.dataset_version, base_model_version=made.output_model_version)
    supervisor.run_next("training.cpu")
    assert ModelVersion.objects.get(training_job=based).base_version == made.output_model_version
    versions = ModelVersion.objects.order_by("created_at").values_list("user_id", "version")
    assert list(versions) == [("", "1.0.0"), ("someone", "1.0.0"), ("", "1.1.0"), ("", "1.1.1")]


def test_the_baseline_reads_digits_and_answers_labels_it_never_saw_with_nothing(tmp_path):
    ada = people.ada()
    make.module(ada, labels=("none", *make.DIGITS, "letter"))
    make.digits(ada, 300)
    made = make.training_job(ada, make.frozen(ada, seed=2), trainer="baseline_knn", hyperparameters={})
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert (made.status, made.error_message) == (JobStatus.COMPLETED, "")
    model = made.output_model_version
    assert model.accuracy >= 0.8
    assert MetricPoint.objects.get(name="parity_differing").value == 0
    path = tmp_path / "bundle.zip"
    path.write_bytes(stored(model.bundle))
    outputs = [entry["output"] for entry in read_bundle(path).golden]
    assert {len(output) for output in outputs} == {12}
    assert all(output[0] == output[-1] == 0 and sum(output) == pytest.approx(1) for output in outputs)


def test_fine_tuning_begins_where_the_base_ended():
    ada = people.ada()
    make.digits(ada, 300)
    frozen = make.frozen(ada, seed=2)
    made = make.training_job(ada, frozen, hyperparameters={"max_epochs": 40})
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    based, other = (
        make.training_job(ada, frozen, base_model_version=made.output_model_version, hyperparameters=chosen)
        for chosen in ({"max_epochs": 1}, {"max_epochs": 1, "hidden_units": 5})
    )
    for _ in range(2):
        supervisor.run_next("training.cpu")
    based.refresh_from_db()
    other.refresh_from_db()
    assert (based.status, other.status) == (JobStatus.COMPLETED, JobStatus.FAILED)
    assert "other layers" in other.error_message
    losses = MetricPoint.objects.filter(name="train_loss", step=1)
    assert losses.get(run__job=based).value < losses.get(run__job=made).value / 3
    assert based.output_model_version.version == "1.0.1"


def test_a_split_without_examples_is_said_so():
    ada = people.ada()
    make.samples(ada, 12)
    frozen = make.frozen(ada, split={"train": 1})
    made = make.training_job(ada, frozen)
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert made.output_model_version.accuracy is None
    asked = job.create_evaluation(made.output_model_version, by=ada, dataset_version=frozen)
    supervisor.run_next("training.cpu")
    asked.refresh_from_db()
    assert (asked.status, asked.error_message) == (JobStatus.FAILED, "The version has no test split to score on.")


def test_one_label_is_not_enough_to_learn_from():
    ada = people.ada()
    make.samples(ada, 12, labels=["3"])
    made = make.training_job(ada, make.frozen(ada))
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert (made.status, made.error_message) == (JobStatus.FAILED, "The train split needs examples of two labels at least.")


@pytest.mark.usefixtures("bad_trainers")
@pytest.mark.parametrize(
    ("kind", "reason", "sentence"),
    [
        ("silent", ExitReason.USER_ERROR, "ended without a model"),
        ("empty", ExitReason.USER_ERROR, "without saying that it was done"),
        ("unfit", ExitReason.USER_ERROR, "no pictures of cats"),
        ("dies", ExitReason.USER_ERROR, "signal 11"),
        ("eaten", ExitReason.OUT_OF_MEMORY, "killed because memory ran out"),
        ("garbage", ExitReason.USER_ERROR, "bundle cannot be used"),
        ("hungry", ExitReason.OUT_OF_MEMORY, "it may use 100"),
        ("exhausted", ExitReason.OUT_OF_MEMORY, "CUDA out of memory"),
        ("writer", ExitReason.USER_ERROR, "it may write 10"),
    ],
)
def test_a_trainer_that_misbehaves_fails_its_job_with_a_sentence(kind, reason, sentence, settings, monkeypatch):
    settings.RUN_MEMORY_MB, settings.RUN_DISK_MB = 100, 10
    monkeypatch.setattr(limits, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(limits, "MEMORY_FACTS", local.runs() / "vmstat")
    limits.MEMORY_FACTS.write_text("oom_kill 3\n")
    held, made = bad_run(kind)
    assert (held.state, held.exit_reason, made.status) == (RunState.FAILED, reason, JobStatus.FAILED)
    assert sentence in made.error_message
    assert not ModelVersion.objects.exists()
    assert not StoredObject.objects.filter(kind__in=[ObjectKind.BUNDLE, ObjectKind.CONFIG]).exists()


@pytest.mark.usefixtures("bad_trainers")
def test_a_program_that_was_killed_by_no_fault_of_its_own_is_begun_again_until_its_attempts_are_used():
    held, made = bad_run("shot")
    assert (held.state, held.exit_reason, made.status) == (RunState.LOST, ExitReason.WORKER_LOST, JobStatus.QUEUED)
    for _ in range(2):
        supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert (made.status, made.runs.count()) == (JobStatus.FAILED, 3)
    assert made.error_message.startswith(
        "It was begun 3 times and did not come to its end. The last time: The program was killed"
    )


@pytest.mark.usefixtures("bad_trainers")
def test_garbage_becomes_lines_of_the_log():
    _, made = bad_run("garbage")
    found = texts()
    assert "a library warns" in found
    assert any(text.startswith("[1, 2]") for text in found)
    assert any('"boom"' in text for text in found)
    assert any(text.startswith("xxx") for text in found)
    assert all(len(text) <= 2_000 and "\x00" not in text for text in found)
    assert list(MetricPoint.objects.values_list("name", "value")) == [("loss", 0.5)]
    assert made.progress_percent == 0


@pytest.mark.usefixtures("bad_trainers")
def test_the_log_is_bounded():
    _, made = bad_run("flood")
    found = texts()
    assert (len(found), found[0]) == (20_001, "line 0")
    assert "full" in found[-1]
    assert made.error_message == "The program ended with status 3."


@pytest.mark.usefixtures("bad_trainers")
def test_cancelling_ends_a_program_that_ignores_it_and_all_it_started():
    ada, pids = people.ada(), []

    def cancel(said):
        pids.extend(map(int, re.findall(r"\d+", said.partition("pids")[2])))
        job.cancel(TrainingRun.objects.get().job, by=ada)

    began = time.monotonic()
    held, made = bad_run("stubborn", Interfering(b"pids", cancel))
    assert (held.state, made.status, held.exit_reason) == (RunState.CANCELLED, JobStatus.CANCELLED, ExitReason.CANCELLED)
    assert (made.progress_percent, made.current_epoch) == (30, 3)
    assert len(pids) == 2
    assert until(lambda: not any(map(is_alive, pids)))
    assert time.monotonic() - began < 20


@pytest.fixture
def slow_store(tmp_path, settings):
    options = {"location": str(tmp_path / "slow"), "public_url": "http://testserver", "secret": "s"}
    slow = {"BACKEND": "tests.training.slow_store.SlowStore", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "objects": slow}
    storages._storages = {}
    for event in (SlowStore.go_on, SlowStore.in_hand):
        event.clear()
    yield
    SlowStore.go_on.set()


class Telling(Supervisor):
    """Calls `act` at each sign of life that it gives while the store has the bundle in hand."""

    act = staticmethod(lambda held: None)

    def _tick(self):
        super()._tick()
        if SlowStore.in_hand.is_set():
            self.act(self.run)


@pytest.mark.usefixtures("slow_store")
def test_a_run_is_alive_while_its_bundle_is_stored():
    beats = []

    def count(held):
        beats.append(TrainingRun.objects.get(pk=held.pk).heartbeat_at)
        if len(beats) == 3:
            SlowStore.go_on.set()

    made = make.training_job(people.ada())
    told = Telling(run.claim("training.cpu", "w1"), LocalExecutor())
    told.act = count
    told.go()
    made.refresh_from_db()
    assert made.status == JobStatus.COMPLETED
    assert len(set(beats)) >= 2


@pytest.mark.usefixtures("slow_store")
def test_what_was_being_stored_goes_when_the_run_was_given_to_another():
    def lose(held):
        TrainingRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        run.reap_lost()
        SlowStore.go_on.set()

    make.training_job(people.ada())
    told = Telling(run.claim("training.cpu", "w1"), LocalExecutor())
    told.act = lose
    with pytest.raises(LostRun):
        told.go()
    assert not ModelVersion.objects.exists()
    assert not StoredObject.objects.filter(kind=ObjectKind.BUNDLE, deleted_at__isnull=True).exists()
    purging.purge()
    assert until(lambda: not [path for path in store().root.rglob("*.zip*") if path.is_file()])


def test_of_two_workers_on_one_job_by_force_one_wins_and_nothing_of_the_other_lands():
    """The first worker is silent, then has the end of what it did still to say; meanwhile another one does the whole job."""
    before, won = [], []

    def force(said):
        TrainingRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        assert run.reap_lost() == 1
        before.extend([slow.logs.count(), slow.points.count()])
        won.append(supervisor.run_next("training.cpu"))
        loser.ear.log("too late", "info")

    made = make.training_job(people.ada(), training_config={"checkpoint_seconds": 1})
    slow = run.claim("training.cpu", "w1")
    loser = Supervisor(slow, Interfering(b'"done"', force))
    with pytest.raises(LostRun):
        loser.go()
    made.refresh_from_db()
    slow.refresh_from_db()
    model = ModelVersion.objects.get()
    assert (made.status, made.output_model_version) == (JobStatus.COMPLETED, model)
    assert [row.attempt for row in won] == [2]
    assert (slow.state, TrainingRun.objects.get(attempt=2).model) == (RunState.LOST, model)
    assert [slow.logs.count(), slow.points.count()] == before
    assert "too late" not in texts()
    made_by_runs = StoredObject.objects.filter(kind__in=MADE_BY_RUNS, deleted_at__isnull=True)
    assert set(made_by_runs) == {model.bundle, model.config}
    assert not RunCheckpoint.objects.exists()


@pytest.fixture
def going_down(monkeypatch):
    monkeypatch.setattr(shutdown, "_begun", bytearray(1))
    return shutdown.begin


@pytest.mark.usefixtures("bad_trainers")
def test_a_worker_that_goes_down_gives_its_run_back_and_claims_no_other(going_down):
    held, made = bad_run("endless", Interfering(b"progress", lambda said: going_down()))
    assert (held.state, held.error_message, made.status) == (RunState.LOST, "The worker went down.", JobStatus.QUEUED)
    assert supervisor.run_next("training.cpu") is None


@pytest.mark.usefixtures("bad_trainers")
def test_another_worker_goes_on_from_the_last_checkpoint_and_a_planned_end_is_no_attempt(going_down, monkeypatch):
    def go_down(said):
        assert RunCheckpoint.objects.count() == 2
        going_down()

    made = make.training_job(people.ada(), trainer="saving", hyperparameters={})
    made.max_attempts = 1
    made.save()
    held = run.claim("training.cpu", "w1")
    supervisor.supervise(held, Interfering(b'"percent": 4', go_down))
    held.refresh_from_db()
    made.refresh_from_db()
    assert (held.state, held.is_counted, made.status) == (RunState.LOST, False, JobStatus.QUEUED)
    steps = list(RunCheckpoint.objects.order_by("step").values_list("step", flat=True))
    assert len(steps) == 2
    assert StoredObject.objects.filter(kind=ObjectKind.CHECKPOINT, purged_at__isnull=True).count() == 2
    monkeypatch.setattr(shutdown, "_begun", bytearray(1))
    shutil.rmtree(local.cache())  # as on another host
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert (made.status, made.error_message) == (JobStatus.FAILED, f"went on from step {steps[-1]}")
    assert not StoredObject.objects.filter(kind=ObjectKind.CHECKPOINT, deleted_at__isnull=True).exists()


@pytest.mark.usefixtures("bad_trainers")
def test_a_program_that_stops_unasked_gives_its_job_back():
    held, made = bad_run("interrupted")
    assert (held.state, made.status) == (RunState.LOST, JobStatus.QUEUED)


@pytest.mark.usefixtures("bad_trainers")
def test_a_program_has_a_time_limit():
    made = make.training_job(people.ada(), trainer="endless", hyperparameters={})
    made.training_config = {"time_limit_seconds": 1}
    made.save()
    held = supervisor.run_next("training.cpu")
    held.refresh_from_db()
    made.refresh_from_db()
    assert (held.state, held.exit_reason, made.status) == (RunState.FAILED, ExitReason.TIMEOUT, JobStatus.FAILED)


@pytest.mark.usefixtures("bad_trainers")
def test_a_supervisor_that_was_given_up_ends_its_program_and_writes_nothing():
    def lose(said):
        TrainingRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        assert run.reap_lost() == 1

    held, made = bad_run("endless", Interfering(b"progress", lose))
    assert (held.state, made.status, made.progress_percent) == (RunState.LOST, JobStatus.QUEUED, 0)
    assert not list(local.runs().iterdir())


def test_what_a_killed_worker_left_on_its_host_goes():
    make.training_job(people.ada())
    held = run.claim("training.cpu", "w1")
    folder = local.runs() / str(held.pk)
    supervisor.run_folder.prepare(held, folder, tick=lambda: None)
    assert (local.forget_runs(), folder.exists()) == (0, True)
    TrainingRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    run.reap_lost()
    assert (local.forget_runs(), folder.exists()) == (1, False)
    assert next(local.cache().glob("??/*")).exists()


def test_a_member_whose_object_is_gone_fails_the_job_with_a_sentence():
    ada = people.ada()
    made = make.training_job(ada)
    StoredObject.objects.filter(kind=ObjectKind.IMAGE).first().samples.update(object=None)
    StoredObject.objects.filter(kind=ObjectKind.IMAGE, samples=None).delete()
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert made.status == JobStatus.FAILED
    assert "is gone" in made.error_message


def test_a_member_whose_object_is_not_what_was_frozen_fails_the_job_with_a_sentence():
    made = make.training_job(people.ada())
    kept = StoredObject.objects.filter(kind=ObjectKind.IMAGE).first()
    store(kept.alias).remove(kept.name)
    metadata = {"city_id": "city_pune", "event_id": "e-0"}
    store(kept.alias).put_new(kept.name, io.BytesIO(b"another picture"), media_type="image/png", metadata=metadata)
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert made.status == JobStatus.FAILED
    assert made.error_message == f"The object {kept.name} does not have the bytes that were stored."


def test_members_that_were_erased_in_between_are_left_out():
    ada = people.ada()
    made = make.training_job(ada)
    gone = LearningSample.objects.get(event_id="e-3")
    erasing.run(confirmed(drafted("event", {"city": "city_pune", "event_id": "e-3"}, by=ada), by=ada).pk)
    made.dataset_version.refresh_from_db()
    assert made.dataset_version.truth_outdated
    held = run.claim("training.cpu", "w1")
    supervisor.run_folder.prepare(held, local.runs() / "here", tick=lambda: None)
    lines = (local.runs() / "here" / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == 39
    assert gone.sample_id not in {json.loads(line)["sample_id"] for line in lines}


def test_the_runner_ends_when_its_supervisor_is_gone(tmp_path):
    ada = people.ada()
    make.training_job(ada, hyperparameters={"max_epochs": 1000, "patience": 1000, "hidden_units": 512, "hidden_layers": 4})
    held = run.claim("training.cpu", "w1")
    folder = tmp_path / "run"
    supervisor.run_folder.prepare(held, folder, tick=lambda: None)
    execution = LocalExecutor().start(supervisor.RUNNER, folder)
    assert isinstance(execution, LocalExecution)
    assert until(lambda: any(b"epoch" in raw for _, raw in execution.read(0.2)), 30)
    execution._process.stdin.close()  # what the kernel does when a supervisor dies
    ended = until(lambda: execution.read(0.1) is not None and execution.status() is not None, 12)
    execution.close()
    assert ended
    assert execution.status() == 75


def test_the_program_sees_no_secret_and_no_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "of the hub")
    monkeypatch.setenv("DATABASE_URL_FOR_TEST", "postgres://…")
    folder = tmp_path / "run"
    folder.mkdir()
    execution = LocalExecutor().start([sys.executable, "-c", "import os; print(sorted(os.environ))"], folder)
    assert until(lambda: execution.status() is not None)
    seen = b"".join(raw for _, raw in [*execution.read(0), *execution.close()])
    assert b"PATH" in seen
    assert not any(word in seen for word in (b"SECRET", b"DATABASE", b"DJANGO"))


def test_runner_and_trainers_import_neither_django_nor_the_models():
    code = (
        "import sys, training.runner, training.packing, training.scoring, training.bundle\n"
        "from training.trainers.registry import trainers; trainers()\n"
        "heavy = {'django', 'sklearn', 'onnx', 'onnxruntime', 'skl2onnx', 'learning', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
