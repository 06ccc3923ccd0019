"""The review queue over HTTP, as the page and other clients speak it."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from learning.models import LearningSample, ReviewSlot, SampleState
from tests import people
from tests.factories.learning import delivered, pune, vehicles
from tests.learning.test_batch_api import Caller

pytestmark = pytest.mark.django_db
NEXT = "/api/v1/learning/review/next"
SLOTS = "/api/v1/learning/review/slots"


def waiting(count=1):
    vehicles(review_policy={"city_labels": "review"})
    delivered(pune(), count)


def decision(lease, **fields):
    facts = {"lease_token": lease["lease_token"], "client_uuid": str(uuid.uuid4()), "decision": "correct"}
    return f"{SLOTS}/{lease['slot']}/decide", {**facts, **fields}


@pytest.mark.parametrize("slash", ["", "/"])
def test_lease_decide_and_get_the_next_in_one_answer(slash):
    waiting(2)
    caller = Caller(people.ann())
    lease = caller.post(NEXT + slash, {"ai_module": "vehicles"}).json()
    assert set(lease) == {"slot", "lease_token", "lease_until", "kind", "sample", "ahead"}
    assert lease["sample"]["prediction"] == {"label": "car"}
    assert (lease["sample"]["width"], lease["sample"]["height"]) == (48, 32)
    assert lease["sample"]["image_url"].startswith("http")
    path, body = decision(lease, decision="change", correction={"label": "bus"}, seconds=4.2, next=True)
    answer = caller.post(path + slash, body)
    assert answer.status_code == 200
    assert answer.json()["label"]["correction"] == {"label": "bus"}
    following = answer.json()["next"]
    assert following["slot"] != lease["slot"]
    path, body = decision(following, next=True)
    assert caller.post(path, body).json()["next"] is None
    assert caller.post(NEXT, {"ai_module": "vehicles"}).status_code == 204
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 2


def test_a_lease_is_blind():
    waiting()
    lease = Caller(people.ann()).post(NEXT, {"ai_module": "vehicles"}).json()
    assert not {"label_status", "source_label_status", "labels", "truth", "correction"} & set(lease["sample"])


def test_renew_and_release():
    waiting()
    caller = Caller(people.ann())
    lease = caller.post(NEXT, {"ai_module": "vehicles"}).json()
    token = {"lease_token": lease["lease_token"]}
    assert caller.post(f"{SLOTS}/{lease['slot']}/renew", token).json()["lease_until"] >= lease["lease_until"]
    assert caller.post(f"{SLOTS}/{lease['slot']}/release", token).status_code == 204
    assert Caller(people.al()).post(NEXT, {"ai_module": "vehicles"}).json()["slot"] == lease["slot"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"lease_token": "1.forged"}, 403),
        ({"lease_token": None}, 403),
        ({"lease_token": 5}, 400),
        ({"client_uuid": "7"}, 400),
        ({"decision": "maybe"}, 400),
        ({"decision": "change"}, 400),
        ({"decision": "change", "correction": "bus"}, 422),
        ({"decision": "change", "correction": {"label": "plane"}}, 422),
        ({"decision": "reject"}, 422),
        ({"seconds": "long"}, 422),
        ({"seconds": 10**400}, 400),
        ({"reason": {"a": 1}}, 400),
    ],
)
def test_a_decision_that_cannot_be_is_answered_with_a_problem(fields, status):
    waiting()
    caller = Caller(people.ann())
    path, body = decision(caller.post(NEXT, {"ai_module": "vehicles"}).json(), **fields)
    answer = caller.post(path, body)
    assert (answer.status_code, answer["content-type"]) == (status, "application/problem+json")


def test_strangers_get_no_sample():
    waiting()
    assert Caller().post(NEXT, {"ai_module": "vehicles"}).status_code == 401
    assert Caller(people.cy()).post(NEXT, {"ai_module": "vehicles"}).status_code == 403
    assert Caller(people.ann()).post(NEXT, {"ai_module": "unheard-of"}).status_code == 404
    assert Caller(people.ann()).post(NEXT, {"ai_module": "vehicles", "kind": "dispute"}).status_code == 403
    assert (
        Caller(people.ann()).post(f"{SLOTS}/{10**18}/decide", decision({"slot": 1, "lease_token": "x"})[1]).status_code == 404
    )
    assert Caller(people.ann()).post(f"{SLOTS}/{'9' * 19}/decide", {}).status_code == 404


def test_a_browser_session_needs_its_csrf_token():
    waiting()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people.ann())
    body = {"ai_module": "vehicles"}
    assert browser.post(NEXT, body, content_type="application/json").status_code == 403
    browser.cookies["csrftoken"] = "a" * 32
    answer = browser.post(NEXT, body, content_type="application/json", headers={"x-csrftoken": "a" * 32})
    assert answer.status_code == 200


def test_a_key_that_is_not_known_is_401():
    answer = Client().post(NEXT, "{}", content_type="application/json", headers={"authorization": "Bearer cc_x_y"})
    assert (answer.status_code, answer["www-authenticate"]) == (401, "Bearer")


def browser_of(user):
    """A page's session, with the token that its forms carry."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    browser.cookies["csrftoken"] = "a" * 32
    return browser


