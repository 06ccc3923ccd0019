"""Datasets: what a rule gathers, and counts that stay true."""

import pytest

from core.errors import Conflict, Invalid, Refused
from core.hooks import SampleChange, samples_settled
from learning.models import SampleState
from tests import people
from tests.factories import training as make
from tests.factories.accounts import OrganizationFactory
from training.actions import dataset
from training.models import DatasetDelta, DatasetStatus, TrainingDataset, TrainingSample

pytestmark = pytest.mark.django_db


def counts(made):
    row = TrainingDataset.objects.with_counts().get(pk=made.pk)
    return row.sample_count, row.labeled_count, row.verified_count


def announce(one, new_state, truth="new"):
    one.refresh_from_db()
    change = SampleChange(one.pk, one.state, new_state, one.truth_sha256, truth)
    one.state, one.truth_sha256 = new_state, truth
    one.save()
    samples_settled.announce([change])


def test_refresh_gathers_settled_samples_once():
    ada = people.ada()
    rows = make.samples(ada, 5)
    rows[4].state = SampleState.PENDING
    rows[4].save()
    made = dataset.add(by=ada, name="digits", module=make.module(ada))
    assert made.status == DatasetStatus.DRAFT
    assert dataset.refresh(made, by=ada) == 4
    assert dataset.refresh(made, by=ada) == 0
    assert (made.status, counts(made)) == (DatasetStatus.ACTIVE, (4, 4, 0))
    first = TrainingSample.objects.filter(dataset=made).first()
    assert (first.pk.version, first.is_labeled, first.metadata) == (7, True, {})


def test_refresh_in_several_chunks_takes_each_sample_once(monkeypatch):
    ada = people.ada()
    make.samples(ada, 7)
    monkeypatch.setattr(dataset, "CHUNK", 3)
    made = dataset.add(by=ada, name="digits", module=make.module(ada))
    assert dataset.refresh(made, by=ada) == 7
    assert counts(made) == (7, 7, 0)
    assert DatasetDelta.objects.count() == 3


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"label_status": ["changed"]}, {"city_pune-1"}),
        ({"cities": ["city_mumbai"]}, {"city_mumbai-9"}),
        ({"min_quality": 0.9}, {"city_pune-2"}),
        ({"since": "2026-11-20T12:00:02Z", "until": "2026-11-20T12:00:03+00:00"}, {"city_pune-2"}),
        ({}, {"city_pune-0", "city_pune-1", "city_pune-2", "city_mumbai-9"}),
    ],
)
def test_a_rule_narrows_by_each_key(rule, expected):
    ada = people.ada()
    of, pune = make.module(ada), make.city(ada)
    make.sample(of, pune, 0)
    make.sample(of, pune, 1, label_status="changed")
    make.sample(of, pune, 2, image_quality_score=0.95)
    make.sample(of, make.city(ada, "city_mumbai"), 9)
    make.sample(make.module(ada, "other"), pune, 5)
    made = make.dataset_of(ada, rule=rule)
    assert set(TrainingSample.objects.filter(dataset=made).values_list("sample__sample_id", flat=True)) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "all",
        {"label_status": ["unsure"]},
        {"cities": ["nowhere"]},
        {"cities": "city_pune"},
        {"since": "yesterday"},
        {"min_quality": 2},
        {"min_quality": True},
        {"module": "x"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule):
    ada = people.ada()
    with pytest.raises(Invalid):
        dataset.add(by=ada, name="digits", module=make.module(ada), rule=rule)


def test_an_organization_gathers_from_its_own_cities_only():
    ada, acme, other = people.ada(), people.acme(), OrganizationFactory(slug="other")
    of = make.module(ada)
    make.sample(of, make.city(ada, "city_own", acme), 0)
    make.sample(of, make.city(ada, "city_other", other), 1)
    make.sample(of, make.city(ada, "city_ours"), 2)
    made = make.dataset_of(ada, organization=acme)
    assert TrainingSample.objects.get(dataset=made).sample.sample_id == "city_own-0"


def test_a_truth_that_changes_is_counted():
    ada = people.ada()
    one, two, _ = make.samples(ada, 3)
    made, again = make.dataset_of(ada), make.dataset_of(ada, name="again")
    announce(one, SampleState.PENDING, "")
    announce(one, SampleState.PENDING, "")
    assert counts(made) == counts(again) == (3, 2, 0)
    announce(one, SampleState.SETTLED)
    assert counts(made) == (3, 3, 0)
    TrainingSample.objects.filter(dataset=made, sample=two).update(is_verified=True)
    DatasetDelta.objects.create(dataset=made, verified=1)
    announce(two, SampleState.SETTLED, "another")
    assert counts(made) == (3, 3, 0)


def test_folding_keeps_the_sums():
    ada = people.ada()
    make.samples(ada, 2)
    made = make.dataset_of(ada)
    DatasetDelta.objects.bulk_create(DatasetDelta(dataset=made, samples=1, labeled=1) for _ in range(60))
    assert dataset.fold_deltas() == 1
    assert counts(made) == (62, 62, 0)
    assert DatasetDelta.objects.filter(dataset=made).count() == 1
    assert dataset.fold_deltas() == 0


def test_a_name_is_taken_once():
    ada = people.ada()
    dataset.add(by=ada, name="digits", module=make.module(ada))
    with pytest.raises(Conflict):
        dataset.add(by=ada, name="digits", module=make.module(ada))
    dataset.add(by=ada, name="digits", module=make.module(ada), version="v0.2.0")
    dataset.add(by=ada, name="digits", module=make.module(ada), organization=people.acme())


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x" * 121}, {"version": "one"}, {"environment": "moon"}])
def test_bad_fields_are_refused(fields):
    ada = people.ada()
    with pytest.raises(Invalid):
        dataset.add(**{"by": ada, "name": "digits", "module": make.module(ada), **fields})


def test_an_archived_dataset_changes_no_more():
    ada = people.ada()
    made = dataset.add(by=ada, name="digits", module=make.module(ada))
    dataset.revise(made, by=ada, name="numbers", rule={"min_quality": 0.5})
    made.refresh_from_db()
    assert (made.name, made.rule) == ("numbers", {"min_quality": 0.5})
    dataset.archive(made, by=ada)
    dataset.archive(made, by=ada)
    for verb in (dataset.refresh, dataset.revise):
        with pytest.raises(Conflict):
            verb(made, by=ada)


@pytest.mark.parametrize("person", ["rhea", "ann", "olga", "cy"])
def test_only_super_admins_manage_datasets(person):
    ada, other = people.ada(), getattr(people, person)()
    made = dataset.add(by=ada, name="digits", module=make.module(ada))
    with pytest.raises(Refused):
        dataset.add(by=other, name="mine", module=make.module(ada))
    for verb in (dataset.refresh, dataset.revise, dataset.archive):
        with pytest.raises(Refused):
            verb(made, by=other)
