"""`/api/v1/edge`: everything an edge server says and asks, by its key alone."""

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient
from tuf.api.metadata import Metadata

from accounts.actions import access_key
from deployments import assignments
from deployments.actions import edge_server, rollout
from deployments.mirror import MOST_AGE, Mirror
from deployments.models import DeploymentReport, EdgeServer, EdgeSlot, EdgeTelemetry
from deployments.presence import Presence
from tests import people
from tests.deployments.conftest import assigned_to
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModuleFactory
from tests.racing import race
from training import trust

pytestmark = pytest.mark.django_db
EDGE = "/api/v1/edge"
KEY = "cc_a1b2c3d4e5f6_" + "s" * 43


@pytest.fixture(autouse=True)
def _nobody_tried_before():
    cache.clear()


def client_with(key):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def client_of(user):
    return client_with(access_key.issue(user, by=None)[1])


def body_of_enrolment(code, key=KEY):
    return {
        "code": code,
        "key_prefix": key.split("_")[1],
        "key_sha256": hashlib.sha256(key.encode()).hexdigest(),
        "name": "edge-1",
        "platform": {"os": "linux"},
    }


def report_body(**fields):
    return {"reports": [{"attempt": 1, "seq": 1, "status": "installing", "at": "2026-11-20T08:00:00Z", **fields}]}


def test_an_edge_lives_its_life():
    edge, code, root_sha256 = edge_server.add("edge-1", by=people.ada(), organization=people.acme(), modules=[ModuleFactory()])
    for status in (201, 201):
        answer = APIClient().post(f"{EDGE}/enrol", body_of_enrolment(code), format="json")
        assert (answer.status_code, answer.json()["edge_server_id"]) == (status, edge.pk)
    root = APIClient().get(f"{EDGE}/trust/1.root.json")
    assert hashlib.sha256(root.content).hexdigest() == root_sha256
    assert json.loads(root.content) == answer.json()["trust_root"]
    me = client_with(KEY)
    assert Metadata.from_bytes(me.get(f"{EDGE}/assignment").content).signed.targets == {}

    version = released_version()
    rollout.start(version, by=people.ada())
    (line,) = Metadata.from_bytes(me.get(f"{EDGE}/assignment").content).signed.targets.values()
    here = f"{EDGE}/deployments/{line.custom['deployment']}"
    fetched = me.post(f"{here}/download")
    assert fetched.json()["url"].startswith("http")
    done = me.post(f"{here}/reports", report_body(status="completed"), format="json")
    assert (done.status_code, done.json()) == (200, {"status": "completed"})
    beat = {
        "at": "2026-11-20T08:01:00Z",
        "edge_version": "0.1.0",
        "runtime": {"onnxruntime": "1.31"},
        "slots": [{"ai_module": "meter_digits", "active_version": version.version, "previous_version": None, "counter": 3}],
        "telemetry": [],
    }
    assert me.post(f"{EDGE}/heartbeat", beat, format="json").json() == {"poll_seconds": 60}
    assert EdgeSlot.objects.get().reported_counter == 3


# enrol


def test_a_code_that_is_not_good_is_refused_with_a_sentence():
    answer = APIClient().post(f"{EDGE}/enrol", body_of_enrolment("guess"), format="json")
    assert (answer.status_code, answer.json()["detail"]) == (403, "This enrolment code is not known.")