def leased(browser):
    return browser.post(
        NEXT, {"ai_module": "vehicles"}, content_type="application/json", headers={"x-csrftoken": "a" * 32}
    ).json()


def test_a_page_that_is_left_gives_its_lease_back_by_a_form():
    waiting()
    browser = browser_of(people.ann())
    lease = leased(browser)
    path = f"{SLOTS}/{lease['slot']}/release"
    beacon = {"lease_token": lease["lease_token"]}
    assert browser.post(path, beacon).status_code == 403
    assert browser.post(path, {**beacon, "csrfmiddlewaretoken": "a" * 32}).status_code == 204
    plain = f"lease_token={lease['lease_token']}&csrfmiddlewaretoken={'a' * 32}"
    assert browser.post(path, plain, content_type="application/x-www-form-urlencoded").status_code == 204
    assert browser.post(path, {"lease_token": "1.forged", "csrfmiddlewaretoken": "a" * 32}).status_code == 403
    assert Caller(people.al()).post(NEXT, {"ai_module": "vehicles"}).json()["slot"] == lease["slot"]


def test_a_reload_resumes_with_the_same_sample_and_the_same_token():
    waiting(2)
    caller = Caller(people.ann())
    first, again = (caller.post(NEXT, {"ai_module": "vehicles"}).json() for _ in range(2))
    assert (again["slot"], again["lease_token"]) == (first["slot"], first["lease_token"])
    assert again["lease_until"] >= first["lease_until"]


def test_a_late_answer_counts_beside_the_one_that_came_in_time():
    waiting()
    late, prompt = Caller(people.ann()), Caller(people.al())
    old = late.post(NEXT, {"ai_module": "vehicles"}).json()
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    new = prompt.post(NEXT, {"ai_module": "vehicles"}).json()
    assert new["slot"] == old["slot"]
    assert prompt.post(*decision(new)).status_code == 200
    path, body = decision(old, decision="change", correction={"label": "bus"})
    assert late.post(path, body).json()["label"]["correction"] == {"label": "bus"}
    assert late.post(path, body).status_code == 200  # the same request again
    assert LearningSample.objects.get().state == SampleState.DISPUTED
    answer = late.post(*decision(old))
    assert (answer.status_code, answer["content-type"]) == (409, "application/problem+json")


def test_undo_gives_the_sample_back():
    waiting()
    caller = Caller(people.ann())
    lease = caller.post(NEXT, {"ai_module": "vehicles"}).json()
    caller.post(*decision(lease))
    answer = caller.post(f"{SLOTS}/{lease['slot']}/undo", {})
    assert (answer.status_code, answer.json()["slot"]) == (200, lease["slot"])
    assert LearningSample.objects.get().state == SampleState.PENDING
    assert Caller(people.al()).post(f"{SLOTS}/{lease['slot']}/undo", {}).status_code == 409
    assert Caller(people.cy()).post(f"{SLOTS}/{lease['slot']}/undo", {}).status_code == 403
    path, body = decision(answer.json(), decision="change", correction={"label": "bus"})
    assert caller.post(path, body).status_code == 200
    assert Caller(people.al()).post(f"{SLOTS}/{lease['slot']}/undo", {}).status_code == 403


def test_one_client_uuid_with_another_content_or_for_another_persons_slot_is_refused():
    waiting(2)
    ann, al = Caller(people.ann()), Caller(people.al())
    mine, theirs = (caller.post(NEXT, {"ai_module": "vehicles"}).json() for caller in (ann, al))
    path, body = decision(mine)
    assert ann.post(path, body).status_code == 200
    answer = ann.post(path, {**body, "decision": "unsure"})
    assert (answer.status_code, answer.json()["detail"]) == (409, "This client_uuid was used for another decision.")
    path, body = decision(theirs)
    assert ann.post(path, body).status_code == 403
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 1


def test_a_dispute_shows_what_was_said_and_not_by_whom():
    vehicles(review_policy={"city_labels": "review", "overlap": 2})
    delivered(pune(), 1)
    for person, said in ((people.ann(), {}), (people.al(), {"decision": "change", "correction": {"label": "bus"}})):
        caller = Caller(person)
        path, body = decision(caller.post(NEXT, {"ai_module": "vehicles"}).json(), **said)
        assert caller.post(path, body).status_code == 200
    senior = Caller(people.rhea())
    lease = senior.post(NEXT, {"ai_module": "vehicles", "kind": "dispute"}).json()
    assert [(answer["decision"], answer["value"]) for answer in lease["answers"]] == [
        ("change", {"label": "bus"}),
        ("correct", {"label": "car"}),
    ]
    assert not {"Ann", "Al"} & set(str(lease).replace("'", " ").split())
    path, body = decision(lease, decision="change", correction={"label": "bus"})
    assert senior.post(path, body).status_code == 200
    assert LearningSample.objects.get().truth == {"label": "bus"}
