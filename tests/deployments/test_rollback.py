"""Going back: from a model, from one edge; one person is enough, and nobody is left on the way."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Missing, Refused
from deployments.actions import rollback, rollout
from deployments.models import EdgeSlot, ModelDeployment, RolloutState
from tests import people
from tests.deployments.conftest import assigned_to, tell
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModuleFactory
from training.actions import model_version

pytestmark = pytest.mark.django_db
CANARY = {"waves": [{"count": 1}, {"share": 1.0}]}


def rolled_out(*edges, **fields):
    """Bring a new version to all edges, and let these complete it."""
    version = released_version()
    begun = rollout.start(version, by=people.ada(), **fields)
    for edge in edges:
        tell(edge, "completed")
    return version, begun


def state_of(one):
    one.refresh_from_db()
    return one.state


def test_every_edge_that_is_assigned_the_version_goes_back_and_its_rollout_ends():
    edges = [EdgeServerFactory() for _ in range(3)]
    old, _ = rolled_out(*edges)
    new, bad = rolled_out(edges[0], plan=CANARY)
    returned = rollback.of_model(new, by=people.bo())
    assert (returned.edges, returned.without_earlier_version) == (1, 0)
    assert assigned_to(edges[0]).model_version == old
    assert assigned_to(edges[0]).rollout == bad
    assert {assigned_to(edge).model_version for edge in edges} == {old}
    assert sorted(bad.deployments.filter(action="install").values_list("status", flat=True)) == [
        "rolled_back",
        "superseded",
        "superseded",
    ]
    assert state_of(bad) == RolloutState.ROLLING_BACK
    tell(edges[0], "completed")
    assert rollout.advance(bad.pk).state == RolloutState.ROLLED_BACK
    assert Event.objects.about("training.modelversion", new.pk).filter(verb="rollback").count() == 1


def test_an_edge_that_came_to_the_version_by_a_rollback_goes_back_too():
    edge = EdgeServerFactory()
    oldest, _ = rolled_out(edge)
    middle, _ = rolled_out(edge)
    _, newest = rolled_out(edge)
    rollout.rollback(newest, by=people.ada())
    tell(edge, "completed")
    assert assigned_to(edge).model_version == middle
    assert rollback.of_model(middle, by=people.ada()).edges == 1
    assert assigned_to(edge).model_version == oldest


def test_a_scheduled_rollout_of_the_version_does_not_begin_any_more():
    EdgeServerFactory()
    version = released_version()
    later = rollout.start(version, by=people.ada(), scheduled_at=timezone.now() + timedelta(hours=1))
    rollback.of_model(version, by=people.ada())
    assert state_of(later) == RolloutState.ABORTED


def test_edges_without_an_earlier_version_keep_what_they_run_and_are_offered_it_no_more():
    edge = EdgeServerFactory()
    version, begun = rolled_out(edge)
    assert rollback.of_model(version, by=people.ada()).without_earlier_version == 1
    assert EdgeSlot.objects.get().desired is None
    assert rollout.advance(begun.pk).state == RolloutState.ROLLED_BACK


def test_a_version_that_runs_nowhere_cannot_go_back():
    edge = EdgeServerFactory()
    old, _ = rolled_out(edge)
    rolled_out(edge)
    with pytest.raises(Conflict, match="No edge server"):
        rollback.of_model(released_version(), by=people.ada())
    assert ModelDeployment.objects.get(model_version=old).status == "completed"


def test_one_edge_goes_back_alone():
    edge, other = EdgeServerFactory(), EdgeServerFactory()
    old, _ = rolled_out(edge, other)
    new, begun = rolled_out(edge, other)
    back = rollback.of_edge(edge, edge.slots.get().module, by=people.bo())
    assert (back.model_version, back.replaces, back.action, back.rollout) == (old, new, "rollback", None)
    assert assigned_to(other).model_version == new
    assert begun.deployments.get(edge_server=edge).status == "rolled_back"
    tell(edge, "completed")
    assert EdgeSlot.objects.get(edge_server=edge).active_version == old.version


def test_one_edge_goes_back_from_what_it_has_not_finished():
    edge = EdgeServerFactory()
    old, _ = rolled_out(edge)
    _, begun = rolled_out()
    assert rollback.of_edge(edge, edge.slots.get().module, by=people.ada()).model_version == old
    assert begun.deployments.get().status == "superseded"


def test_where_there_is_no_way_back_the_edge_is_left_alone():
    edge = EdgeServerFactory()
    module = edge.slots.get().module
    with pytest.raises(Conflict, match="assigned no version"):
        rollback.of_edge(edge, module, by=people.ada())
    version, _ = rolled_out(edge)
    with pytest.raises(Conflict, match="no earlier version"):
        rollback.of_edge(edge, module, by=people.ada())
    assert assigned_to(edge).model_version == version
    with pytest.raises(Missing):
        rollback.of_edge(edge, ModuleFactory(slug="plates"), by=people.ada())


def test_what_was_deprecated_is_nothing_to_go_back_to():
    edge = EdgeServerFactory()
    old, _ = rolled_out(edge)
    rolled_out(edge)
    model_version.deprecate(old, by=people.bo(), reason="Old.")
    with pytest.raises(Conflict, match="still released"):
        rollback.of_edge(edge, edge.slots.get().module, by=people.ada())


@pytest.mark.parametrize("who", [people.olga, people.rhea, people.cy])
def test_only_who_may_roll_back_does(who):
    edge = EdgeServerFactory()
    version, _ = rolled_out(edge)
    with pytest.raises(Refused):
        rollback.of_model(version, by=who())
    with pytest.raises(Refused):
        rollback.of_edge(edge, edge.slots.get().module, by=who())