@pytest.mark.parametrize("name", ["code", "key_sha256", "key_prefix"])
def test_enrolling_needs_code_and_key(name):
    body = body_of_enrolment("guess")
    del body[name]
    answer = APIClient().post(f"{EDGE}/enrol", body, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_who_tries_too_often_is_told_when_to_come_back():
    answers = [APIClient().post(f"{EDGE}/enrol", body_of_enrolment("guess"), format="json") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [403] * 30 + [429]
    assert int(answers[-1]["Retry-After"]) > 0


# assignment


def test_nothing_new_is_304_with_the_time_to_ask_again(settings):
    settings.EDGE_POLL_SECONDS = 100
    edge = EdgeServerFactory()
    me = client_of(edge.user)
    first = me.get(f"{EDGE}/assignment")
    again = me.get(f"{EDGE}/assignment/", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again["ETag"] == first["ETag"]
    assert 100 <= int(again["Retry-After"]) <= 110
    rollout.start(released_version(), by=people.ada())
    changed = me.get(f"{EDGE}/assignment", HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
    assert Metadata.from_bytes(changed.content).signed.unrecognized_fields["edge_server_id"] == edge.pk


def test_a_poll_with_nothing_new_takes_two_queries(django_assert_num_queries):
    me = client_of(EdgeServerFactory().user)
    etag = me.get(f"{EDGE}/assignment")["ETag"]
    with django_assert_num_queries(2):
        assert me.get(f"{EDGE}/assignment", HTTP_IF_NONE_MATCH=etag).status_code == 304


def test_only_an_edge_has_an_assignment():
    assert APIClient().get(f"{EDGE}/assignment").status_code == 401
    assert client_with("cc_x_y").get(f"{EDGE}/assignment").status_code == 401
    assert client_of(people.ada()).get(f"{EDGE}/assignment").status_code == 403


# trust documents


def test_trust_documents_are_public_by_their_names():
    trust.init()
    numbered = [f"{trust.newest(role).version}.{role}.json" for role in ("snapshot", "assignments")]
    for name in ("1.root.json", "timestamp.json", "1.targets.json", *numbered):
        answer = APIClient().get(f"{EDGE}/trust/{name}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert "immutable" in APIClient().get(f"{EDGE}/trust/1.root.json")["Cache-Control"]
    assert APIClient().get(f"{EDGE}/trust/timestamp.json")["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["2.root.json", "root.json", "0.root.json", "1.timestamp.json", "keys.json", "9999999999.root.json"]
)
def test_there_are_no_other_trust_documents(name):
    trust.init()
    assert APIClient().get(f"{EDGE}/trust/{name}").status_code == 404


def test_an_organizations_list_is_shown_to_its_own_edges_only():
    released_version(organization=people.acme())
    own, other, none = (EdgeServerFactory(organization=of) for of in (people.acme(), people.petty(), None))
    name = f"{EDGE}/trust/1.{trust.role_of(people.acme().pk)}.json"
    answer = client_of(own.user).get(name)
    assert (answer.status_code, "private" in answer["Cache-Control"]) == (200, True)
    strangers = [
        APIClient(),
        client_with(KEY),
        *(client_of(user) for user in (other.user, none.user, people.ada(), people.olga())),
    ]
    assert {client.get(name).status_code for client in strangers} == {404}
    assert b"all/" not in answer.content
    assert b".zip" not in APIClient().get(f"{EDGE}/trust/2.targets.json").content.replace(b"/*.zip", b"")


# reports and download


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "exploded"}, 422),
        ({"status": "rolled_back"}, 422),
        ({"attempt": 0}, 422),
        ({"seq": 10**20}, 422),
        ({"at": "0001-01-01T00:00:00+14:00"}, 400),
        ({"at": "0001-01-02T00:00:00+00:00"}, 422),
        ({"at": "yesterday"}, 400),
        ({"attempt": "one"}, 400),
        ({"progress_percent": 400}, 422),
        ({"progress_percent": 1e300}, 422),
        ({"progress_percent": -3}, 422),
        ({"progress_percent": 100.4}, 200),
        ({"error_message": None}, 200),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(fields, status):
    edge = EdgeServerFactory()
    rollout.start(released_version(), by=people.ada())
    here = f"{EDGE}/deployments/{assigned_to(edge).pk}/reports"
    answer = client_of(edge.user).post(here, report_body(**fields), format="json")
    assert answer.status_code == status
    if status != 200:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"]
        assert not DeploymentReport.objects.exists()


def test_another_edges_deployment_is_not_there():
    edge, other = EdgeServerFactory(), EdgeServerFactory()
    rollout.start(released_version(), by=people.ada())
    here = f"{EDGE}/deployments/{assigned_to(edge).pk}"
    assert client_of(other.user).post(f"{here}/reports", report_body(), format="json").status_code == 404
    assert client_of(other.user).post(f"{here}/download").status_code == 404
    assert client_of(people.ada()).post(f"{here}/download").status_code == 403
    assert APIClient().post(f"{here}/download").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"slots": [{}]},
        {"slots": "all"},
        {"slots": [{"ai_module": "m"}] * 201},
        {"edge_version": "x" * 41},
        {"runtime": []},
        {"slots": [{"ai_module": "m", "counter": 2**63}]},
    ],
)
def test_a_heartbeat_that_makes_no_sense_is_400(body):
    assert client_of(EdgeServerFactory().user).post(f"{EDGE}/heartbeat", body, format="json").status_code == 400


