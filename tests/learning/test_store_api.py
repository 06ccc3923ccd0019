"""Reading the store over HTTP: modules, cities, samples; each sees what is within reach."""

import pytest

from tests import people
from tests.factories.learning import delivered, item, opened, pune, vehicles
from tests.learning.test_batch_api import Caller

pytestmark = pytest.mark.django_db
SAMPLES = "/api/v1/learning/samples"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_list_of_samples_pages_by_cursor(slash):
    vehicles()
    rows = delivered(pune(), 5)
    caller = Caller(people.rhea())
    first = caller.get(f"{SAMPLES}{slash}?page_size=3").json()
    second = caller.get(f"{SAMPLES}?page_size=3&cursor={first['next']}").json()
    shown = [row["sample_id"] for row in first["results"] + second["results"]]
    assert shown == [row.sample_id for row in reversed(rows)]
    assert second["next"] is None
    assert first["results"][0]["ai_module"] == "vehicles"
    assert first["results"][0]["truth"] == {"label": "car"}


def test_a_list_is_filtered():
    vehicles()
    delivered(pune(), 2)
    delivered(pune("city_goa"), 1, label_status="changed", correction={"label": "bus"})
    caller = Caller(people.rhea())
    for query, count in (
        ("ai_module=vehicles", 3),
        ("ai_module=none", 0),
        ("city=city_goa", 1),
        ("label_status=correct", 2),
        ("state=settled", 3),
        ("state=pending", 0),
        ("batch=batch_city_goa_20261120", 1),
    ):
        assert len(caller.get(f"{SAMPLES}?{query}").json()["results"]) == count, query


@pytest.mark.parametrize("query", ["cursor=x", "cursor=WyJhIiwiYiJd", "page_size=0", "page_size=501", "state=odd", "city=%00"])
def test_a_bad_query_is_400(query):
    assert Caller(people.rhea()).get(f"{SAMPLES}?{query}").status_code == 400


def test_unverified_samples_are_shown_to_nobody():
    vehicles()
    city = pune()
    from learning.actions import batch as batches

    [answer] = batches.add_items(opened(city), [item()], by=city.user)
    caller = Caller(people.rhea())
    assert caller.get(SAMPLES).json()["results"] == []
    assert caller.get(f"{SAMPLES}/{answer['sample_id']}").status_code == 404


def test_an_organization_sees_its_own_cities_samples_and_no_images():
    vehicles()
    [own] = delivered(pune(organization=people.acme()), 1)
    [other] = delivered(pune("city_goa"), 1)
    olga = Caller(people.olga())
    assert [row["sample_id"] for row in olga.get(SAMPLES).json()["results"]] == [own.sample_id]
    assert olga.get(f"{SAMPLES}/{own.sample_id}").json()["image_url"] is None
    assert olga.get(f"{SAMPLES}/{other.sample_id}").status_code == 404
    assert [row["slug"] for row in olga.get("/api/v1/learning/cities").json()["results"]] == ["city_pune"]


def test_one_sample_with_its_labels_and_images():
    vehicles()
    [sample] = delivered(pune(), 1)
    told = Caller(people.rhea()).get(f"{SAMPLES}/{sample.sample_id}/").json()
    assert told["labels"][0]["label_source"] == "correction"
    assert told["image_url"] != told["thumbnail_url"]
    assert told["image_reference"].endswith(sample.object.name)


@pytest.mark.parametrize("path", [SAMPLES, "/api/v1/learning/cities", "/api/v1/learning/modules"])
def test_strangers_see_nothing(path):
    assert Caller().get(path).status_code == 401
    assert Caller(people.cy()).get(path).status_code == 403


def test_whoever_works_with_a_module_reads_its_schema():
    vehicles(reasons=["blurred"])
    for person in (people.ann(), people.rhea(), people.olga(), pune().user):
        [module] = Caller(person).get("/api/v1/learning/modules").json()["results"]
        assert [label["name"] for label in module["schema"]["labels"]] == ["car", "bus", "bicycle"]


def test_a_page_of_samples_takes_few_statements(django_assert_max_num_queries):
    vehicles()
    delivered(pune(), 4)
    caller = Caller(people.rhea())
    caller.get(SAMPLES)
    with django_assert_max_num_queries(2):
        caller.get(SAMPLES)
