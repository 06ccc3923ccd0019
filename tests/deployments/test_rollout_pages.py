"""Rolling out, pausing and going back by the pages, and how edges stand."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from deployments import forms
from deployments.actions import rollout as rollout_verbs
from deployments.models import EdgeServer, EdgeSlot, ModelDeployment, Rollout, RolloutState
from tests import people
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModelVersionFactory
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db


def start(person, version, **form):
    return looking(person).post(reverse("deployments:rollout-new") + f"?model={version.pk}", form, follow=True)


def test_a_released_version_is_rolled_out_to_the_chosen_edges():
    version = released_version()
    chosen = EdgeServerFactory()
    EdgeServerFactory()
    response = start(people.bo(), version, edges=[chosen.pk])
    assert "The rollout has begun" in said(response)[0]
    assert [row.edge_server for row in Rollout.objects.get().deployments.all()] == [chosen]


def test_what_is_not_released_is_refused_in_words():
    EdgeServerFactory()
    response = start(people.bo(), ModelVersionFactory())
    assert "released" in said(response)[0]
    assert not Rollout.objects.exists()


def test_only_edges_that_have_the_slot_are_offered():
    version = released_version()
    EdgeServerFactory(name="with-slot")
    EdgeSlot.objects.filter(edge_server=EdgeServerFactory(name="without-slot")).delete()
    page = text_of(looking(people.bo()).get(reverse("deployments:rollout-new") + f"?model={version.pk}"))
    assert "with-slot" in page
    assert "without-slot" not in page


def test_of_many_edges_the_first_are_listed_and_the_others_named(monkeypatch):
    monkeypatch.setattr(forms, "OFFERED", 1)
    version = released_version()
    first, last = EdgeServerFactory(name="edge-a"), EdgeServerFactory(name="edge-z")
    page = text_of(looking(people.bo()).get(reverse("deployments:rollout-new") + f"?model={version.pk}"))
    assert "edge-a" in page
    assert "edge-z" not in page
    assert "There is no edge edge-y that could take it." in text_of(start(people.bo(), version, names="edge-y"))
    start(people.bo(), version, edges=[first.pk], names="edge-z\r\n\r\nedge-a")
    assert {row.edge_server for row in Rollout.objects.get().deployments.all()} == {first, last}


def test_a_rollout_is_paused_and_resumed():
    EdgeServerFactory()
    start(people.bo(), released_version())
    rollout = Rollout.objects.get()
    for verb, state in (("pause", RolloutState.PAUSED), ("resume", RolloutState.RUNNING)):
        looking(people.ada()).post(reverse(f"deployments:rollout-{verb}", args=[rollout.pk]))
        rollout.refresh_from_db()
        assert rollout.state == state


def test_rolling_back_wants_the_words_typed():
    EdgeServerFactory()
    start(people.bo(), released_version())
    rollout = Rollout.objects.get()
    address = reverse("deployments:rollout-rollback", args=[rollout.pk])
    looking(people.ada()).post(address, {"confirmation": "yes"})
    rollout.refresh_from_db()
    assert rollout.state == RolloutState.RUNNING
    looking(people.ada()).post(address, {"confirmation": "roll back"})
    rollout.refresh_from_db()
    assert rollout.state in {RolloutState.ROLLING_BACK, RolloutState.ROLLED_BACK}


def test_a_rollout_that_moves_is_asked_for_every_two_seconds():
    EdgeServerFactory()
    start(people.bo(), released_version())
    address = reverse("deployments:rollout", args=[Rollout.objects.get().pk])
    fragment = text_of(looking(people.ada()).get(address, headers={"HX-Request": "true"}))
    assert "every 2s" in fragment
    assert "<html" not in fragment


@pytest.mark.parametrize("query", ["", "?model=nonsense", "?model=01a1fb62-8066-73be-9d6c-80848f756eca"])
def test_a_rollout_of_nothing_is_not_found(query):
    assert looking(people.bo()).get(reverse("deployments:rollout-new") + query).status_code == 404


@pytest.mark.parametrize(
    ("seen", "active", "expected"),
    [(None, "", "not enrolled"), (1, "1.0.0", "in step"), (1, "0.9.0", "drift"), (3600, "1.0.0", "silent")],
)
def test_an_edge_is_said_to_be_new_in_step_in_drift_or_silent(seen, active, expected):
    edge = EdgeServerFactory()
    long_ago = timezone.now() - timedelta(hours=1)
    EdgeSlot.objects.update(desired=ModelVersionFactory(version="1.0.0"), desired_at=long_ago, active_version=active)
    EdgeServer.objects.update(last_seen_at=timezone.now() - timedelta(seconds=seen) if seen else None)
    page = text_of(looking(people.ada()).get(reverse("deployments:edge", args=[edge.pk])))
    assert expected in page.split("page-title", 1)[1].split("</div>", 1)[0]


def test_an_edge_within_the_grace_is_changing_not_drifting():
    edge = EdgeServerFactory()
    EdgeSlot.objects.update(desired=ModelVersionFactory(version="1.0.0"), desired_at=timezone.now(), active_version="0.9.0")
    EdgeServer.objects.update(last_seen_at=timezone.now())
    page = text_of(looking(people.ada()).get(reverse("deployments:edge", args=[edge.pk])))
    assert "changing" in page.split("page-title", 1)[1].split("</div>", 1)[0]


@pytest.mark.parametrize(
    ("stands", "expected"),
    [
        ("drift", {"drifting"}),
        ("silent", {"silent"}),
        ("held", {"held"}),
        ("new", {"new"}),
        ("", {"drifting", "silent", "held", "new"}),
    ],
)
def test_the_fleet_is_narrowed_to_the_edges_that_stand_so(stands, expected):
    now = timezone.now()
    edges = {name: EdgeServerFactory(name=name) for name in ("drifting", "silent", "held", "new")}
    EdgeServer.objects.exclude(name="new").update(last_seen_at=now)
    EdgeServer.objects.filter(name="silent").update(last_seen_at=now - timedelta(hours=1))
    slots = EdgeSlot.objects.filter(edge_server=edges["drifting"])
    slots.update(desired=ModelVersionFactory(), desired_at=now - timedelta(hours=1), active_version="0.9.0")
    EdgeSlot.objects.filter(edge_server=edges["held"]).update(held=True)
    response = looking(people.ada()).get(reverse("deployments:edges"), {"stands": stands})
    assert {row["edge"].name for row in response.context["rows"]} == expected


def failed_deployment() -> ModelDeployment:
    edge = EdgeServerFactory()
    rollout = rollout_verbs.start(released_version(), by=people.bo(), edges=[edge])
    deployment = rollout.deployments.get()
    deployment.move("failed", error_message="The disk is full.")
    return deployment


def test_a_failed_deployment_stands_first_and_is_tried_again():
    deployment = failed_deployment()
    there = reverse("deployments:rollout", args=[deployment.rollout_id])
    page = text_of(looking(people.ada()).get(there))
    assert "The disk is full." in page
    assert "Retry" in page
    response = looking(people.ada()).post(reverse("deployments:deployment-retry", args=[deployment.pk]), follow=True)
    assert "tries it once more" in said(response)[0]
    deployment.refresh_from_db()
    assert (deployment.status, deployment.attempt) == ("pending", 2)


def test_the_rule_is_said_with_its_figures_and_a_change_of_state_renews_the_page():
    EdgeServerFactory()
    EdgeServerFactory()
    plan = {"waves": [{"count": 1}, {"share": 1.0}], "error": {"max_failed": 1}}
    rollout = rollout_verbs.start(released_version(), by=people.bo(), plan=plan)
    there = reverse("deployments:rollout", args=[rollout.pk])
    page = text_of(looking(people.ada()).get(there))
    assert "Wave 1: 0 of 1 edges have completed; 1 must. Then wave 2 opens." in page
    assert "0 failed so far, more than 1 stops it." in page
    follow = {"headers": {"HX-Request": "true"}}
    assert "HX-Refresh" not in looking(people.ada()).get(there, {"state": "running"}, **follow)
    assert looking(people.ada()).get(there, {"state": "scheduled"}, **follow)["HX-Refresh"] == "true"


def test_aborting_wants_the_word_typed():
    EdgeServerFactory()
    start(people.bo(), released_version())
    rollout = Rollout.objects.get()
    abort = reverse("deployments:rollout-abort", args=[rollout.pk])
    assert "Nothing was done" in said(looking(people.bo()).post(abort, follow=True))[0]
    assert "Aborted" in said(looking(people.bo()).post(abort, {"confirmation": "abort"}, follow=True))[0]
    rollout.refresh_from_db()
    assert rollout.state == RolloutState.ABORTED


def installed(edge: EdgeServer, version) -> None:
    deployment = rollout_verbs.start(version, by=people.bo(), edges=[edge]).deployments.get()
    deployment.move("completed")
    EdgeSlot.objects.filter(edge_server=edge).update(active_version=version.version)


def test_a_version_is_rolled_back_from_every_edge_by_its_number():
    edge = EdgeServerFactory()
    good, bad = released_version(version="1.0.0"), released_version(version="1.1.0")
    installed(edge, good)
    installed(edge, bad)
    page = text_of(looking(people.bo()).get(reverse("training:model", args=[bad.pk])))
    assert "1 / 1" in page
    assert "Roll back everywhere" in page
    act = reverse("deployments:model-rollback", args=[bad.pk])
    assert "Nothing was done" in said(looking(people.bo()).post(act, follow=True))[0]
    response = looking(people.bo()).post(act, {"confirmation": "1.1.0"}, follow=True)
    assert said(response) == ["1 edge goes back at its next poll."]
    assert EdgeSlot.objects.get().desired == good


def test_one_module_of_one_edge_is_rolled_back_from_its_page():
    edge = EdgeServerFactory()
    good, bad = released_version(version="1.0.0"), released_version(version="1.1.0")
    installed(edge, good)
    installed(edge, bad)
    act = reverse("deployments:edge-rollback", args=[edge.pk, good.module.slug])
    assert "goes back" in said(looking(people.bo()).post(act, follow=True))[0]
    assert EdgeSlot.objects.get().desired == good


def test_a_hold_is_lifted_from_the_page():
    edge = EdgeServerFactory()
    version = released_version()
    installed(edge, version)
    EdgeSlot.objects.update(held=True, held_reason="The site went back to nothing by itself.", active_version="")
    there = reverse("deployments:edge", args=[edge.pk])
    assert "Lift the hold" in text_of(looking(people.bo()).get(there))
    act = reverse("deployments:edge-lift-hold", args=[edge.pk, version.module.slug])
    assert "hold is lifted" in said(looking(people.bo()).post(act, follow=True))[0]
    assert not EdgeSlot.objects.get().held


def test_a_callback_is_kept_and_what_is_never_called_is_refused():
    edge = EdgeServerFactory()
    act = reverse("deployments:edge-callback", args=[edge.pk])
    bo = looking(people.bo())
    assert "pushed there" in said(bo.post(act, {"url": "https://edge.example.org/wake"}, follow=True))[0]
    assert EdgeServer.objects.get().callback_url == "https://edge.example.org/wake"
    bo.post(act, {"url": "ftp://edge.example.org/"}, follow=True)
    assert EdgeServer.objects.get().callback_url == "https://edge.example.org/wake"


@pytest.mark.parametrize("name", ["callback", "lift-hold", "rollback"])
def test_an_organization_admin_looks_and_does_not_act(name):
    edge = EdgeServerFactory(organization=people.acme())
    module = EdgeSlot.objects.get().module.slug
    arguments = [edge.pk] if name == "callback" else [edge.pk, module]
    olga = looking(people.olga())
    page = text_of(olga.get(reverse("deployments:edge", args=[edge.pk])))
    assert "Roll back" not in page
    assert "Callback" not in page
    response = olga.post(reverse(f"deployments:edge-{name}", args=arguments), follow=True)
    assert "You may not do this" in said(response)[0]


def test_the_edge_page_shows_what_the_last_heartbeat_measured():
    edge = EdgeServerFactory(telemetry=[{"kind": "disk", "free_mb": 812}], last_seen_at=timezone.now())
    answered = {"ai_module": "meters", "kind": "answered", "count": 1204, "empty": 7}
    edge.slots.update(telemetry=[answered], telemetry_at=timezone.now())
    page = text_of(looking(people.bo()).get(reverse("deployments:edge", args=[edge.pk])))
    assert "What it measured" in page
    assert all(words in page for words in ("count 1204", "empty 7", "the machine", "free mb 812"))
    assert "ai module" not in page


def test_the_fleet_is_frozen_and_an_edge_described_replaced_and_retired_in_the_browser():
    edge, ada = EdgeServerFactory(), people.ada()
    frozen = looking(ada).post(reverse("deployments:fleet-freeze"), {"reason": "fair"}, follow=True)
    assert "fair" in text_of(frozen)
    assert "fair" not in text_of(looking(people.olga()).get(reverse("deployments:rollouts")))
    assert "lifted" in said(looking(ada).post(reverse("deployments:fleet-lift-freeze"), follow=True))[0]
    window = {"group": "gates", "zone": "Asia/Kolkata", "opens": "22:00", "closes": "04:00"}
    described = looking(ada).post(reverse("deployments:edge-describe", args=[edge.pk]), window, follow=True)
    assert "22:00–04:00 Asia/Kolkata" in text_of(described)
    half = looking(ada).post(reverse("deployments:edge-describe", args=[edge.pk]), {"zone": "UTC"}, follow=True)
    assert "A window has zone, from and to" in said(half)[0]
    replaced = looking(ada).post(reverse("deployments:edge-replace-hardware", args=[edge.pk]), follow=True)
    assert "cc-edge enrol --code" in said(replaced)[0]
    assert "Retired" in said(looking(ada).post(reverse("deployments:edge-retire", args=[edge.pk]), follow=True))[0]
    other = EdgeServerFactory()
    looking(people.olga()).post(reverse("deployments:edge-retire", args=[other.pk]))
    other.refresh_from_db()
    assert other.retired_at is None


def test_a_plan_is_filled_in_tried_dry_and_started():
    for _ in range(4):
        EdgeServerFactory()
    version = released_version()
    there = f"{reverse('deployments:rollout-new')}?model={version.pk}"
    asked = {"canary": 1, "share": 50, "success": 80, "soak": 5, "max_failed": 1, "reaction": "roll_back", "p95_ratio": 1.5}
    dry = text_of(looking(people.ada()).post(there, {**asked, "preview": "1"}))
    assert "4 edges would get it." in dry
    assert not Rollout.objects.exists()
    looking(people.ada()).post(there, {**asked, "empty_rise": 10, "windows": "on"})
    rollout = Rollout.objects.get()
    assert rollout.plan == {
        "waves": [{"count": 1, "name": "canary"}, {"share": 0.5}, {"share": 1.0}],
        "advance": {"success": 0.8, "soak_minutes": 5},
        "error": {"max_failed": 1},
        "health": {"p95_ratio": 1.5, "empty_rise": 0.1},
        "reaction": "roll_back",
        "windows": True,
        "edges": None,
    }
    assert [wave.deployments.count() for wave in rollout.waves.order_by("number")] == [1, 1, 2]
    opened = looking(people.ada()).post(reverse("deployments:rollout-advance", args=[rollout.pk]), follow=True)
    assert "The next wave is open." in said(opened)[0]