def test_a_revoked_key_is_useless():
    edge = EdgeServerFactory()
    key, text = access_key.issue(edge.user, by=None)
    access_key.revoke(key.prefix, by=None)
    assert client_with(text).get(f"{EDGE}/assignment").status_code == 401


def test_a_poll_with_nothing_new_is_answered_from_the_mirror_and_all_else_by_the_view(
    settings, client, monkeypatch, django_assert_num_queries
):
    edge = EdgeServerFactory()
    key, text = access_key.issue(edge.user, by=None)
    rollout.start(released_version(), by=people.ada())
    settings.EDGE_MIRROR = True
    mirror = Mirror(_is_alive=True)  # read by hand, not by its thread
    monkeypatch.setattr("deployments.api.poll.MIRROR", mirror)

    def asked(etag=""):
        return client.get(f"{EDGE}/assignment", headers={"Authorization": f"Bearer {text}", "If-None-Match": etag})

    etag = asked()["ETag"]
    mirror.read()
    with django_assert_num_queries(0):
        answer = asked(etag)
    assert (answer.status_code, answer["ETag"], answer.content) == (304, etag, b"")
    assert 60 <= int(answer["Retry-After"]) <= 66
    assert asked('"old"').status_code == 200
    rollout.start(released_version(), by=people.ada())
    mirror.read()
    newer = asked(etag)
    assert (newer.status_code, newer["ETag"] != etag) == (200, True)
    mirror.read()
    mirror.read_at -= MOST_AGE  # its thread is dead: what it read is not believed any more
    with django_assert_num_queries(2):
        assert asked(newer["ETag"]).status_code == 304
    access_key.revoke(key.prefix, by=None)
    mirror.read()
    assert mirror.edges == {}
    assert asked(newer["ETag"]).status_code == 401


BEAT = {"edge_version": "0.1.0", "runtime": {"python": "3.11"}, "slots": [{"ai_module": "meters", "active_version": "1.0.0"}]}


