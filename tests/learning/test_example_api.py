"""Examples over HTTP: in as a file or by reference, listed, judged, and told without what is not for everyone's eyes."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from learning.models import TrainingExample
from tests import people
from tests.factories.learning import gestures, npz
from tests.learning.test_batch_api import Caller

pytestmark = pytest.mark.django_db
EXAMPLES = "/api/v1/learning/examples"


def sent(caller, number=0, content=None, **said):
    form = {"modality": "gestures", "user_id": "u-1", "label": "wave", **said}
    file = SimpleUploadedFile("wave.npz", npz(number) if content is None else content)
    return Client().post(EXAMPLES, {**form, "file": file}, headers=caller.headers)


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_example_comes_in_as_a_file_and_is_told_in_the_seeds_words(slash):
    gestures()
    ada = Caller(people.ada())
    answer = sent(ada, session_id="s-1", label_status="confirmed", consent_given="true", timestamp="2026-11-20T12:00:00Z")
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["label"], told["label_status"], told["encoding"], told["dims"], told["shape"]) == (
        "wave",
        "confirmed",
        "hand_v1",
        6,
        [4, 6],
    )
    assert told["features_hash"].startswith("sha256:")
    assert told["features_uri"]
    assert told["features_url"]
    assert sent(ada).status_code == 200
    assert Caller(people.rhea()).get(f"{EXAMPLES}/{told['example_id']}{slash}").json()["sample_id"] == told["sample_id"]


def test_features_of_the_store_are_named_by_reference():
    gestures()
    ada = Caller(people.ada())
    reference = sent(ada).json()["features_uri"]
    body = {"modality": "gestures", "user_id": "u-2", "label": "point", "features_uri": reference}
    assert ada.post(EXAMPLES, body).status_code == 201
    assert ada.post(EXAMPLES, body).status_code == 200
    answer = ada.post(EXAMPLES, {**body, "features_uri": "s3://somewhere/else.npz"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:command-centre:reference_unknown")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"label": "jump"}, 422),
        ({"content": b"no npz"}, 422),
        ({"modality": "nothing"}, 404),
        ({"modality": "a\0b"}, 400),
        ({"user_id": ""}, 400),
        ({"record_id": "x"}, 400),
        ({"label_status": "odd"}, 400),
        ({"features_uri": "s3://x/y"}, 400),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(said, status):
    gestures()
    answer = sent(Caller(people.ada()), **said)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert not TrainingExample.objects.exists()


def test_a_list_is_narrowed_and_paged():
    gestures()
    ada = Caller(people.ada())
    for number, user in enumerate(("u-1", "u-1", "u-2")):
        assert sent(ada, number, user_id=user, label=("wave", "point", "wave")[number], session_id=user).status_code == 201
    for query, count in (("", 3), ("user_id=u-1", 2), ("label=wave", 2), ("user_id=u-1&modality=gestures&label=wave", 1)):
        assert len(ada.get(f"{EXAMPLES}?{query}").json()["results"]) == count, query
    for query, count in (
        ("label_status=unconfirmed", 3),
        ("label_status=confirmed", 0),
        ("session_id=u-2", 1),
        ("user_id=x", 0),
    ):
        assert len(ada.get(f"{EXAMPLES}?{query}").json()["results"]) == count, query
    seen, cursor = [], ""
    while cursor is not None:
        page = ada.get(f"{EXAMPLES}?page_size=2&cursor={cursor}").json()
        seen += [row["example_id"] for row in page["results"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 3
    for query in ("label_status=odd", "user_id=%00", "cursor=x", "page_size=0"):
        assert ada.get(f"{EXAMPLES}?{query}").status_code == 400, query


def test_a_label_is_confirmed_corrected_and_verified():
    gestures()
    ada = Caller(people.ada())
    here = f"{EXAMPLES}/{sent(ada).json()['example_id']}"
    assert ada.post(f"{here}/confirm", {}).json()["label_status"] == "confirmed"
    told = ada.post(f"{here}/correct", {"label": "point"}).json()
    assert (told["label"], told["label_status"]) == ("point", "corrected")
    assert ada.post(f"{here}/verify", {"decision": "correct", "label": "wave"}).json()["label_status"] == "confirmed"
    assert ada.post(f"{here}/verify", {"decision": "confirm"}).json()["label"] == "wave"
    assert ada.post(f"{here}/verify", {"decision": "correct"}).status_code == 400
    assert ada.post(f"{here}/correct", {"label": "jump"}).status_code == 422
    assert ada.post(f"{here}/consent", {"consent_given": True}).json()["consent_given"] is True
    for verb, body in (("confirm", {}), ("correct", {"label": "wave"}), ("verify", {"decision": "confirm"}), ("consent", {})):
        assert Caller(people.rhea()).post(f"{here}/{verb}", body).status_code == 403


def test_a_customer_sees_no_examples_and_strangers_nothing():
    gestures()
    pk = sent(Caller(people.ada())).json()["example_id"]
    olga = Caller(people.olga())
    assert olga.get(EXAMPLES).json()["results"] == []
    assert olga.get(f"{EXAMPLES}/{pk}").status_code == 404
    assert sent(olga).status_code == 403
    assert Caller().get(EXAMPLES).status_code == 401
    assert Caller(people.ann()).get(EXAMPLES).status_code == 403


def test_the_schema_of_the_api_tells_of_examples_people_and_collections(client):
    told = json.loads(json.dumps(client.get("/api/v1/schema?format=json").json()))["paths"]
    for path in ("examples", "people", "images", "collections"):
        assert any(f"/learning/{path}" in known for known in told), path
