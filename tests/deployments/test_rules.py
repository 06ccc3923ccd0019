"""The rules of a plan on a real rollout: soak, success, silence, reactions, concurrency, windows, freezes, standing ones, health."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from deployments.actions import deployment, edge_server, fleet, measuring, rollout
from deployments.models import EdgeServer, EdgeSlot, EdgeTelemetry, ModelDeployment, RolloutState, RolloutWave
from tests import people
from tests.deployments.conftest import assigned_to, tell
from tests.factories.deployments import EdgeServerFactory, released_version

pytestmark = pytest.mark.django_db

TWO_WAVES = {"waves": [{"count": 2, "name": "canary"}, {"share": 1.0}]}


def started(version=None, **fields):
    return rollout.start(version or released_version(), by=people.ada(), **fields)


def step(one):
    after = rollout.advance(one.pk)
    one.refresh_from_db()
    return after.state


def offered():
    return EdgeSlot.objects.filter(desired__isnull=False).count()


def later(minutes):
    """Let everything that was offered, settled or begun lie so many minutes further back."""
    ago = timedelta(minutes=minutes)
    for row in ModelDeployment.objects.filter(offered_at__isnull=False):
        ModelDeployment.objects.filter(pk=row.pk).update(offered_at=row.offered_at - ago)
    for wave in RolloutWave.objects.filter(settled_at__isnull=False):
        RolloutWave.objects.filter(pk=wave.pk).update(settled_at=wave.settled_at - ago)


def heard(edge, *, version, images=100, ms_bucket=10, empty=0, errors=0, sure=9, since="", kind="answered"):
    """Let an edge say what it measured of a version in a heartbeat."""
    confidence = [images if tenth == sure else 0 for tenth in range(10)]
    note = {"kind": kind, "ai_module": edge.slots.get().module.slug, "version": version, "since": since}
    sums = {"images": images, "errors": errors, "empty": empty, "latency": {str(ms_bucket): images}, "confidence": confidence}
    body = edge_server.Heartbeat(slots=[edge_server.SlotReport(note["ai_module"], version)], telemetry=[{**note, **sums}])
    edge_server.heartbeat(edge, body, by=edge.user)


def fleet_on(version, *edges):
    one = started(version)
    for edge in edges:
        tell(edge, "completed")
    rollout.advance(one.pk)


# waves


def test_a_wave_soaks_before_the_next_one_opens_and_says_for_how_long():
    edges = [EdgeServerFactory() for _ in range(4)]
    one = started(plan={**TWO_WAVES, "advance": {"soak_minutes": 10}})
    for edge in edges[:2]:
        tell(edge, "completed")
    assert (step(one), offered()) == (RolloutState.RUNNING, 2)
    later(9)
    assert (step(one), offered()) == (RolloutState.RUNNING, 2)
    later(2)
    assert (step(one), offered()) == (RolloutState.RUNNING, 4)
    assert list(one.waves.order_by("number").values_list("name", flat=True)) == ["canary", ""]


def test_a_share_of_a_wave_is_enough_where_the_plan_says_so_and_what_cannot_be_reached_stops_it():
    edges = [EdgeServerFactory() for _ in range(8)]
    plan = {"waves": [{"count": 4}, {"share": 1.0}], "advance": {"success": 0.75}, "error": {"max_failed": 4}}
    one = started(plan=plan)
    for edge in edges[:2]:
        tell(edge, "completed")
    assert (step(one), offered()) == (RolloutState.RUNNING, 4)
    tell(edges[2], "completed")
    assert (step(one), offered()) == (RolloutState.RUNNING, 8)
    for edge in edges[4:6]:
        tell(edge, "failed")
    assert step(one) == RolloutState.PAUSED
    assert one.stopped_because == "At most 2 of 4 edges of this wave can complete; 3 must."


def test_a_person_opens_the_next_wave_before_its_time():
    edges = [EdgeServerFactory() for _ in range(3)]
    one = started(plan={**TWO_WAVES, "advance": {"soak_minutes": 600}})
    rollout.open_next(one, by=people.bo())
    assert offered() == len(edges)
    with pytest.raises(Conflict, match="open already"):
        rollout.open_next(one, by=people.bo())
    with pytest.raises(Refused):
        rollout.open_next(one, by=people.olga())


def test_no_more_edges_are_on_the_way_at_once_than_the_plan_says():
    edges = [EdgeServerFactory() for _ in range(5)]
    one = started(plan={"concurrency": 2})
    assert offered() == 2
    tell(edges[0], "completed")
    assert (step(one), offered()) == (RolloutState.RUNNING, 3)
    rollout.abort(one, by=people.ada())
    assert sorted(one.deployments.values_list("status", flat=True)) == [
        "completed",
        "pending",
        "pending",
        "superseded",
        "superseded",
    ]


def test_an_edge_is_changed_in_its_window_only_and_a_way_back_does_not_wait_for_it():
    now = timezone.now()
    hours = [(now + timedelta(hours=ahead)).strftime("%H:00") for ahead in (2, 4)]
    first, second = EdgeServerFactory(), EdgeServerFactory()
    old = released_version()
    fleet_on(old, first, second)
    fleet.describe(second, by=people.ada(), window={"zone": "UTC", "from": hours[0], "to": hours[1]})
    new = released_version()
    one = started(new, plan={"windows": True})
    assert [assigned_to(edge).model_version for edge in (first, second)] == [new, old]
    tell(first, "completed")
    assert step(one) == RolloutState.RUNNING
    EdgeServer.objects.filter(pk=second.pk).update(window={})
    step(one)
    assert assigned_to(second).model_version == new
    EdgeServer.objects.filter(pk=second.pk).update(window={"zone": "UTC", "from": hours[0], "to": hours[1]})
    rollout.rollback(one, by=people.ada())
    assert assigned_to(second).model_version == old


# what stops it


def test_edges_that_fall_silent_count_as_failed_and_are_counted_again_when_they_answer():
    edges = [EdgeServerFactory() for _ in range(4)]
    one = started(plan={"error": {"max_share": 0.25, "silent_after_minutes": 60}})
    for edge in edges[:2]:
        tell(edge, "completed")
    assert step(one) == RolloutState.RUNNING
    later(61)
    assert step(one) == RolloutState.PAUSED
    assert one.stopped_because == "0 of 4 deployments failed and 2 fell silent, 1 may"
    tell(edges[2], "completed")
    rollout.resume(one, by=people.ada())
    assert (one.failures_accepted, step(one)) == (1, RolloutState.COMPLETED)


@pytest.mark.parametrize(
    ("reaction", "state", "verb"),
    [("abort", RolloutState.ABORTED, "abort"), ("roll_back", RolloutState.ROLLING_BACK, "rollback")],
)
def test_the_plan_says_what_is_done_when_a_rule_is_broken(reaction, state, verb):
    edges = [EdgeServerFactory() for _ in range(3)]
    old = released_version()
    fleet_on(old, *edges)
    one = started(plan={**TWO_WAVES, "reaction": reaction})
    tell(edges[0], "completed")
    tell(edges[1], "failed", error_message="golden check: 3 of 8 differ")
    assert step(one) == state
    assert "golden check" in one.stopped_because
    assert Event.objects.about("deployments.rollout", one.pk).filter(verb=verb).get().actor_name == "hub"
    assert assigned_to(edges[2]).model_version == old
    if reaction == "roll_back":
        assert {assigned_to(edge).model_version for edge in edges} == {old}
        for edge in edges[:2]:
            tell(edge, "completed")
        assert step(one) == RolloutState.ROLLED_BACK


@pytest.mark.parametrize(
    ("rule", "worse", "sentence"),
    [
        ({"p95_ratio": 1.5}, {"ms_bucket": 14}, "95 of 100 images take up to 28.4 ms, 11.6 ms before"),
        ({"empty_rise": 0.1}, {"empty": 30}, "30.0% of the answers are empty, 0.0% before"),
        ({"error_rise": 0.1}, {"errors": 100}, "50.0% of the images could not be answered, 0.0% before"),
        ({"confidence_shift": 0.2}, {"sure": 4}, "the confidence of 100% of the answers has moved"),
    ],
)
def test_a_version_that_does_worse_in_the_canary_wave_goes_back_by_itself(rule, worse, sentence):
    edges = [EdgeServerFactory() for _ in range(3)]
    old, new = released_version(), released_version()
    fleet_on(old, *edges)
    for edge in edges:
        heard(edge, version=old.version)
    one = started(new, plan={**TWO_WAVES, "health": {**rule, "min_images": 1}, "reaction": "roll_back"})
    for edge in edges[:2]:
        tell(edge, "completed")
    heard(edges[0], version=new.version, **worse)
    assert step(one) == RolloutState.ROLLING_BACK
    assert one.stopped_because == f"The new version does worse than the one before: {sentence}."
    assert {assigned_to(edge).model_version for edge in edges} == {old}


def test_a_version_that_does_as_well_goes_on_once_enough_was_measured():
    edges = [EdgeServerFactory() for _ in range(3)]
    old, new = released_version(), released_version()
    fleet_on(old, *edges)
    heard(edges[0], version=old.version)
    health = {"p95_ratio": 1.5, "empty_rise": 0.1, "error_rise": 0.1, "confidence_shift": 0.2, "min_images": 150}
    one = started(new, plan={**TWO_WAVES, "health": health})
    for edge in edges[:2]:
        tell(edge, "completed")
    heard(edges[0], version=new.version)
    assert (step(one), one.waves.filter(opened_at__isnull=False).count()) == (RolloutState.RUNNING, 1)
    heard(edges[1], version=new.version, ms_bucket=11)
    assert (step(one), one.waves.filter(opened_at__isnull=False).count()) == (RolloutState.RUNNING, 2)
    assert one.measured["images"] == 200


def test_what_was_measured_counts_once_however_often_it_is_told():
    edge = EdgeServerFactory()
    for since in (
        "2026-11-21T10:00:00+00:00",
        "2026-11-21T10:00:00+00:00",
        "2026-11-21T10:01:00+00:00",
        "2026-11-21T10:00:00+00:00",
    ):
        heard(edge, version="1.0.0", since=since)
    heard(edge, version="1.0.0", kind="refusal")
    assert EdgeTelemetry.objects.get().measured["images"] == 200
    EdgeTelemetry.objects.update(hour=timezone.now() - timedelta(hours=2))
    heard(edge, version="1.0.0", since="2026-11-21T10:01:00+00:00")
    assert EdgeTelemetry.objects.get().measured["images"] == 200
    EdgeTelemetry.objects.update(hour=timezone.now() - timedelta(days=91))
    assert (measuring.forget_measured(), measuring.forget_measured()) == (1, 0)


# freezes and those who join


def test_a_frozen_fleet_is_offered_nothing_and_fetches_nothing_but_goes_back():
    edges = [EdgeServerFactory() for _ in range(4)]
    old = released_version()
    fleet_on(old, *edges)
    one = started(plan=TWO_WAVES)
    ada = people.ada()
    frozen = fleet.freeze(None, by=ada, reason="election day")
    assert fleet.freeze(None, by=ada) == frozen
    with pytest.raises(Conflict, match="election day"):
        deployment.download(assigned_to(edges[0]), by=edges[0].user)
    with pytest.raises(Conflict, match="frozen"):
        started()
    for edge in edges[:2]:
        tell(edge, "completed")
    step(one)
    assert one.deployments.filter(offered_at__isnull=False).count() == 2
    fleet.lift_freeze(None, by=ada)
    step(one)
    assert one.deployments.filter(offered_at__isnull=False).count() == 4
    fleet.freeze(people.acme(), by=ada)
    rollout.rollback(one, by=ada)
    assert deployment.download(assigned_to(edges[0]), by=edges[0].user).url
    fleet.lift_freeze(people.acme(), by=ada)
    with pytest.raises(Conflict, match="not frozen"):
        fleet.lift_freeze(people.acme(), by=ada)


def test_what_joins_a_group_later_gets_a_standing_rollouts_version_until_a_newer_one_comes():
    first = EdgeServerFactory(group="gates")
    EdgeServerFactory(group="docks")
    version = released_version()
    one = started(version, plan={"group": "gates", "standing": True})
    assert one.deployments.get().edge_server == first
    tell(first, "completed")
    assert step(one) == RolloutState.COMPLETED
    joined = EdgeServerFactory(group="gates")
    assert one.pk in rollout.due()
    assert step(one) == RolloutState.COMPLETED
    assert assigned_to(joined).rollout == one
    started(plan={"group": "docks"})
    last = EdgeServerFactory(group="gates")
    step(one)
    assert assigned_to(last) is None
    with pytest.raises(Conflict, match="No edge server of the group quay"):
        started(plan={"group": "quay"})


# before it starts


def test_a_dry_run_says_what_would_happen_and_writes_nothing():
    edges = [EdgeServerFactory(group="gates", enrolled_at=timezone.now()) for _ in range(3)]
    EdgeServerFactory(retired_at=timezone.now(), name="old-one", group="gates")
    old, new = released_version(), released_version(min_edge_version="9.0.0")
    fleet_on(old, *edges[:2])
    EdgeServer.objects.filter(pk=edges[0].pk).update(edge_version="0.1.0")
    EdgeSlot.objects.filter(edge_server=edges[2]).update(held=True, held_reason="The site went back.", desired=new)
    before = ModelDeployment.objects.count()
    shown = rollout.preview(new, by=people.ada(), plan={**TWO_WAVES, "group": "gates"})
    assert (shown.edges, shown.waves) == (2, [("canary", 2)])
    assert shown.blocked == sorted([(edges[2].name, "The site went back."), ("old-one", "retired")])
    assert dict(shown.notes) == {"the agent is older than 9.0.0 and will refuse it": 1}
    assert (dict(shown.returns), shown.bytes) == ({old.version: 2}, 2 * new.bundle.size)
    assert ModelDeployment.objects.count() == before
    with pytest.raises(Invalid):
        rollout.preview(new, by=people.ada(), plan={"reaction": "hope"})
    with pytest.raises(Refused):
        rollout.preview(new, by=people.olga())


def test_a_dry_run_says_when_the_window_of_each_edge_opens_that_waits_for_it():
    now = timezone.now()
    edges = [EdgeServerFactory(name=name, enrolled_at=now) for name in ("later", "sooner", "any-time", "open")]
    for edge, hours in zip(edges, (6, 2, None, -1), strict=True):
        if hours is not None:
            at = now + timedelta(hours=hours)
            window = {"zone": "UTC", "from": f"{at:%H:%M}", "to": f"{at + timedelta(hours=2):%H:%M}"}
            EdgeServer.objects.filter(pk=edge.pk).update(window=window)
    shown = rollout.preview(released_version(), by=people.ada(), plan={"windows": True}).as_document()
    told = [(row["edge"], row["opens_at"].strftime("%H:%M")) for row in shown["windows"]]
    assert told == [("sooner", f"{now + timedelta(hours=2):%H:%M}"), ("later", f"{now + timedelta(hours=6):%H:%M}")]
    assert shown["notes"] == {"waits for its maintenance window": 2}
    assert rollout.preview(released_version(), by=people.ada(), plan=None).as_document()["windows"] == []


# edges


def test_replaced_hardware_keeps_id_and_history_and_ends_the_old_key():
    edge = EdgeServerFactory()
    started()
    tell(edge, "completed")
    code = edge_server.new_code(edge)
    edge_server.enrol(code, "1" * 64, "gate", {}, key_prefix="aaaaaaaa")
    assert edge.user.access_keys.filter(revoked_at__isnull=True).exists()
    replaced, code = fleet.replace_hardware(edge, by=people.ada())
    assert (replaced.pk, replaced.attempt, replaced.enrolled_at) == (edge.pk, 2, None)
    assert not edge.user.access_keys.filter(revoked_at__isnull=True).exists()
    edge_server.enrol(code, "2" * 64, "gate", {}, key_prefix="bbbbbbbb")
    assert edge.user.access_keys.filter(revoked_at__isnull=True).count() == 1
    for _ in range(2):
        fleet.retire(edge, by=people.ada())
    assert Event.objects.about("deployments.edgeserver", edge.pk).filter(verb="retire").count() == 1
    with pytest.raises(Conflict, match="retired"):
        fleet.replace_hardware(edge, by=people.ada())


def test_an_edge_is_described_within_bounds_and_by_whom_it_may():
    edge = EdgeServerFactory()
    fleet.describe(edge, by=people.ada(), group="gates", labels={"site": "north"}, window={})
    edge.refresh_from_db()
    assert (edge.group, edge.labels, edge.window) == ("gates", {"site": "north"}, {})
    for wrong in (
        {"group": "x" * 61},
        {"labels": {"": "x"}},
        {"labels": {str(n): "x" for n in range(33)}},
        {"window": {"zone": "Mars/Olympus", "from": "22:00", "to": "04:00"}},
        {"window": {"zone": "UTC", "from": "22:00", "to": "22:00"}},
        {"window": {"zone": "UTC", "from": "ten", "to": "22:00"}},
        {"window": {"zone": "UTC", "from": "21:00", "to": "22:00", "days": [7]}},
        {"window": {"zone": "UTC"}},
    ):
        with pytest.raises(Invalid):
            fleet.describe(edge, by=people.ada(), **wrong)
    for verb in (fleet.retire, fleet.replace_hardware, fleet.describe):
        with pytest.raises(Refused):
            verb(edge, by=people.olga())
    for verb in (fleet.freeze, fleet.lift_freeze):
        with pytest.raises(Refused):
            verb(people.acme(), by=people.olga())
