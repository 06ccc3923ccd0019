"""Where no view could answer, programs get problem+json and people a page."""

import pytest
from django.test import Client

from tests import people
from tests.pages import looking, text_of
from tests.wire import conforms

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


@pytest.mark.parametrize(("address", "kind"), [("/api/v1/nothing", PROBLEM), ("/nothing", "text/html; charset=utf-8")])
def test_where_nothing_is(address, kind):
    answer = Client().get(address)
    assert (answer.status_code, answer["Content-Type"]) == (404, kind)
    if kind == PROBLEM:
        conforms("problem", answer.json())


@pytest.mark.parametrize(("address", "kind"), [("/api/v1/check", PROBLEM), ("/accounts/login/", "text/html; charset=utf-8")])
def test_a_host_that_is_not_ours(address, kind, settings):
    settings.ALLOWED_HOSTS = ["hub.example.org"]
    answer = Client().get(address, headers={"host": "evil.example"})
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (400, kind.split(";")[0])


@pytest.mark.parametrize(("address", "kind"), [("/api/v1/check", PROBLEM), ("/", "text/html; charset=utf-8")])
def test_a_fault_of_ours(address, kind, settings):
    settings.ROOT_URLCONF = "tests.config.broken_urls"
    answer = Client(raise_request_exception=False).get(address)
    assert (answer.status_code, answer["Content-Type"]) == (500, kind)


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/learning/samples/%00",
        "/api/v1/learning/batches/%00",
        "/accounts/tokens/%00/revoke/",
        "/accounts/invitation/%00/",
        "/admin/accounts/user/?role__exact=%00",
    ],
)
def test_a_zero_byte_names_nothing(address):
    client = looking(people.ada())
    assert {client.get(address).status_code, client.post(address).status_code} <= {403, 404, 405, 422}


def test_a_page_says_in_words_what_a_program_is_told_by_a_title():
    answer = looking(people.ada()).get("/samples/?cursor=nonsense")
    assert (answer.status_code, "<h1>This cannot be understood</h1>" in text_of(answer)) == (400, True)
    told = looking(people.ada()).get("/api/v1/learning/samples?cursor=nonsense")
    assert (told.status_code, told.json()["title"]) == (400, "The request is malformed")