def test_heartbeats_that_say_nothing_new_are_written_together_and_all_else_at_once(
    settings, client, monkeypatch, django_assert_num_queries, django_assert_max_num_queries
):
    settings.EDGE_MIRROR = True
    mirror, kept = Mirror(_is_alive=True), Presence(by_itself=False)  # read and written by hand, not by their threads
    monkeypatch.setattr("deployments.api.poll.MIRROR", mirror)
    monkeypatch.setattr("deployments.presence.PRESENCE", kept)
    monkeypatch.setattr("deployments.api.poll.WHOLLY", 0)
    edges = [EdgeServerFactory() for _ in range(3)]
    rollout.start(released_version(), by=people.ada())
    keys = {edge.pk: access_key.issue(edge.user, by=None) for edge in edges}
    slug = EdgeSlot.objects.first().module.slug

    def beat(edge, **said):
        body = {"at": timezone.now().isoformat(), **BEAT, "slots": [{"ai_module": slug, "active_version": "1.0.0"}], **said}
        headers = {"Authorization": f"Bearer {keys[edge.pk][1]}"}
        return client.post(f"{EDGE}/heartbeat", body, content_type="application/json", headers=headers).status_code

    assert [beat(edge) for edge in edges] == [200] * 3
    long_ago = timezone.now() - timedelta(days=1)
    EdgeServer.objects.update(last_seen_at=long_ago)
    mirror.read()
    with django_assert_num_queries(0):
        assert [beat(edge) for edge in edges] == [200] * 3
    assert not EdgeServer.objects.exclude(last_seen_at=long_ago).exists()
    with django_assert_num_queries(4):  # a transaction that locks what is free, and writes it
        assert kept.write() == 3
    assert not EdgeServer.objects.filter(last_seen_at=long_ago).exists()
    first = edges[0]
    note = {"ai_module": slug, "kind": "answered", "version": "1.0.0", "images": 3, "since": "a"}
    assert beat(first, telemetry=[note]) == 200
    assert (EdgeTelemetry.objects.get().measured["images"], kept.pile) == (3, {first.pk})
    assert first.slots.get().telemetry == [note]
    again = {**note, "images": 4, "since": "b"}
    with django_assert_max_num_queries(8):
        assert beat(first, telemetry=[again]) == 200
    assert EdgeTelemetry.objects.get().measured["images"] == 7
    with django_assert_num_queries(0):
        assert beat(first) == 200  # what it measured is no part of what it said before
    assert beat(first, telemetry=[{**note, "ai_module": "elsewhere"}]) == 200
    assert EdgeServer.objects.get(pk=first.pk).telemetry == [{**note, "ai_module": "elsewhere"}]
    assert kept.write() == 1
    mirror.read()
    assert beat(first, slots=[{"ai_module": slug, "active_version": "2.0.0"}]) == 200
    assert first.slots.get().active_version == "2.0.0"
    mirror.read()
    assert beat(first) == 200
    assert (first.slots.get().active_version, kept.pile) == ("1.0.0", set())
    assert beat(first, slots=7) == 400
    mirror.read()
    access_key.revoke(keys[first.pk][0].prefix, by=None)
    mirror.read()
    assert beat(first) == 401


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_first", [True, False])
def test_all_that_heartbeats_of_one_edge_bring_at_once_is_in_its_sums(monkeypatch, is_first):
    monkeypatch.setattr("deployments.presence.PRESENCE", Presence(by_itself=False))
    edge = EdgeServerFactory()
    rollout.start(released_version(), by=people.ada())
    slug, key = EdgeSlot.objects.get().module.slug, access_key.issue(edge.user, by=None)[1]

    def beat(images):
        note = {"ai_module": slug, "kind": "answered", "version": "1.0.0", "images": images}
        said = {**BEAT, "slots": [{"ai_module": slug, "active_version": "1.0.0"}], "telemetry": [note] if images else []}
        body = {"at": timezone.now().isoformat(), **said}
        return client_with(key).post(f"{EDGE}/heartbeat", body, format="json").status_code

    known = 0 if is_first else 100
    assert beat(known) == 200
    answers, refusals = race(lambda index: beat(index + 1), threads=6)
    assert (answers, refusals) == ([200] * 6, [])
    assert sum(row.measured["images"] for row in EdgeTelemetry.objects.all()) == known + 21


if connection.vendor == "postgresql":  # SQLite has one writer at a time

    @pytest.mark.django_db(transaction=True)
    def test_an_edge_that_is_being_assigned_to_holds_up_no_other():
        held, free = EdgeServerFactory(), EdgeServerFactory()
        kept = Presence(by_itself=False)
        kept.note(held.pk)
        kept.note(free.pk)

        def write():
            kept.write()
            connection.close()

        writing = threading.Thread(target=write)
        with transaction.atomic():
            assignments.lock([held.pk])
            writing.start()
            writing.join(10)
            assert not writing.is_alive()
        for edge in (held, free):
            edge.refresh_from_db()
        assert (held.last_seen_at, free.last_seen_at is None) == (None, False)
