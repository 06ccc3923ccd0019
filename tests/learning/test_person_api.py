"""People, images and collections over HTTP: for the hub's own people only."""

from decimal import Decimal

import pytest

from learning.models import CollectionSession, Image, Person
from tests import people
from tests.factories.people import faces_module, somebody
from tests.learning.test_batch_api import Caller

pytestmark = pytest.mark.django_db
LEARNING = "/api/v1/learning"


def test_people_are_listed_narrowed_and_told():
    novak = somebody(images_of=5, status="in_training", wikidata_id="Q5812")
    somebody("Ana Ivanović", domain="other", wikidata_id="Q5812")
    rhea = Caller(people.rhea())
    for query, count in (
        ("", 2),
        ("status=in_training", 1),
        ("domain=other", 1),
        ("trainable=true", 1),
        ("trainable=false", 1),
        ("needs_more=true", 1),
        ("consent=true", 0),
        ("wikidata_id=Q5812", 2),
        ("session_id=abc", 0),
    ):
        assert len(rhea.get(f"{LEARNING}/people?{query}").json()["results"]) == count, query
    for query in ("status=odd", "trainable=1", "domain=%00", "cursor=x"):
        assert rhea.get(f"{LEARNING}/people?{query}").status_code == 400, query
    told = rhea.get(f"{LEARNING}/people/{novak.pk}/").json()
    assert (told["normalized_name"], told["total_images"], told["hindrance"], told["consent"]) == (
        "novak_djokovic",
        5,
        "",
        False,
    )
    assert rhea.get(f"{LEARNING}/people/99999").status_code == 404


def test_images_come_with_signed_addresses_and_their_terms():
    novak = somebody(images_of=2)
    rhea = Caller(people.rhea())
    rows = rhea.get(f"{LEARNING}/images?person={novak.pk}").json()["results"]
    assert len(rows) == 2
    assert rows[0]["is_validated"] is True
    assert rows[0]["image_url"] != rows[0]["thumbnail_url"]
    for query, count in (("source=import", 2), ("source=serp", 0), ("is_validated=false", 0), ("person=99", 0)):
        assert len(rhea.get(f"{LEARNING}/images?{query}").json()["results"]) == count, query
    for query in ("source=x", "person=x", "is_validated=x"):
        assert rhea.get(f"{LEARNING}/images?{query}").status_code == 400, query
    pk = Image.objects.first().pk
    assert rhea.get(f"{LEARNING}/images/{pk}").json()["reference"]
    assert rhea.post(f"{LEARNING}/images/{pk}/validate", {}).status_code == 403
    assert Caller(people.ada()).post(f"{LEARNING}/images/{pk}/validate", {}).json()["is_validated"] is True


def test_consent_is_given_and_withdrawn():
    novak = somebody()
    ada = Caller(people.ada())
    assert ada.post(f"{LEARNING}/people/{novak.pk}/consent", {"consent": True}).json()["consent"] is True
    assert ada.post(f"{LEARNING}/people/{novak.pk}/consent", {"consent": False}).json()["consent"] is False
    assert ada.post(f"{LEARNING}/people/{novak.pk}/consent", {}).status_code == 400
    assert Caller(people.rhea()).post(f"{LEARNING}/people/{novak.pk}/consent", {"consent": True}).status_code == 403


def test_a_collection_is_begun_looked_at_cancelled_and_gone_on_with():
    faces_module()
    ada = Caller(people.ada())
    body = {"domain": "serbia", "ai_module": "people", "occupation": "tennis player", "names": ["Q5812"], "people": 3}
    answer = ada.post(f"{LEARNING}/collections", body)
    assert (answer.status_code, answer.json()["status"]) == (201, "processing")
    here = f"{LEARNING}/collections/{answer.json()['session_id']}"
    assert ada.get(here).json()["plan"]["names"] == ["Q5812"]
    assert ada.post(f"{here}/cancel", {}).json()["status"] == "cancelled"
    assert ada.post(f"{here}/resume", {}).json()["status"] == "processing"
    assert ada.post(f"{here}/resume", {}).status_code == 409
    assert len(ada.get(f"{LEARNING}/collections?status=processing").json()["results"]) == 1
    assert ada.post(f"{LEARNING}/collections", {**body, "people": 0}).status_code == 400
    assert ada.post(f"{LEARNING}/collections", {**body, "domain": "a\nb"}).status_code == 422
    assert ada.post(f"{LEARNING}/collections", {**body, "ai_module": "none"}).status_code == 404
    assert ada.post(f"{LEARNING}/collections", {**body, "use_serp": True}).status_code == 409
    rhea = Caller(people.rhea())
    assert rhea.get(here).status_code == 200
    for verb in (f"{LEARNING}/collections", f"{here}/cancel", f"{here}/resume"):
        assert rhea.post(verb, body).status_code == 403


def test_the_four_questions():
    somebody(images_of=1, status="in_training", wikidata_id="Q1")
    somebody("Ana", domain="other", wikidata_id="Q1", images_from_wikimedia=9, images_from_serp=1, total_images=10)
    CollectionSession.objects.create(domain="d", module=faces_module(), estimated_serp_cost=Decimal("1.50"), searches=100)
    told = Caller(people.rhea()).get(f"{LEARNING}/people/figures").json()
    [sources] = told["sources"]
    assert (sources["people"], sources["images"], sources["imported"], sources["cost_saving_percent"]) == (2, 11, 1, 90.0)
    assert [(row["normalized_name"], row["missing"]) for row in told["needing_more"]] == [("novak_djokovic", 39)]
    assert told["cost"][0]["cost"] == Decimal("1.50") or told["cost"][0]["cost"] == "1.50"
    assert told["duplicates"] == [{"wikidata_id": "Q1", "people": 2, "names": "serbia/novak_djokovic other/ana"}]


@pytest.mark.parametrize("path", ["people", "images", "collections", "people/figures"])
def test_customers_and_annotators_see_nothing_of_people(path):
    assert Caller(people.olga()).get(f"{LEARNING}/{path}").status_code == 403
    assert Caller(people.ann()).get(f"{LEARNING}/{path}").status_code == 403
    assert Caller().get(f"{LEARNING}/{path}").status_code == 401
    assert Person.objects.count() == 0
