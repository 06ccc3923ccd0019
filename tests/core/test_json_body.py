"""A body of JSON is read whole or refused with a sentence, whatever it holds."""

import json

import pytest
from rest_framework.test import APIClient

from tests import people

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhooks"


def nested(levels: int) -> str:
    return '{"name":' * levels + "1" + "}" * levels


@pytest.fixture
def send():
    client = APIClient()
    client.force_login(people.ada())

    def post(body):
        answer = client.post(URL, body, content_type="application/json")
        return answer.status_code, answer.json()

    return post


@pytest.mark.parametrize("body", [nested(65), nested(900), "[" * 100_000, '{"name":' + "[" * 100_000])
def test_what_is_nested_too_deep_is_refused(send, body):
    status, problem = send(body)
    assert (status, problem["type"]) == (400, "urn:command-centre:parse_error")
    assert "nested more than 64 levels deep" in problem["detail"] or "JSON parse error" in problem["detail"]


@pytest.mark.parametrize("body", [{"name": "\ud800"}, {"\udc00": 1}, {"name": [{"x": ["a\ud800b"]}]}])
def test_half_of_a_character_is_refused(send, body):
    status, problem = send(json.dumps(body))
    assert status == 400
    assert "half of a surrogate pair" in problem["detail"]


def test_any_whole_text_is_read(send):
    status, problem = send(json.dumps({"name": "Zürich 😀", "url": "ftp://x", "topics": ["job.completed"]}))
    assert (status, "begins with https" in problem["detail"]) == (422, True)


def test_another_method_is_refused_in_words():
    client = APIClient()
    client.force_login(people.ada())
    problem = client.put(URL).json()
    assert (problem["title"], problem["detail"]) == ("Method not allowed", 'Method "PUT" not allowed.')
