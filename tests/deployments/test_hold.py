"""A site that went back by itself: held, until a person lifts it or another version comes."""

import pytest
from tuf.api.metadata import Metadata

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from deployments.actions import deployment, edge_server, rollback, rollout
from deployments.actions.edge_server import Heartbeat, Left, SlotReport
from deployments.models import EdgeSlot
from tests import people
from tests.deployments.conftest import assigned_to, tell
from tests.factories.deployments import EdgeServerFactory, released_version

pytestmark = pytest.mark.django_db


def lines(edge):
    edge.refresh_from_db()
    return list(Metadata.from_bytes(bytes(edge.assignment)).signed.targets.values())


def said(left, active="1.0.0"):
    return Heartbeat(slots=[SlotReport("meter_digits", active, "", 1, left)])


def gone_back(edge):
    """Answer what the heartbeat of an edge says that went back from what it is assigned."""
    assigned = assigned_to(edge)
    return said(Left(assigned.pk, assigned.attempt))


@pytest.fixture
def edge():
    edge = EdgeServerFactory()
    rollout.start(released_version(), by=people.ada())
    tell(edge, "completed")
    return edge


def beat(edge, body):
    edge_server.heartbeat(edge, body, by=edge.user)
    return EdgeSlot.objects.get(edge_server=edge)


def test_a_site_that_went_back_is_held_and_offered_nothing(edge):
    before = edge_counter(edge)
    slot = beat(edge, gone_back(edge))
    assert (slot.held, slot.held_reason) == (True, "The site went back to 1.0.0 by itself.")
    assert lines(edge) == []
    assert edge_counter(edge) > before
    beat(edge, gone_back(edge))
    assert Event.objects.filter(verb="hold", facts__origin="local").count() == 1


def edge_counter(edge):
    edge.refresh_from_db()
    return edge.assignment_version


def test_the_same_version_is_not_sent_there_again_and_others_get_it(edge):
    other = EdgeServerFactory()
    beat(edge, gone_back(edge))
    version = EdgeSlot.objects.get(edge_server=edge).desired
    begun = rollout.start(version, by=people.ada())
    assert begun.deployments.get().edge_server == other
    with pytest.raises(Conflict, match="lift the hold"):
        deployment.deploy(version, edge, by=people.ada())


def test_where_every_edge_is_held_nothing_starts(edge):
    beat(edge, gone_back(edge))
    with pytest.raises(Conflict, match="held"):
        rollout.start(EdgeSlot.objects.get().desired, by=people.ada())


def test_another_version_comes_and_the_hold_is_over(edge):
    left = gone_back(edge)
    beat(edge, left)
    newer = released_version()
    rollout.start(newer, by=people.ada())
    slot = beat(edge, left)
    assert (slot.held, slot.held_reason, slot.desired) == (False, "", newer)
    assert [line.custom["version"] for line in lines(edge)] == [newer.version]


def test_a_person_lifts_the_hold_and_the_version_is_offered_under_the_next_attempt(edge):
    left = gone_back(edge)
    beat(edge, left)
    slot = edge_server.lift_hold(edge, EdgeSlot.objects.get().module, by=people.ada())
    assert (slot.held, [line.custom["attempt"] for line in lines(edge)]) == (False, [2])
    assert assigned_to(edge).status == "pending"
    assert not beat(edge, left).held
    tell(edge, "completed", attempt=2)
    assert assigned_to(edge).status == "completed"
    assert beat(edge, gone_back(edge)).held


def test_going_back_by_the_hub_ends_the_hold_too():
    edge = EdgeServerFactory()
    old = released_version()
    for version in (old, released_version()):
        rollout.start(version, by=people.ada())
        tell(edge, "completed")
    beat(edge, gone_back(edge))
    rollback.of_edge(edge, EdgeSlot.objects.get().module, by=people.ada())
    slot = EdgeSlot.objects.get()
    assert (slot.held, slot.desired) == (False, old)


def test_what_a_site_left_long_ago_holds_nothing(edge):
    assigned = assigned_to(edge)
    for left in (None, Left(assigned.pk, assigned.attempt + 1), Left(assigned.rollout_id, 1)):
        assert not beat(edge, said(left)).held


def test_what_is_not_held_is_not_lifted_and_not_by_everybody(edge):
    module = EdgeSlot.objects.get().module
    with pytest.raises(Conflict, match="not held"):
        edge_server.lift_hold(edge, module, by=people.ada())
    beat(edge, gone_back(edge))
    with pytest.raises(Refused):
        edge_server.lift_hold(edge, module, by=people.olga())


def test_the_last_telemetry_of_each_module_is_kept_and_what_has_no_place_too(edge):
    measured = [
        {"ai_module": "meter_digits", "kind": "answered", "images": 3},
        {"ai_module": "meter_digits", "kind": "load", "seconds": 0.5},
        {"ai_module": "letters", "kind": "answered", "images": 1},
        {"kind": "refusal", "detail": "no"},
    ]
    slot = beat(edge, Heartbeat(telemetry=measured))
    edge.refresh_from_db()
    assert (slot.telemetry, slot.telemetry_at is not None) == (measured[:2], True)
    assert edge.telemetry == [measured[3], measured[2]]
    assert beat(edge, Heartbeat()).telemetry == measured[:2]
    with pytest.raises(Invalid, match="telemetry is longer"):
        beat(edge, Heartbeat(telemetry=[{"x": "y" * 70_000}]))
