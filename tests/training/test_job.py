"""Jobs: what is queued, refused, taken back, and counted against a plan."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.errors import Conflict, Invalid, Missing, Refused
from tests import people
from tests.factories import training as make
from tests.factories.accounts import OrganizationFactory
from tests.factories.training_models import ModelVersionFactory
from training.actions import job, job_grid, run, version
from training.models import JobKind, JobStatus, TrainingJob

pytestmark = pytest.mark.django_db


def test_a_job_waits_with_all_its_hyperparameters():
    made = make.training_job(people.ada(), hyperparameters={"hidden_units": 8.0})
    assert (made.status, made.kind, made.queue) == (JobStatus.QUEUED, JobKind.TRAIN, "training.cpu")
    assert made.hyperparameters["hidden_units"] == 8
    assert isinstance(made.hyperparameters["hidden_units"], int)
    assert made.hyperparameters["max_epochs"] == 60


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"trainer": "magic"}, "no trainer"),
        ({"hyperparameters": {"hidden_units": 0}}, "hidden_units must be from"),
        ({"hyperparameters": {"hidden_units": 1.5}}, "whole number"),
        ({"hyperparameters": {"hidden_units": "8"}}, "a number"),
        ({"hyperparameters": {"hidden_units": True}}, "a number"),
        ({"hyperparameters": {"learning_rate": float("nan")}}, "from"),
        ({"hyperparameters": {"color": "CMYK"}}, "one of"),
        ({"hyperparameters": {"depth": 3}}, "not a hyperparameter"),
        ({"hyperparameters": [1]}, "object"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"user_id": "x" * 121}, "user_id"),
        ({"seed": 2**63}, "64 bits"),
        ({"description": "x" * 10_001}, "description"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(options, word):
    ada = people.ada()
    with pytest.raises(Invalid, match=word):
        make.training_job(ada, **options)
    assert not TrainingJob.objects.exists()


def test_a_job_needs_a_frozen_version_of_its_module():
    ada = people.ada()
    make.samples(ada, 4)
    frozen = make.frozen(ada)
    with pytest.raises(Invalid, match="another module"):
        make.training_job(ada, frozen, module=make.module(ada, "other"))
    begun = version.create(frozen.dataset, by=ada, version="v1.1.0")
    with pytest.raises(Conflict, match="frozen version"):
        make.training_job(ada, begun)
    version.archive(frozen, by=ada)
    with pytest.raises(Conflict):
        make.training_job(ada, frozen)


def test_a_grid_is_a_job_for_each_combination_or_none():
    ada = people.ada()
    frozen = make.training_job(ada).dataset_version
    facts = {"by": ada, "name": "try", "module": frozen.dataset.module, "dataset_version": frozen, "trainer": "mlp_classifier"}
    asked = job_grid.read("hidden_units = 4, 8; learning_rate=0.01,0.1")
    first = job_grid.create(grid=asked, hyperparameters={"max_epochs": 2}, **facts)
    together = TrainingJob.objects.filter(grid=first.grid).order_by("created_at")
    chosen = [(one.hyperparameters["hidden_units"], one.hyperparameters["learning_rate"]) for one in together]
    assert chosen == [(4, 0.01), (4, 0.1), (8, 0.01), (8, 0.1)]
    assert {one.hyperparameters["max_epochs"] for one in together} == {2}
    assert first.name == "try: hidden_units 4, learning_rate 0.01"
    known = TrainingJob.objects.count()
    for grid in (
        {},
        [],
        {"hidden_units": [4]},
        {"hidden_units": list(range(1, 18))},
        {"hidden_units": 4},
        {"hidden_units": "48"},
    ):
        with pytest.raises(Invalid, match="grid"):
            job_grid.create(grid=grid, **facts)
    with pytest.raises(Invalid, match="hidden_units"):
        job_grid.create(grid={"hidden_units": [4, 0]}, **facts)
    for text in ("hidden_units", "a=1;a=2"):
        with pytest.raises(Invalid):
            job_grid.read(text)
    assert TrainingJob.objects.count() == known


def test_a_trainer_that_learns_nothing_starts_from_no_base():
    ada = people.ada()
    made = make.training_job(ada)
    base = ModelVersionFactory(module=made.module)
    with pytest.raises(Invalid, match="starts from nothing"):
        make.training_job(ada, made.dataset_version, trainer="baseline_knn", hyperparameters={}, base_model_version=base)


@pytest.mark.parametrize(
    "config", [{"gpu": 1}, {"time_limit_seconds": 0}, {"time_limit_seconds": True}, {"time_limit_seconds": "1"}]
)
def test_the_training_config_may_hold_a_time_limit(config):
    ada = people.ada()
    made = make.training_job(ada, training_config={"time_limit_seconds": 60})
    assert made.training_config == {"time_limit_seconds": 60}
    with pytest.raises(Invalid, match="time"):
        make.training_job(ada, made.dataset_version, training_config=config)


def test_a_trainer_is_for_its_tasks():
    ada = people.ada()
    make.samples(ada, 4)
    frozen = make.frozen(ada)
    frozen.dataset.module.task = "text"
    with pytest.raises(Invalid, match="is for classification"):
        make.training_job(ada, frozen)


def test_only_super_admins_run_and_cancel_jobs():
    ada = people.ada()
    made = make.training_job(ada)
    for other in (people.rhea(), people.ann(), people.olga(), people.cy()):
        with pytest.raises(Refused):
            make.training_job(other, made.dataset_version)
        with pytest.raises(Refused):
            job.cancel(made, by=other)


def test_a_plan_bounds_the_jobs_of_a_month():
    ada, acme = people.ada(), people.acme()
    make.samples(ada, 4)
    frozen = make.frozen(ada)
    for _ in range(10):
        made = make.training_job(ada, frozen, organization=acme)
    with pytest.raises(Refused, match="10 training jobs a month"):
        make.training_job(ada, frozen, organization=acme)
    TrainingJob.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=32))
    make.training_job(ada, frozen, organization=acme)
    make.training_job(ada, frozen)
    with pytest.raises(Refused):
        make.training_job(ada, frozen, organization=people.petty())


def test_one_customers_samples_make_no_other_model():
    ada, acme = people.ada(), people.acme()
    make.sample(make.module(ada), make.city(ada, "city_own", acme), 1)
    frozen = make.frozen(ada, make.dataset_of(ada, organization=acme))
    with pytest.raises(Missing):
        make.training_job(ada, frozen)
    with pytest.raises(Missing):
        make.training_job(ada, frozen, organization=OrganizationFactory(slug="other"))
    make.training_job(ada, frozen, organization=acme)


def test_cancelling_a_waiting_job_ends_it_and_twice_is_once():
    ada = people.ada()
    made = make.training_job(ada)
    assert job.cancel(made, by=ada).status == JobStatus.CANCELLED
    assert job.cancel(made, by=ada).status == JobStatus.CANCELLED
    assert run.claim("training.cpu", "w1") is None


def test_cancelling_a_running_job_asks_it_to_stop():
    ada = people.ada()
    made = make.training_job(ada)
    held = run.claim("training.cpu", "w1")
    asked = job.cancel(made, by=ada).cancel_requested_at
    assert asked is not None
    assert job.cancel(made, by=ada).cancel_requested_at == asked
    assert run.report(held) is True
    run.cancelled(held)
    made.refresh_from_db()
    assert made.status == JobStatus.CANCELLED


def test_what_has_ended_is_not_cancelled():
    ada = people.ada()
    made = make.training_job(ada)
    run.fail(run.claim("training.cpu", "w1"), reason="user_error", message="It broke.")
    with pytest.raises(Conflict, match="failed"):
        job.cancel(made, by=ada)


def test_the_sweeper_wakes_each_queue_once():
    ada = people.ada()
    assert job.sweep_queued() == 0
    made = make.training_job(ada)
    make.training_job(ada, made.dataset_version)
    assert job.sweep_queued() == 1


@pytest.mark.parametrize("user_id", ["../x", "a/b", "", " a", "a" * 65, ".hidden", "ü"])
def test_a_user_id_never_leads_out_of_its_folder(user_id):
    ada = people.ada()
    if user_id == "":
        assert make.training_job(ada, user_id=user_id).user_id == ""
        return
    with pytest.raises(Invalid, match="user_id"):
        make.training_job(ada, user_id=user_id)
