"""Attempts: one claim, writes under a token, and what becomes of the job of a worker that is lost."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from tests import people
from tests.factories import training as make
from training import patience
from training.actions import job, run
from training.actions.holding import LostRun
from training.hearing import Line, Point, Progress
from training.models import ExitReason, JobStatus, MetricPoint, ModelVersion, RunLog, RunState, TrainingJob, TrainingRun

LATE = timedelta(minutes=5)
SENTENCE = "It was begun 3 times and did not come to its end. The last time: The worker fell silent."


def line(seq, text="x"):
    return Line(seq, datetime.now(UTC), "info", text)


def silence(held):
    TrainingRun.objects.filter(pk=held.pk).update(heartbeat_at=timezone.now() - LATE)


@pytest.mark.django_db
def test_claim_takes_the_oldest_and_notes_what_it_is_trained_on():
    ada = people.ada()
    first = make.training_job(ada)
    make.training_job(ada, first.dataset_version)
    held = run.claim("training.cpu", "w1")
    assert (held.job, held.attempt, held.state, held.worker) == (first, 1, RunState.CLAIMED, "w1")
    assert (held.examples_hash, held.example_count) == (first.dataset_version.fingerprint, 40)
    assert held.lock_hash.startswith("sha256:")
    assert held.hardware["cpus"] >= 1
    assert run.claim("training.gpu", "w1") is None
    assert run.claim("training.cpu", "w2").job != first
    assert run.claim("training.cpu", "w3") is None


@pytest.mark.django_db
def test_report_keeps_lines_points_and_progress_once():
    made = make.training_job(people.ada())
    held = run.claim("training.cpu", "w1")
    run.begin(held)
    for _ in range(2):
        run.report(
            held, progress=Progress(40, 4, 10, seconds_left=90.0), points=[Point("loss", 1, 0.5)], lines=[line(1), line(2)]
        )
    made.refresh_from_db()
    assert (made.progress_percent, made.current_epoch, made.total_epochs) == (40, 4, 10)
    assert timedelta(seconds=60) < made.estimated_completion - timezone.now() <= timedelta(seconds=90)
    assert (RunLog.objects.count(), MetricPoint.objects.count()) == (2, 1)
    run.report(held, points=[Point("loss", 1, 9.9), Point("loss", 2, 0.25), Point("lr", 2, 1e-7)], lines=[line(3, "tab\there")])
    assert sorted(MetricPoint.objects.values_list("name", "step", "value")) == [
        ("loss", 1, 0.5),
        ("loss", 2, 0.25),
        ("lr", 2, 1e-7),
    ]
    assert RunLog.objects.get(seq=3).text == "tab\there"


@pytest.mark.django_db
def test_nothing_of_a_worker_that_was_given_up_lands():
    made = make.training_job(people.ada())
    slow = run.claim("training.cpu", "slow")
    run.begin(slow)
    silence(slow)
    assert run.reap_lost() == 1
    quick = run.claim("training.cpu", "quick")
    run.begin(quick)
    run.report(quick, progress=Progress(70))
    for write in (
        lambda: run.report(slow, progress=Progress(10), points=[Point("loss", 1, 9.0)], lines=[line(1, "late")]),
        lambda: run.fail(slow, reason=ExitReason.USER_ERROR, message="late"),
        lambda: run.finish(slow, scores={"accuracy": 0.1}),
        lambda: run.cancelled(slow),
        lambda: run.give_back(slow, message="late"),
    ):
        with pytest.raises(LostRun):
            write()
    made.refresh_from_db()
    slow.refresh_from_db()
    assert (made.status, made.progress_percent, slow.state) == (JobStatus.RUNNING, 70, RunState.LOST)
    assert not RunLog.objects.exists()
    assert not MetricPoint.objects.exists()
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_a_run_of_another_token_is_not_ones_own():
    make.training_job(people.ada())
    held = run.claim("training.cpu", "w1")
    thief = TrainingRun.objects.get(pk=held.pk)
    thief.token = "guessed"
    with pytest.raises(LostRun):
        run.report(thief)
    run.report(held)


@pytest.mark.django_db
def test_a_lost_job_waits_again_until_its_attempts_are_used():
    made = make.training_job(people.ada())
    for attempt in (1, 2, 3):
        held = run.claim("training.cpu", "w1")
        assert held.attempt == attempt
        assert run.reap_lost() == 0
        silence(held)
        assert run.reap_lost() == 1
        assert run.reap_lost() == 0
    made.refresh_from_db()
    assert (made.status, made.error_message) == (JobStatus.FAILED, SENTENCE)
    assert set(made.runs.values_list("exit_reason", flat=True)) == {ExitReason.WORKER_LOST}


@pytest.mark.django_db
def test_a_lost_job_that_was_to_be_cancelled_is_cancelled():
    ada = people.ada()
    made = make.training_job(ada)
    held = run.claim("training.cpu", "w1")
    job.cancel(made, by=ada)
    made.refresh_from_db()
    assert made.status == JobStatus.RUNNING
    silence(held)
    run.reap_lost()
    made.refresh_from_db()
    assert made.status == JobStatus.CANCELLED


@pytest.mark.django_db
def test_cancelling_takes_a_job_from_a_worker_that_is_silent_at_once():
    ada = people.ada()
    made = make.training_job(ada)
    held = run.claim("training.cpu", "w1")
    silence(held)
    assert job.cancel(made, by=ada).status == JobStatus.CANCELLED
    held.refresh_from_db()
    assert (held.state, held.exit_reason) == (RunState.CANCELLED, ExitReason.CANCELLED)
    with pytest.raises(LostRun):
        run.report(held, points=[Point("loss", 1, 9.0)])
    assert not MetricPoint.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_each_job_is_claimed_by_one():
    ada = people.ada()
    made = make.training_job(ada)
    for _ in range(3):
        make.training_job(ada, made.dataset_version)
    start, claims = threading.Barrier(8), []

    def work(number):
        start.wait()
        try:
            while held := run.claim("training.cpu", f"w{number}"):
                claims.append(held.job_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(claims) == sorted(TrainingJob.objects.values_list("pk", flat=True))
    assert TrainingRun.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_write_is_done_again_while_the_database_is_away_and_not_twice_where_only_its_answer_was_lost(monkeypatch):
    monkeypatch.setattr(patience, "AGAIN_SECONDS", 0)
    make.training_job(people.ada())
    held, away = run.claim("training.cpu", "w1"), [OperationalError("starting up"), InterfaceError("closed")]

    def begin():
        if away:
            raise away.pop()
        run.begin(held)
        return "begun"

    assert patience.patiently(held, begin) == "begun"

    def cancelled():
        run.cancelled(held)
        raise OperationalError("server closed the connection unexpectedly")

    assert patience.patiently(held, cancelled) is None
    assert TrainingRun.objects.get().state == RunState.CANCELLED
