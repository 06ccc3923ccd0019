"""Pushing: an edge that can be called is told at once, nobody else is, and the record names no address."""

import json

import pytest
from celery.exceptions import Retry
from django.core.management import CommandError, call_command
from tuf.api.metadata import Metadata

from accounts.actions import organization
from accounts.models import Event
from core.errors import Invalid, Refused
from deployments import tasks
from deployments.actions import edge_server, push, rollout
from tests import people
from tests.core.test_outbound import receiver, say, url_of
from tests.deployments.conftest import assigned_to, tell
from tests.factories.deployments import EdgeServerFactory, released_version
from training import trust

pytestmark = pytest.mark.django_db
PUSH = "deployments.tasks.push_assignment"


@pytest.fixture
def edge():
    organization.allow_callbacks(people.acme(), ["127.0.0.0/8"], by=people.ada())
    return EdgeServerFactory()


def outcomes(edge):
    rows = Event.objects.about("deployments.edgeserver", edge.pk).filter(verb="push").order_by("pk")
    return [facts["outcome"] for facts in rows.values_list("facts", flat=True)]


def test_the_signed_assignment_and_a_signed_address_are_posted(edge):
    version = released_version()
    rollout.start(version, by=people.ada())
    with receiver() as server:
        edge_server.set_callback(edge, url_of(server, path="/hook?token=hush"), by=people.ada())
        assert push.deliver(edge.pk)
    [(_, path, body)] = server.calls
    told = json.loads(body)
    assert (path, told["edge_server_id"]) == ("/hook?token=hush", edge.pk)
    document = Metadata.from_dict(told["assignment"])
    targets = Metadata.from_bytes(trust.metadata("targets")).signed
    targets.verify_delegate("assignments", document.signed_bytes, document.signatures)
    [file] = told["files"]
    assert (file["deployment"], file["path"]) == (str(assigned_to(edge).pk), version.file_name)
    assert file["url"].startswith("http")
    event = Event.objects.get(verb="push")
    assert event.facts == {"outcome": "delivered", "attempt": 1}


def test_what_is_over_comes_without_an_address(edge):
    rollout.start(released_version(), by=people.ada())
    tell(edge, "completed")
    with receiver() as server:
        edge_server.set_callback(edge, url_of(server), by=people.ada())
        push.deliver(edge.pk)
    assert json.loads(server.calls[0][2])["files"] == []


def test_without_a_network_allowed_a_private_address_is_refused_for_good():
    edge = EdgeServerFactory()
    with receiver() as server:
        edge_server.set_callback(edge, url_of(server, path="/?token=hush"), by=people.ada())
        tasks.push_assignment(edge.pk)
        assert server.calls == []
    assert outcomes(edge) == ["refused"]
    assert "hush" not in json.dumps(list(Event.objects.values_list("facts", flat=True)))
    assert "127.0.0.1" not in Event.objects.get(verb="push").facts["reason"]


@pytest.mark.parametrize(("status", "outcome"), [(404, "refused"), (410, "refused"), (302, "refused")])
def test_an_answer_that_will_not_change_is_not_asked_for_again(edge, status, outcome):
    with receiver(say(status)) as server:
        edge_server.set_callback(edge, url_of(server), by=people.ada())
        tasks.push_assignment(edge.pk)
    assert (outcomes(edge), len(server.calls)) == ([outcome], 1)


def test_what_may_pass_is_tried_three_times_more(edge, monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.push_assignment, "retry", lambda countdown: asked.append(countdown) or Retry())
    with receiver(say(503)) as server:
        edge_server.set_callback(edge, url_of(server), by=people.ada())
        for tries in range(4):
            tasks.push_assignment.push_request(retries=tries)
            try:
                if tries < 3:
                    with pytest.raises(Retry):
                        tasks.push_assignment.run(edge.pk)
                else:
                    tasks.push_assignment.run(edge.pk)
            finally:
                tasks.push_assignment.pop_request()
    assert asked == [5, 10, 20]
    assert (outcomes(edge), len(server.calls)) == (["failed"] * 4, 4)


def test_a_rollout_wakes_those_who_can_be_called(edge, queued, django_capture_on_commit_callbacks):
    EdgeServerFactory()
    edge_server.set_callback(edge, "https://edge.example/", by=people.ada())
    with django_capture_on_commit_callbacks(execute=True):
        rollout.start(released_version(), by=people.ada())
    assert queued.count(PUSH) == 1


def test_an_edge_without_a_callback_or_gone_is_told_nothing(edge):
    assert not push.deliver(edge.pk)
    assert not push.deliver(edge.pk + 1)
    assert outcomes(edge) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x/", "edge.example", "http://u:p@x/"])
def test_an_address_that_is_never_called_is_refused_when_it_is_set(edge, url):
    with pytest.raises(Invalid):
        edge_server.set_callback(edge, url, by=people.ada())
    edge.refresh_from_db()
    assert edge.callback_url == ""


def test_only_who_manages_edges_sets_a_callback_and_who_manages_people_the_networks(edge):
    for who in (people.rhea(), people.olga()):
        with pytest.raises(Refused):
            edge_server.set_callback(edge, "https://edge.example/", by=who)
        with pytest.raises(Refused):
            organization.allow_callbacks(people.acme(), ["10.0.0.0/8"], by=who)


def test_networks_are_kept_as_they_are_meant(edge):
    acme = organization.allow_callbacks(people.acme(), ["10.1.0.0/16"], by=people.ada())
    assert acme.callback_nets == ["10.1.0.0/16"]
    with pytest.raises(Invalid):
        organization.allow_callbacks(acme, ["0.0.0.0/0"], by=people.ada())


def test_the_command_line_names_networks_too(edge, capsys):
    call_command("allowcallbacks", "acme", "10.1.0.0/16", "--json")
    assert json.loads(capsys.readouterr().out) == {"slug": "acme", "callback_nets": ["10.1.0.0/16"]}
    for arguments in (["acme", "0.0.0.0/0"], ["nobody", "10.0.0.0/8"]):
        with pytest.raises(CommandError):
            call_command("allowcallbacks", *arguments)
