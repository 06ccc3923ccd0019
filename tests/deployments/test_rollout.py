"""Rollouts: wave by wave to the edges, stopped by failures, and back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Missing, Refused
from deployments import tasks
from deployments.actions import rollout
from deployments.models import EdgeSlot, ModelDeployment, Rollout, RolloutState
from tests import people
from tests.deployments.conftest import assigned_to, tell
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModelVersionFactory, ModuleFactory
from tests.racing import race
from training.actions import model_version
from training.models import ModelStatus

pytestmark = pytest.mark.django_db

CANARY = {"waves": [{"count": 1}, {"share": 1.0}]}


def started(version=None, **fields):
    return rollout.start(version or released_version(), by=people.ada(), **fields)


def statuses(one):
    return list(one.deployments.order_by("created_at", "pk").values_list("status", flat=True))


def state_after_advance(one):
    return rollout.advance(one.pk).state


def verbs_about(one):
    return list(Event.objects.about("deployments.rollout", one.pk).order_by("pk").values_list("verb", flat=True))


# start


def test_a_released_version_goes_to_all_edges_with_a_slot_for_its_module():
    edges = [EdgeServerFactory() for _ in range(3)]
    EdgeServerFactory(modules=[ModuleFactory(slug="plates")])
    version = released_version()
    one = started(version)
    assert one.state == RolloutState.RUNNING
    assert {deployment.edge_server for deployment in one.deployments.all()} == set(edges)
    assert {slot.desired for slot in EdgeSlot.objects.filter(edge_server__in=edges)} == {version}
    assert one.waves.get().opened_at is not None
    assert verbs_about(one) == ["start", "open_wave"]


@pytest.mark.parametrize("status", sorted(set(ModelStatus) - {ModelStatus.RELEASED}))
def test_what_is_not_released_is_not_deployed(status):
    EdgeServerFactory()
    with pytest.raises(Conflict, match="Only a released"):
        started(ModelVersionFactory(status=status))
    assert not Rollout.objects.exists()


def test_named_edges_only():
    first, second = EdgeServerFactory(), EdgeServerFactory()
    one = started(edges=[second])
    assert one.deployments.get().edge_server == second
    assert EdgeSlot.objects.get(edge_server=first).desired is None


def test_an_edge_without_a_slot_is_named_in_the_refusal():
    other = EdgeServerFactory(modules=[ModuleFactory(slug="plates")])
    EdgeServerFactory()
    with pytest.raises(Invalid, match=str(other.pk)):
        started(edges=[other])


def test_an_organizations_version_goes_to_its_own_edges():
    own, other = EdgeServerFactory(), EdgeServerFactory(organization=people.petty())
    version = released_version(organization=people.acme())
    assert started(version).deployments.get().edge_server == own
    with pytest.raises(Invalid):
        started(version, edges=[other])


def test_retired_edges_are_left_out():
    EdgeServerFactory(retired_at=timezone.now())
    with pytest.raises(Conflict, match="No edge"):
        started()


def test_no_edges_named_is_not_all():
    EdgeServerFactory()
    with pytest.raises(Invalid):
        started(edges=[])


@pytest.mark.parametrize("who", [people.olga, people.rhea, people.cy])
def test_only_who_may_deploy_starts_one(who):
    EdgeServerFactory()
    with pytest.raises(Refused):
        rollout.start(released_version(), by=who())


def test_a_newer_rollout_supersedes_what_is_open_on_the_edge():
    edge = EdgeServerFactory()
    first, second = started(), started()
    assert (statuses(first), statuses(second)) == (["superseded"], ["pending"])
    assert assigned_to(edge).rollout == second


@pytest.mark.django_db(transaction=True)
def test_of_rollouts_at_the_same_moment_one_is_open_per_edge():
    edges = [EdgeServerFactory() for _ in range(3)]
    versions, ada = [released_version() for _ in range(4)], people.ada()
    won, lost = race(lambda i: rollout.start(versions[i], by=ada), threads=4)
    assert (len(won), lost) == (4, [])
    assert ModelDeployment.objects.open().count() == 3
    for edge in edges:
        assert assigned_to(edge) == edge.deployments.open().get()


# waves


def test_the_next_wave_opens_when_the_one_before_is_over():
    edges = [EdgeServerFactory() for _ in range(3)]
    one = started(plan=CANARY)
    assert [slot.desired is not None for slot in EdgeSlot.objects.order_by("pk")] == [True, False, False]
    assert state_after_advance(one) == RolloutState.RUNNING
    assert EdgeSlot.objects.filter(desired__isnull=False).count() == 1
    tell(edges[0], "completed")
    assert state_after_advance(one) == RolloutState.RUNNING
    assert EdgeSlot.objects.filter(desired__isnull=False).count() == 3
    for edge in edges[1:]:
        tell(edge, "completed")
    assert state_after_advance(one) == RolloutState.COMPLETED
    assert one.waves.filter(finished_at__isnull=False).count() == 2
    assert verbs_about(one) == ["start", "open_wave", "open_wave", "complete"]


def test_a_report_that_ends_a_deployment_wakes_the_worker(queued, django_capture_on_commit_callbacks):
    edge = EdgeServerFactory()
    started()
    with django_capture_on_commit_callbacks(execute=True):
        tell(edge, "downloading", seq=1)
    assert queued == []
    with django_capture_on_commit_callbacks(execute=True):
        tell(edge, "completed", seq=2)
    assert queued == ["deployments.tasks.advance_rollouts"]


def test_the_task_takes_every_rollout_a_step_further():
    edge, other = EdgeServerFactory(), EdgeServerFactory(modules=[ModuleFactory(slug="plates")])
    rollouts = [started(), started(released_version(module=ModuleFactory(slug="plates")))]
    for each in (edge, other):
        tell(each, "completed")
    tasks.advance_rollouts()
    assert {Rollout.objects.get(pk=one.pk).state for one in rollouts} == {RolloutState.COMPLETED}
    tasks.advance_rollouts()


def test_advancing_what_is_not_there_is_missing():
    with pytest.raises(Missing):
        rollout.advance("018f3f4e-0000-7000-8000-000000000000")


@pytest.mark.django_db(transaction=True)
def test_advancing_at_the_same_moment_opens_a_wave_once():
    edges = [EdgeServerFactory() for _ in range(3)]
    one = started(plan=CANARY)
    tell(edges[0], "completed")
    race(lambda _: rollout.advance(one.pk))
    assert verbs_about(one) == ["start", "open_wave", "open_wave"]


# pausing


def test_a_failure_pauses_it_and_says_why():
    edges = [EdgeServerFactory() for _ in range(3)]
    one = started(plan=CANARY)
    tell(edges[0], "failed", error_message="golden check: 3 of 8 differ")
    assert state_after_advance(one) == RolloutState.PAUSED
    one.refresh_from_db()
    assert one.stopped_because == f"1 of 3 deployments failed, 0 may; the last on {edges[0].name}: golden check: 3 of 8 differ"
    assert EdgeSlot.objects.filter(desired__isnull=False).count() == 1


def test_as_many_failures_as_the_plan_bears_do_not_pause_it():
    edges = [EdgeServerFactory() for _ in range(3)]
    one = started(plan={**CANARY, "error": {"max_failed": 1}})
    tell(edges[0], "failed")
    assert state_after_advance(one) == RolloutState.RUNNING
    tell(edges[1], "failed")
    assert state_after_advance(one) == RolloutState.PAUSED


def test_resuming_accepts_the_failures_so_far():
    edges = [EdgeServerFactory() for _ in range(3)]
    one = started(plan=CANARY)
    tell(edges[0], "failed")
    rollout.advance(one.pk)
    one.refresh_from_db()
    rollout.resume(one, by=people.ada())
    assert state_after_advance(one) == RolloutState.RUNNING
    assert EdgeSlot.objects.filter(desired__isnull=False).count() == 3
    tell(edges[1], "failed")
    assert state_after_advance(one) == RolloutState.PAUSED


def test_a_person_pauses_and_the_wave_stays_shut():
    edges = [EdgeServerFactory() for _ in range(2)]
    one = started(plan=CANARY)
    rollout.pause(one, by=people.bo(), reason="holiday")
    tell(edges[0], "completed")
    assert state_after_advance(one) == RolloutState.PAUSED
    assert EdgeSlot.objects.filter(desired__isnull=False).count() == 1
    with pytest.raises(Conflict):
        rollout.pause(one, by=people.bo())


def test_a_deprecated_version_reaches_no_further_edge():
    edges = [EdgeServerFactory() for _ in range(2)]
    version = released_version()
    one = started(version, plan=CANARY)
    tell(edges[0], "completed")
    model_version.deprecate(version, by=people.bo(), reason="Old.")
    assert state_after_advance(one) == RolloutState.PAUSED
    one.refresh_from_db()
    assert "deprecated" in one.stopped_because


def test_aborting_spares_the_edges_that_were_offered_nothing():
    edges = [EdgeServerFactory() for _ in range(3)]
    one = started(plan=CANARY)
    rollout.abort(one, by=people.ada(), reason="wrong model")
    assert statuses(one) == ["pending", "superseded", "superseded"]
    tell(edges[0], "completed")
    assert (state_after_advance(one), one.stopped_because) == (RolloutState.ABORTED, "wrong model")


def test_a_reason_has_a_bound():
    EdgeServerFactory()
    with pytest.raises(Invalid):
        rollout.abort(started(), by=people.ada(), reason="x" * 2_001)


# scheduling


def test_a_scheduled_rollout_touches_nothing_before_its_time():
    edge = EdgeServerFactory()
    one = started(scheduled_at=timezone.now() + timedelta(hours=1))
    assert (one.state, one.deployments.count()) == (RolloutState.SCHEDULED, 0)
    assert state_after_advance(one) == RolloutState.SCHEDULED
    assert rollout.due() == []
    Rollout.objects.update(scheduled_at=timezone.now())
    assert rollout.due() == [one.pk]
    assert state_after_advance(one) == RolloutState.RUNNING
    assert assigned_to(edge).rollout == one


def test_a_scheduled_rollout_of_what_was_deprecated_meanwhile_ends_with_a_sentence():
    EdgeServerFactory()
    version = released_version()
    one = started(version, scheduled_at=timezone.now() + timedelta(hours=1))
    Rollout.objects.update(scheduled_at=timezone.now())
    model_version.deprecate(version, by=people.bo(), reason="Old.")
    assert state_after_advance(one) == RolloutState.ABORTED
    one.refresh_from_db()
    assert "Only a released" in one.stopped_because


# the way back


def fleet_on(version, *edges):
    one = started(version)
    for edge in edges:
        tell(edge, "completed")
    rollout.advance(one.pk)
    return one


def test_each_edge_returns_to_the_version_it_last_completed():
    first, second = EdgeServerFactory(), EdgeServerFactory()
    old, older, worse = released_version(), released_version(), released_version()
    fleet_on(old, first, second)
    started(older, edges=[second])
    tell(second, "completed")
    one = fleet_on(worse, first, second)
    rollout.rollback(one, by=people.bo())
    assert one.state == RolloutState.ROLLING_BACK
    assert {slot.edge_server: slot.desired for slot in EdgeSlot.objects.all()} == {first: old, second: older}
    assert {assigned_to(edge).action for edge in (first, second)} == {"rollback"}
    assert statuses(one) == ["rolled_back", "rolled_back", "pending", "pending"]
    for edge in (first, second):
        tell(edge, "completed")
    assert state_after_advance(one) == RolloutState.ROLLED_BACK
    assert verbs_about(one)[-2:] == ["rollback", "end_rollback"]


def test_the_one_who_approved_may_send_it_back_alone():
    edge = EdgeServerFactory()
    fleet_on(released_version(), edge)
    one = fleet_on(released_version(), edge)
    rollout.rollback(one, by=people.bo())
    assert Event.objects.get(verb="rollback").actor_name == "Bo"


def test_an_edge_still_under_way_is_sent_back_too():
    edge, old = EdgeServerFactory(), released_version()
    fleet_on(old, edge)
    one = started()
    tell(edge, "installing")
    rollout.rollback(one, by=people.ada())
    assert statuses(one) == ["superseded", "pending"]
    assert assigned_to(edge).model_version == old


def test_an_edge_that_another_rollout_has_reached_since_is_left_alone():
    first, second = EdgeServerFactory(), EdgeServerFactory()
    old, worse, newest = released_version(), released_version(), released_version()
    fleet_on(old, first, second)
    one = fleet_on(worse, first, second)
    started(newest, edges=[second])
    rollout.rollback(one, by=people.ada())
    assert (assigned_to(first).model_version, assigned_to(second).model_version) == (old, newest)
    assert one.deployments.get(edge_server=second).status == "completed"


def test_an_edge_without_an_earlier_version_is_offered_this_one_no_more():
    edge = EdgeServerFactory()
    one = fleet_on(released_version(), edge)
    rollout.rollback(one, by=people.ada())
    assert one.state == RolloutState.ROLLED_BACK
    slot = EdgeSlot.objects.get()
    assert (slot.desired, slot.desired_deployment) == (None, None)
    assert Event.objects.get(verb="rollback").facts == {"edges": 0, "without_earlier_version": 1}


def test_a_deprecated_version_is_not_returned_to():
    edge = EdgeServerFactory()
    good, deprecated = released_version(), released_version()
    fleet_on(good, edge)
    fleet_on(deprecated, edge)
    model_version.deprecate(deprecated, by=people.bo(), reason="Old.")
    one = fleet_on(released_version(), edge)
    rollout.rollback(one, by=people.ada())
    assert assigned_to(edge).model_version == good


def test_waves_not_opened_are_never_opened():
    edges = [EdgeServerFactory() for _ in range(3)]
    old = released_version()
    fleet_on(old, *edges)
    one = started(plan=CANARY)
    rollout.rollback(one, by=people.ada())
    assert statuses(one) == ["superseded", "superseded", "superseded", "pending"]
    assert {slot.desired for slot in EdgeSlot.objects.all()} == {old}


def test_a_later_rollout_waiting_on_the_edge_gives_way():
    edges = [EdgeServerFactory() for _ in range(2)]
    old = released_version()
    fleet_on(old, *edges)
    one = fleet_on(released_version(), *edges)
    later = started(plan=CANARY)
    rollout.rollback(one, by=people.ada())
    assert assigned_to(edges[0]).rollout == later
    assert assigned_to(edges[1]).model_version == old
    assert statuses(later) == ["pending", "superseded"]


def test_going_back_twice_is_a_conflict():
    edge = EdgeServerFactory()
    fleet_on(released_version(), edge)
    one = fleet_on(released_version(), edge)
    rollout.rollback(one, by=people.ada())
    for again in (one, Rollout.objects.get(pk=one.pk)):
        with pytest.raises(Conflict):
            rollout.rollback(again, by=people.ada())


@pytest.mark.django_db(transaction=True)
def test_of_eight_going_back_at_once_one_wins():
    edge = EdgeServerFactory()
    fleet_on(released_version(), edge)
    one, bo = fleet_on(released_version(), edge), people.bo()
    won, lost = race(lambda _: rollout.rollback(Rollout.objects.get(pk=one.pk), by=bo))
    assert (len(won), len(lost)) == (1, 7)
    assert one.deployments.filter(action="rollback").count() == 1


@pytest.mark.parametrize("who", [people.olga, people.rhea, people.cy])
def test_only_who_may_roll_back_does(who):
    EdgeServerFactory()
    one = started()
    with pytest.raises(Refused):
        rollout.rollback(one, by=who())
