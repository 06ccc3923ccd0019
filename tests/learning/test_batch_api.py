"""The upload protocol as a city's client speaks it: HTTP and a key, from opening to registered."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actions import access_key
from core.storage import store
from learning.actions import batch as batches
from learning.models import LearningSample, StoredObject, UploadBatch
from learning.tasks import sweep_sealed
from tests import people
from tests.factories.learning import delivered, item, opened, picture, pune, put, vehicles

pytestmark = pytest.mark.django_db
BATCHES = "/api/v1/learning/batches"
BODY = {"city": "city_pune", "day": "2026-11-20"}


class Caller:
    """A machine with its key, or nobody."""

    def __init__(self, user=None, scopes=()):
        key = access_key.issue(user, by=None, scopes=scopes)[1] if user else ""
        self.headers = {"authorization": f"Bearer {key}"} if key else {}

    def post(self, path, body, **more):
        return Client().post(path, json.dumps(body), content_type="application/json", headers=self.headers, **more)

    def get(self, path):
        return Client().get(path, headers=self.headers)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_city_brings_a_batch_from_opening_to_registered(slash):
    vehicles()
    city = pune()
    caller = Caller(city.user)
    answer = caller.post(f"{BATCHES}{slash}", BODY)
    assert (answer.status_code, answer.json()["id"], answer.json()["state"]) == (201, "batch_city_pune_20261120", "open")
    answer = caller.post(f"{BATCHES}{slash}", BODY)
    assert (answer.status_code, answer.json()["id"]) == (200, "batch_city_pune_20261120")
    here = f"{BATCHES}/{answer.json()['id']}"
    content = picture()
    answer = caller.post(f"{here}/items{slash}", {"items": [item("e-1", content), item("e-2", label_status="unsure")]})
    accepted, rejected = answer.json()["results"]
    assert set(accepted) == {"event_id", "outcome", "sample_id", "upload"}
    assert set(accepted["upload"]) == {"method", "url", "headers", "expires_at"}
    assert rejected == {"event_id": "e-2", "outcome": "rejected", "reason": "label_status_unsure", "detail": rejected["detail"]}
    assert put(accepted["upload"], content) == 200
    digest = hashlib.sha256(f"e-1:{hashlib.sha256(content).hexdigest()}\n".encode()).hexdigest()
    answer = caller.post(f"{here}/seal{slash}", {"items": 2, "sha256": digest})
    assert (answer.status_code, answer["content-type"]) == (409, "application/problem+json")
    assert (answer.json()["items"], answer.json()["sha256"], answer.json()["first_ids"]) == (1, digest, ["e-1"])
    assert caller.post(f"{here}/seal{slash}", {"items": 1, "sha256": digest}).status_code == 202
    batches.verify("batch_city_pune_20261120")
    told = caller.get(f"{here}{slash}").json()
    assert (told["state"], told["accepted"], told["duplicate"], told["rejected"]) == ("registered", 1, 0, 1)
    assert told["rejections"][0]["reason"] == "label_status_unsure"


def test_the_same_batch_sent_twice_makes_no_second_sample_and_no_second_object():
    vehicles()
    caller = Caller(pune().user)
    contents = {f"e-{number}": picture(number) for number in range(3)}
    outcomes = []
    for _ in range(2):
        name = caller.post(BATCHES, BODY).json()["id"]
        told = {"items": [item(event, content) for event, content in contents.items()]}
        results = caller.post(f"{BATCHES}/{name}/items", told).json()["results"]
        outcomes.append({result["outcome"] for result in results})
        taken = [result for result in results if result["outcome"] == "accepted"]
        for result in taken:
            assert put(result["upload"], contents[result["event_id"]]) == 200
        lines = sorted(f"{each['event_id']}:{hashlib.sha256(contents[each['event_id']]).hexdigest()}\n" for each in taken)
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        assert caller.post(f"{BATCHES}/{name}/seal", {"items": len(taken), "sha256": digest}).status_code == 202
        batches.verify(name)
    assert outcomes == [{"accepted"}, {"duplicate"}]
    assert (LearningSample.objects.count(), StoredObject.objects.filter(kind="image").count()) == (3, 3)


def test_without_a_key_it_is_401_and_for_another_city_404():
    vehicles()
    batch = opened(pune())
    other = Caller(pune("city_goa").user)
    for path in (BATCHES, f"{BATCHES}/{batch.pk}/items", f"{BATCHES}/{batch.pk}/seal"):
        assert Caller().post(path, BODY).status_code == 401
        assert Caller(people.ann()).post(path, BODY).status_code == 403
    assert other.post(BATCHES, BODY).status_code == 404
    assert other.get(f"{BATCHES}/{batch.pk}").status_code == 404
    assert other.post(f"{BATCHES}/{batch.pk}/items", {"items": []}).status_code == 404
    assert other.post(f"{BATCHES}/{batch.pk}/seal", {"items": 0, "sha256": "0" * 64}).status_code == 404


def test_who_views_the_store_sees_batches():
    batch = opened(pune())
    assert Caller(people.rhea()).get(f"{BATCHES}/{batch.pk}").status_code == 200
    assert Caller(people.cy()).get(f"{BATCHES}/{batch.pk}").status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", [], 400),
        ("", {}, 400),
        ("", {"city": "city_pune", "day": "2026-02-30"}, 400),
        ("", {"city": "city_pune", "day": "1066-10-14"}, 422),
        ("", {"city": {"slug": "x"}}, 400),
        ("", {"city": "city\0pune"}, 400),
        ("", {**BODY, "client_batch_id": "x" * 121}, 400),
        ("/items", [], 400),
        ("/items", {"items": {}}, 400),
        ("/items", {"items": [None] * 10_001}, 422),
        ("/seal", {}, 400),
        ("/seal", {"items": -1, "sha256": "0" * 64}, 400),
        ("/seal", {"items": 0, "sha256": "nothing"}, 400),
        ("/seal", {"items": 10**30, "sha256": "0" * 64}, 400),
    ],
)
def test_a_bad_request_is_answered_with_a_problem(path, body, status):
    vehicles()
    batch = opened(pune())
    answer = Caller(batch.city.user).post(f"{BATCHES}/{batch.pk}{path}" if path else BATCHES, body)
    assert answer.status_code == status
    assert answer["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_body_that_is_no_json_is_400_and_one_too_large_413(settings):
    batch = opened(pune())
    caller = Caller(batch.city.user)
    path = f"{BATCHES}/{batch.pk}/items"
    for body in (b"{", b"\xff", b'{"items": [NaN]}', b"[" * 5_000):
        assert Client().post(path, body, content_type="application/json", headers=caller.headers).status_code == 400
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert caller.post(path, {"items": [{}, {}, {}]}).status_code == 413


def test_adopting_needs_the_scope_on_the_key():
    vehicles()
    batch = opened(pune())
    told = {"items": [item(file=None, image_reference="s3://elsewhere/01234567-89ab-7def-8123-456789abcdef.png")]}
    answer = Caller(batch.city.user, scopes=["objects:adopt"]).post(f"{BATCHES}/{batch.pk}/items", told)
    assert answer.json()["results"][0]["reason"] == "reference_unknown"


def test_another_file_under_a_known_event_is_refused_with_a_sentence():
    vehicles()
    batch = opened(pune())
    caller = Caller(batch.city.user)
    path = f"{BATCHES}/{batch.pk}/items"
    caller.post(path, {"items": [item("e-1", b"one")]})
    [answer] = caller.post(path, {"items": [item("e-1", b"two")]}).json()["results"]
    assert answer == {
        "event_id": "e-1",
        "outcome": "rejected",
        "reason": "event_id_conflict",
        "detail": "There is another file under this event_id.",
    }
    assert LearningSample.objects.get().object.sha256 == hashlib.sha256(b"one").hexdigest()


def references_to_what_is_not_ours():
    """What a city could write into image_reference to get at another's image, or at something that is none."""
    [theirs] = delivered(pune("city_goa"), 1)
    name, spelled = theirs.object.name, store().reference(theirs.object.name)
    scheme, _, rest = spelled.partition("://")
    return [
        spelled,
        store().reference(theirs.object.thumbnail.name),
        f"{scheme}://elsewhere/{name}",
        f"{scheme}x://{rest}",
        f"file:///etc/{name}",
        f"file://{rest}/../../etc/passwd",
        f"https://{rest}",
        f"https://127.0.0.1:1/{name}",
        f"{spelled}?versionId=1",
        f"{spelled}\n",
        name,
        "x" * 501,
    ]


