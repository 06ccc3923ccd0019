"""The page of a job: alive while it runs, and quiet afterwards."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests import people
from tests.factories.training_models import ModelVersionFactory
from tests.factories.world import world
from tests.pages import looking, said, text_of
from training.models import JobStatus, MetricPoint, RunState, TrainingJob, TrainingRun
from training.models.run import ExitReason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def job():
    return world().job


def test_a_running_job_is_asked_for_every_two_seconds_and_answers_with_what_moves(job):
    fragment = text_of(looking(people.ada()).get(reverse("training:job", args=[job.pk]), headers=HTMX))
    assert "every 2s" in fragment
    assert "<html" not in fragment
    assert "Epoch 2 of 5" in fragment
    assert "epoch 2 of 5" in fragment
    assert "<polyline" in fragment


def test_a_job_that_ended_is_not_asked_for_again(job):
    TrainingJob.objects.update(status=JobStatus.COMPLETED)
    assert "every 2s" not in text_of(looking(people.ada()).get(reverse("training:job", args=[job.pk]), headers=HTMX))


def test_a_running_job_is_asked_to_stop(job):
    response = looking(people.ada()).post(reverse("training:job-cancel", args=[job.pk]), follow=True)
    assert said(response) == ["The job is asked to stop."]
    job.refresh_from_db()
    assert job.cancel_requested_at is not None


def test_a_job_that_ended_cannot_be_cancelled(job):
    TrainingJob.objects.update(status=JobStatus.FAILED)
    response = looking(people.ada()).post(reverse("training:job-cancel", args=[job.pk]), follow=True)
    assert "nothing to cancel" in said(response)[0]


def test_the_curve_stands_beneath_as_a_table(job):
    page = text_of(looking(people.ada()).get(reverse("training:job", args=[job.pk])))
    assert "As a table" in page
    assert '<td class="number">0.25</td>' in page


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (ExitReason.USER_ERROR, "The last lines of the log say where"),
        (ExitReason.OUT_OF_MEMORY, "with a smaller batch"),
        (ExitReason.WORKER_LOST, "machine is up"),
        (ExitReason.TIMEOUT, "with fewer epochs"),
    ],
)
def test_a_failed_job_says_why_and_what_to_do_next(job, reason, words):
    TrainingJob.objects.update(status=JobStatus.FAILED, error_message="Exit code 1.")
    TrainingRun.objects.update(state=RunState.FAILED, exit_reason=reason)
    page = text_of(looking(people.ada()).get(reverse("training:job", args=[job.pk])))
    assert words in page
    assert "Exit code 1." in page


def test_a_job_is_run_again_with_changes(job):
    TrainingJob.objects.update(status=JobStatus.FAILED, seed=5, hyperparameters={"hidden_units": 48})
    ada = looking(people.ada())
    again = re.search(r'href="([^"]*\?again=[^"]*)"', text_of(ada.get(reverse("training:job", args=[job.pk]))))[1]
    form = ada.get(again).context["train_form"]
    assert form["seed"].initial == 5
    assert form["mlp_classifier.hidden_units"].initial == 48
    assert form["trainer"].initial == "mlp_classifier"


@pytest.mark.parametrize("again", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_what_is_no_job_fills_nothing_in(job, again):
    there = reverse("training:version", args=[job.dataset_version_id])
    assert looking(people.ada()).get(there, {"again": again}).context["like"] is None


def test_the_best_earlier_job_stands_beside(job):
    model = ModelVersionFactory(module=job.module, accuracy=0.93)
    earlier = TrainingJob.objects.create(
        name="the good one",
        module=job.module,
        dataset=job.dataset,
        dataset_version=job.dataset_version,
        trainer=job.trainer,
        status=JobStatus.COMPLETED,
        metrics={"accuracy": 0.93},
        output_model_version=model,
        created_by=people.ada(),
    )
    TrainingJob.objects.filter(pk=earlier.pk).update(created_at=job.created_at - timedelta(days=1))
    run = TrainingRun.objects.create(
        job=earlier, attempt=1, state="succeeded", token="t", heartbeat_at=timezone.now(), modality="m"
    )
    MetricPoint.objects.create(run=run, name="accuracy", step=1, value=0.93)
    page = text_of(looking(people.ada()).get(reverse("training:job", args=[job.pk])))
    assert "the good one" in page
    assert "accuracy of the best earlier job" in page


def test_the_form_says_how_long_earlier_trainings_took_and_what_the_plan_has_left(job):
    version, ada = job.dataset_version, people.ada()
    began = timezone.now() - timedelta(hours=2)
    for minutes in (4, 6, 20):
        TrainingJob.objects.create(
            name=f"took {minutes}",
            module=job.module,
            dataset=job.dataset,
            dataset_version=version,
            trainer="mlp_classifier",
            status=JobStatus.COMPLETED,
            started_at=began,
            completed_at=began + timedelta(minutes=minutes),
            created_by=ada,
        )
    type(version).objects.filter(pk=version.pk).update(sample_count=100)
    there = reverse("training:version", args=[version.pk])
    page = text_of(looking(ada).get(there))
    assert "about 6 min" in page
    assert "4 min to 20 min by 3 earlier trainings" in page
    assert "plan's" not in page
    type(job.dataset).objects.filter(pk=job.dataset_id).update(organization=people.acme())
    TrainingJob.objects.filter(name="took 4").update(
        organization=job.dataset.__class__.objects.get(pk=job.dataset_id).organization
    )
    assert "9 of the plan's 10 trainings of this month are left." in text_of(looking(ada).get(there)).replace("&#x27;", "'")


def test_wrong_labels_are_looked_for_where_the_form_says_so(job):
    chosen = {"name": "looks", "trainer": "baseline_knn", "score_folds": "4"}
    looking(people.ada()).post(reverse("training:version-train", args=[job.dataset_version_id]), chosen)
    assert TrainingJob.objects.get(name="looks").training_config == {"score_folds": 4}
