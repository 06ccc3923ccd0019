"""Making, refreshing and freezing a dataset, and training on it, by its pages."""

import pytest
from django.urls import reverse

from tests import people
from tests.factories import training as rooms
from tests.pages import looking, said, text_of
from training.models import DatasetVersion, TrainingDataset, TrainingJob, VersionState

pytestmark = pytest.mark.django_db
SHARES = {"train": "80", "validation": "10", "test": "10"}


def freeze(person, dataset, **fields):
    form = {"version": "v1.0.0", "seed": "7", "release_notes": "", **SHARES, **fields}
    return looking(person).post(reverse("training:dataset-freeze", args=[dataset.pk]), form, follow=True)


def test_a_dataset_is_made_with_its_rule():
    rooms.module(people.ada())
    rooms.city(people.ada())
    form = {
        "name": "evening",
        "module": "meter_digits",
        "environment": "dev",
        "label_status": ["correct"],
        "cities": ["city_pune"],
    }
    response = looking(people.ada()).post(reverse("training:dataset-new"), form, follow=True)
    assert said(response) == ["The dataset was made; refresh it to gather samples."]
    assert TrainingDataset.objects.get().rule == {"label_status": ["correct"], "cities": ["city_pune"]}


def test_a_name_that_is_taken_is_refused_in_words():
    rooms.dataset_of(people.ada(), name="evening")
    form = {"name": "evening", "module": "meter_digits", "environment": "dev"}
    response = looking(people.ada()).post(reverse("training:dataset-new"), form, follow=True)
    assert said(response) == ["There is a dataset evening v0.1.0 already."]


def test_refresh_says_how_many_samples_were_added():
    dataset = rooms.dataset_of(people.ada())
    rooms.samples(people.ada(), 3)
    response = looking(people.ada()).post(reverse("training:dataset-refresh", args=[dataset.pk]), follow=True)
    assert said(response) == ["3 samples were added."]


def test_freeze_begins_a_version():
    rooms.samples(people.ada(), 3)
    freeze(people.ada(), rooms.dataset_of(people.ada()))
    version = DatasetVersion.objects.get()
    assert (version.state, version.seed, version.split["train"]) == (VersionState.FREEZING, 7, 0.8)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": "one"}, "A version is three numbers, like v1.0.0."),
        ({"test": "30"}, "must sum to 1"),
        ({"seed": "x"}, "Seed: Enter a whole number."),
    ],
)
def test_a_version_that_cannot_be_is_refused_in_words(fields, words):
    response = freeze(people.ada(), rooms.dataset_of(people.ada()), **fields)
    assert words in said(response)[0]
    assert not DatasetVersion.objects.exists()


def test_a_dataset_is_not_archived_by_who_only_looks_on():
    dataset = rooms.dataset_of(people.ada(), organization=people.acme())
    response = looking(people.olga()).post(reverse("training:dataset-archive", args=[dataset.pk]), follow=True)
    assert "You may not do this" in said(response)[0]
    dataset.refresh_from_db()
    assert dataset.status != "archived"


def test_a_version_that_freezes_is_asked_for_again_until_it_is_frozen():
    rooms.samples(people.ada(), 3)
    freeze(people.ada(), rooms.dataset_of(people.ada()))
    version = DatasetVersion.objects.get()
    address, ada = reverse("training:version", args=[version.pk]), looking(people.ada())
    assert "every 2s" in text_of(ada.get(address, headers={"HX-Request": "true"}))
    rooms.version.freeze(version.pk)
    page = text_of(ada.get(address))
    assert "every 2s" not in page
    assert "sha256:" in page


def test_a_job_is_queued_with_the_hyperparameters_of_the_chosen_trainer():
    rooms.samples(people.ada(), 3)
    version = rooms.frozen(people.ada())
    form = {"name": "wide", "trainer": "mlp_classifier", "seed": "3", "mlp_classifier.max_epochs": "4"}
    looking(people.ada()).post(reverse("training:version-train", args=[version.pk]), form, follow=True)
    job = TrainingJob.objects.get()
    assert (job.name, job.status, job.seed, job.hyperparameters["max_epochs"]) == ("wide", "queued", 3, 4)


def test_a_hyperparameter_out_of_bounds_is_refused_in_words():
    rooms.samples(people.ada(), 3)
    version = rooms.frozen(people.ada())
    form = {"name": "wide", "trainer": "mlp_classifier", "mlp_classifier.max_epochs": "-4"}
    response = looking(people.ada()).post(reverse("training:version-train", args=[version.pk]), form, follow=True)
    assert "greater than or equal to" in said(response)[0]
    assert not TrainingJob.objects.exists()