def test_a_reference_is_never_followed():
    vehicles()
    references = references_to_what_is_not_ours()
    before = LearningSample.objects.count(), StoredObject.objects.count()
    batch = opened(pune())
    told = [item(f"e-{number}", file=None, image_reference=reference) for number, reference in enumerate(references)]
    results = Caller(batch.city.user).post(f"{BATCHES}/{batch.pk}/items", {"items": told}).json()["results"]
    assert {result["outcome"] for result in results} == {"rejected"}
    assert {result["reason"] for result in results[:-1]} == {"reference_unknown"}
    assert all(result["detail"].endswith(".") for result in results)
    assert (LearningSample.objects.count(), StoredObject.objects.count()) == before
    assert batch.counts() == {"accepted": 0, "duplicate": 0, "rejected": len(references)}


def test_a_batch_that_expired_says_so_and_takes_nothing():
    vehicles()
    batch = opened(pune())
    caller = Caller(batch.city.user)
    caller.post(f"{BATCHES}/{batch.pk}/items", {"items": [item("e-1")]})
    UploadBatch.objects.update(opened_at=timezone.now() - timedelta(days=8))
    sweep_sealed()
    assert caller.get(f"{BATCHES}/{batch.pk}").json()["state"] == "expired"
    for path, body in (("items", {"items": [item("e-1")]}), ("seal", {"items": 0, "sha256": hashlib.sha256().hexdigest()})):
        answer = caller.post(f"{BATCHES}/{batch.pk}/{path}", body)
        assert (answer.status_code, answer["content-type"]) == (409, "application/problem+json"), path
        assert "expired" in answer.json()["detail"]
    new = caller.post(BATCHES, BODY)
    assert (new.status_code, new.json()["id"]) == (201, "batch_city_pune_20261120-2")
    [again] = caller.post(f"{BATCHES}/{new.json()['id']}/items", {"items": [item("e-1")]}).json()["results"]
    assert again["outcome"] == "accepted"
