"""What a rule would bring, what is in a dataset by class, city and split, and its samples narrowed by each."""

from typing import Any

import pytest
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.urls import reverse

from learning.models import City, LearningSample
from learning.naming import Names
from tests import people
from tests.factories import training as factory
from tests.pages import looking, said, text_of
from training.actions import dataset as dataset_verbs
from training.actions import growing, summing
from training.gathered import Narrowing, newest_version, places, preview, tables
from training.models import DatasetGrowth, DatasetSummary, TrainingSample
from training.rule import Rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return people.ada()


def test_a_preview_counts_what_is_selected_and_what_is_new_and_adds_nothing(ada):
    samples = factory.samples(ada, 14)
    dataset = factory.dataset_of(ada, rule={"label_status": ["changed"]})
    type(samples[0]).objects.filter(pk=samples[0].pk).update(is_gold=True)
    dataset_verbs.gather(dataset, type(samples[0]).objects.filter(pk__in=[samples[1].pk, samples[2].pk]))
    seen = preview(dataset, Rule.read({}))
    assert (seen.matching, seen.new, len(seen.samples), seen.is_small) == ("13", "11", 11, True)
    assert seen.samples[0].pk == samples[-1].pk
    assert preview(dataset, Rule.read(dataset.rule)).matching == "0"
    assert dataset.samples.count() == 2


def test_a_refresh_is_done_at_once_where_it_is_little_and_by_a_worker_where_it_is_much(ada, monkeypatch):
    factory.samples(ada, 5)
    dataset = dataset_verbs.add(by=ada, name="all", module=factory.module(ada))
    monkeypatch.setattr("training.gathered.PREVIEWED", 3)
    grown = growing.refresh(dataset, by=ada)
    assert isinstance(grown, DatasetGrowth)
    growing.run(grown.pk)
    monkeypatch.undo()
    factory.sample(dataset.module, factory.city(ada), 77)
    assert growing.refresh(dataset, by=ada) == 1
    assert dataset.samples.count() == 6


def test_what_it_holds_is_counted_once_for_each_change_and_narrows_its_samples(ada):
    module, pune, other = factory.module(ada), factory.city(ada), factory.city(ada, "city_goa")
    truths = [
        {"label": "1"},
        {"label": "2", "attributes": {"label": "1"}},  # a class by name only
        {"boxes": [{"label": "1", "bbox": [1, 1, 5, 5], "text": "2"}]},
        {"text": "čaj", "label": "3"},
    ]
    for number, truth in enumerate(truths * 2):
        factory.sample(module, pune if number < 5 else other, number, truth=truth)
    version = factory.frozen(ada, factory.dataset_of(ada), seed=3)
    dataset = version.dataset
    assert (summing.count_changed(), summing.count_changed()) == (1, 0)
    summary = DatasetSummary.objects.get(dataset=dataset)
    assert (summary.counted, summary.split_of, sum(cell[3] for cell in summary.cells)) == (8, "v1.0.0", 8)
    goa = tables(summary.cells, {"city_goa": "Goa"}, "city_goa")
    assert ({label: count for label, count, _ in goa["rows"]}, goa["city"]) == ({"1": 1, "2": 1, "3": 1}, "Goa")
    for label, _, numbers in goa["rows"]:  # class × split × city, where the page shows all cities or one
        assert sum(number for kind, _, number in numbers if kind == "split") == 1, label
        assert sum(number for kind, _, number in numbers if kind == "city") == {"1": 4, "2": 2, "3": 2}[label]
    held = tables(summary.cells, {"city_goa": "Goa"})
    assert {label: count for label, count, _ in held["rows"]} == {"1": 4, "2": 2, "3": 2}
    assert {"Goa", "city_pune", "train"} <= {column["title"] for column in held["columns"]}
    newest = newest_version(dataset)
    assert newest == version

    def count(**narrowing) -> int:
        return len(places(dataset, Narrowing(**narrowing, version=newest))[0])

    assert (count(label="1"), count(label="2"), count(label='1"'), count(city=City.objects.get(slug="city_goa"))) == (
        4,
        2,
        0,
        3,
    )
    assert sum(count(split=split) for split in ("train", "validation", "test")) == 8
    assert (count(split="none"), count(is_labeled=True), count(is_verified=True)) == (0, 8, 0)
    TrainingSample.objects.filter(dataset=dataset).first().delete()
    factory.sample(module, pune, 99)
    dataset_verbs.refresh(dataset, by=ada)
    assert (summing.count_changed(), count(split="none")) == (1, 1)


def test_a_class_is_found_by_its_name_alone_however_the_row_spells_it(ada):
    module, place = factory.module(ada), factory.city(ada)
    for number, truth in enumerate([{"text": "čaj 'x' \"y\" %"}, {"text": "čaj", "label": "2"}, {"boxes": []}, None]):
        factory.sample(module, place, number, truth=truth)
    LearningSample.objects.filter(truth__label="2").update(truth=RawSQL("""'{"label":"2","text":"čaj"}'""", ()))

    def found(label: str) -> list[Any]:
        rows = LearningSample.objects.filter(Q(Names("truth", label)))
        return [row.truth for row in rows.order_by("id")]

    assert found("čaj 'x' \"y\" %") == [{"text": "čaj 'x' \"y\" %"}]
    assert found("2") == [{"label": "2", "text": "čaj"}]
    assert not found("čaj")


def test_the_page_of_growing_shows_what_the_rule_would_add_and_what_is_under_way(ada):
    factory.samples(ada, 3)
    dataset = dataset_verbs.add(by=ada, name="all", module=factory.module(ada))
    address, browser = reverse("training:dataset-grow", args=[dataset.pk]), looking(ada)
    assert "<strong>3</strong> of them are not in the dataset yet" in text_of(browser.get(address))
    growth = growing.begin_by_rule(dataset, by=ada)
    assert "every 2s" in text_of(browser.get(address, headers={"HX-Request": "true"}))
    assert "It stops" in said(browser.post(reverse("training:growth-cancel", args=[growth.pk]), follow=True))[0]
    assert "every 2s" not in text_of(browser.get(address))
    assert looking(people.olga()).get(address).status_code in (403, 404)
