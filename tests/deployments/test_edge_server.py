"""Edge servers: added by a person, enrolled by a code, heard of by heartbeats."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actions import access_key
from accounts.models import AccessKey, Event, Role
from core.canonical import canonical_json
from core.errors import Conflict, Invalid, Refused
from deployments.actions import edge_server, rollout
from deployments.actions.edge_server import Heartbeat, SlotReport
from deployments.models import EdgeServer, EdgeSlot, EnrolmentCode
from tests import people
from tests.factories.accounts import UserFactory
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModuleFactory
from tests.racing import race
from training import trust

pytestmark = pytest.mark.django_db

KEY = "cc_a1b2c3d4e5f6_" + "s" * 43
OTHER = "cc_ffffffffffff_" + "t" * 43


def added(name="edge-1", **fields):
    given = {"organization": people.acme(), "modules": [ModuleFactory()], **fields}
    return edge_server.add(name, by=people.ada(), **given)


def enrol(code, key=KEY, **fields):
    return edge_server.enrol(
        code, hashlib.sha256(key.encode()).hexdigest(), "edge-1", {"os": "linux"}, key_prefix=key.split("_")[1], **fields
    )


# add


def test_an_edge_has_a_machine_user_a_slot_per_module_and_a_code_that_is_not_kept():
    modules = [ModuleFactory(slug="meters"), ModuleFactory(slug="plates")]
    edge, code, root_sha256 = added(modules=modules)
    assert (edge.user.role, edge.user.organization) == (Role.EDGE, people.acme())
    assert [slot.module.slug for slot in edge.slots.order_by("pk")] == ["meters", "plates"]
    kept = EnrolmentCode.objects.get()
    assert len(code) >= 22
    assert code.isalnum()  # a person types it behind --code
    assert kept.sha256 == hashlib.sha256(code.encode()).hexdigest()
    assert timedelta(hours=23) < kept.expires_at - timezone.now() <= timedelta(hours=24)
    assert root_sha256 == hashlib.sha256(trust.metadata("root")).hexdigest()
    assert Event.objects.filter(object_type="deployments.edgeserver", verb="add").exists()


def test_a_name_is_taken_once():
    added()
    with pytest.raises(Conflict):
        added()
    UserFactory(name="pune")
    with pytest.raises(Conflict):
        added("pune")


@pytest.mark.parametrize("name", ["", " ", "a/b", "x" * 121, "-x", "a\x00"])
def test_a_name_is_plain(name):
    with pytest.raises(Invalid):
        added(name)


def test_an_edge_runs_something():
    with pytest.raises(Invalid, match="at least one"):
        added(modules=[])


@pytest.mark.parametrize("who", [people.olga, people.rhea, people.cy])
def test_only_who_manages_edges_adds_one(who):
    with pytest.raises(Refused):
        edge_server.add("edge-1", by=who(), organization=people.acme(), modules=[ModuleFactory()])


def test_the_command_prints_code_and_root(capsys):
    people.acme()
    ModuleFactory()
    call_command("addedge", "edge-1", "--organization", "acme", "--module", "meter_digits", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert printed["root_sha256"] == trust.root_sha256()
    assert enrol(printed["code"])["edge_server_id"] == printed["id"]


@pytest.mark.parametrize("wrong", [{"organization": "nobody"}, {"modules": ["nothing"]}, {"city": "atlantis"}])
def test_the_command_names_what_is_not_there(wrong):
    ModuleFactory()
    with pytest.raises(CommandError, match="There is no"):
        call_command("addedge", "edge-1", **{"modules": ["meter_digits"], **wrong})


# enrol


def test_the_machine_that_knows_the_code_speaks_by_its_own_key_from_then_on():
    edge, code, root_sha256 = added()
    answer = enrol(code)
    assert answer["edge_server_id"] == edge.pk
    assert hashlib.sha256(canonical_json(answer["trust_root"]).encode()).hexdigest() == root_sha256
    assert access_key.authenticate(KEY).user == edge.user
    edge.refresh_from_db()
    assert (edge.platform, edge.enrolled_at is not None) == ({"os": "linux"}, True)


def test_the_same_code_and_key_is_answered_again_even_late():
    _, code, _ = added()
    first = enrol(code)
    EnrolmentCode.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert enrol(code) == first
    assert AccessKey.objects.count() == 1


def test_a_used_code_with_another_key_is_refused():
    _, code, _ = added()
    enrol(code)
    with pytest.raises(Refused, match="another machine"):
        enrol(code, OTHER)
    assert access_key.authenticate(OTHER) is None


def test_an_expired_code_is_refused():
    _, code, _ = added()
    EnrolmentCode.objects.update(expires_at=timezone.now())
    with pytest.raises(Refused, match="expired"):
        enrol(code)


def test_an_unknown_code_is_refused():
    added()
    with pytest.raises(Refused, match="not known"):
        enrol("guess")


def test_a_key_of_somebody_else_is_not_adopted():
    _, first, _ = added()
    _, second, _ = added("edge-2")
    enrol(first)
    with pytest.raises(Conflict):
        enrol(second)
    with pytest.raises(Conflict, match="prefix"):
        enrol(second, "cc_a1b2c3d4e5f6_" + "z" * 43)


@pytest.mark.parametrize(
    "wrong", [("x", "a1b2c3d4"), ("A" * 64, "a1b2c3d4"), ("a" * 64, ""), ("a" * 64, "a_b_c_d_e"), ("a" * 64, "a" * 17)]
)
def test_a_key_hash_and_prefix_have_their_shape(wrong):
    _, code, _ = added()
    with pytest.raises(Invalid):
        edge_server.enrol(code, wrong[0], "edge-1", {}, key_prefix=wrong[1])


def test_what_a_machine_says_of_itself_is_bounded():
    _, code, _ = added()
    for platform in ({"os": "x" * 9_000}, {"os": "\x00"}):
        with pytest.raises(Invalid):
            edge_server.enrol(code, "a" * 64, "edge-1", platform, key_prefix="a1b2c3d4")


@pytest.mark.django_db(transaction=True)
def test_of_eight_machines_with_one_code_one_becomes_the_edge():
    _, code, _ = added()
    won, lost = race(lambda i: enrol(code, f"cc_{i:012d}_" + "s" * 43))
    assert (len(won), len(lost)) == (1, 7)
    assert AccessKey.objects.count() == 1


# heartbeat


def test_a_heartbeat_keeps_what_the_edge_runs(settings):
    edge = EdgeServerFactory()
    said = Heartbeat("1.2.0", {"onnxruntime": "1.31"}, [SlotReport("meter_digits", "1.1.0", "1.0.0", 12)])
    assert edge_server.heartbeat(edge, said, by=edge.user) == {"poll_seconds": settings.EDGE_POLL_SECONDS}
    edge.refresh_from_db()
    slot = edge.slots.get()
    assert (edge.edge_version, edge.runtime) == ("1.2.0", {"onnxruntime": "1.31"})
    assert (slot.active_version, slot.previous_version, slot.reported_counter) == ("1.1.0", "1.0.0", 12)
    assert timezone.now() - edge.last_seen_at < timedelta(minutes=1)


def test_a_module_without_a_slot_is_passed_over():
    edge = EdgeServerFactory()
    edge_server.heartbeat(edge, Heartbeat(slots=[SlotReport("unknown", "1.0.0")]), by=edge.user)
    assert edge.slots.get().reported_at is None


def test_another_organizations_machine_may_not_speak_for_an_edge():
    edge = EdgeServerFactory()
    other = EdgeServerFactory(organization=people.petty())
    with pytest.raises(Refused):
        edge_server.heartbeat(edge, Heartbeat(), by=other.user)


def test_a_slot_has_drifted_when_it_runs_something_else_for_long():
    edge, version = EdgeServerFactory(), released_version()
    rollout.start(version, by=people.ada())
    assert not EdgeSlot.objects.drifted().exists()
    EdgeSlot.objects.update(desired_at=timezone.now() - timedelta(hours=1))
    assert EdgeSlot.objects.drifted().get().has_drifted
    said = Heartbeat(slots=[SlotReport("meter_digits", version.version)])
    edge_server.heartbeat(edge, said, by=edge.user)
    assert not EdgeSlot.objects.drifted().exists()
    assert not EdgeSlot.objects.get().has_drifted
    assert EdgeServer.objects.in_service().get() == edge
