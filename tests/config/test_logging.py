"""Logs: one JSON line an event, with the ids to follow it by, and no line that opens a door."""

import io
import json
import logging
import re

import pytest
import structlog
from django.urls import path
from django_structlog.celery.receivers import CeleryReceiver

from accounts.actions import access_key
from accounts.api.authorise import authorise
from accounts.policy import Permission
from config.logging import LOGGING, SHARED, without_secrets
from core.storage import new_name, store
from tests import people


@pytest.fixture
def lines():
    """Answer what was logged, as the hub's own handler writes it."""
    chain = LOGGING["formatters"]["json"]["foreign_pre_chain"]
    formatter = structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer(), foreign_pre_chain=chain)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)


SECRETS = {
    "an address of the file store": "GET /store/a.jpg?e=1763&s=deadbeefdeadbeef HTTP/1.1",
    "an address of S3": "https://s3/b/a?X-Amz-Credential=AKdeadbeef%2F2026&X-Amz-Signature=deadbeef0123",
    "an access key": "refused cc_Ab12Cd34_deadbeefdeadbeef",
    "a header": "Authorization: Bearer deadbeef.deadbeef",
    "a database": "could not connect to postgres://hub:deadbeef@db:5432/hub",
    "a one-time link": "GET /accounts/invitation/deadbeef-1/ answered 500",
    "a cookie": "Cookie: sessionid=deadbeef; csrftoken=deadbeef",
    "a private key": "-----BEGIN PRIVATE KEY-----\ndeadbeef\n-----END PRIVATE KEY-----",
}


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_is_hidden_wherever_it_stands(what, lines):
    log = logging.getLogger("elsewhere")
    log.warning("%s", SECRETS[what])
    structlog.get_logger("learning").warning("said", detail=SECRETS[what], nested={"in": [SECRETS[what]]})
    log.error("it failed", exc_info=ValueError(SECRETS[what]))
    found = lines()
    assert len(found) == 3
    assert "deadbeef" not in json.dumps(found), what
    assert "…" in json.dumps(found, ensure_ascii=False)


def test_what_is_named_a_secret_is_hidden_and_all_else_stays():
    event = {"event": "x", "password": "p", "store_token": "t", "samples": 3, "name": "Pune", "ok": None, "by": ValueError("s")}
    shown = without_secrets(None, "info", event)
    assert shown == {"event": "x", "password": "…", "store_token": "…", "samples": 3, "name": "Pune", "ok": None, "by": "s"}
    assert SHARED[-1] is without_secrets


@authorise(Permission.VIEW_STORE)
def broken(request):
    raise RuntimeError(store().presign_get(new_name("image/jpeg"), seconds=60).url)


urlpatterns = [path("broken", broken)]


@pytest.mark.django_db
def test_a_line_carries_request_and_user_and_a_task_those_of_who_sent_for_it(client, lines, settings):
    settings.ROOT_URLCONF = __name__
    key = access_key.issue(people.ada(), by=None)[1]
    client.raise_request_exception = False
    assert client.get("/broken?s=deadbeef", headers={"Authorization": f"Bearer {key}"}).status_code == 500
    said = lines()
    [line] = [line for line in said if line["event"] == "request_failed"]
    assert line["user_id"] == people.ada().pk
    assert len(line["request_id"]) == 36
    assert "RuntimeError" in line["exception"]
    assert not re.search(r"[0-9a-f]{64}|deadbeef", json.dumps(said))

    headers = {}
    with structlog.contextvars.bound_contextvars(request_id="r-1", user_id=7):
        CeleryReceiver().receiver_before_task_publish(headers=headers, properties={})
    assert headers["__django_structlog__"]["request_id"] == "r-1"
    assert headers["__django_structlog__"]["user_id"] == 7
