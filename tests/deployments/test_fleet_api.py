"""`/api/v1/deployments` and the deployment side of `/api/v1/training/models`."""

import pytest
from rest_framework.test import APIClient

from accounts.actions import access_key
from deployments.actions import edge_server as verbs_of_edge
from deployments.models import Rollout
from tests import people
from tests.deployments.conftest import assigned_to, tell
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModelVersionFactory
from training.models import ModelStatus

pytestmark = pytest.mark.django_db
API = "/api/v1"


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_key.issue(user, by=None)[1]}")
    return client


@pytest.fixture
def ada():
    return client_of(people.ada())


def test_a_rollout_from_start_to_rollback(ada):
    edge, old, new = EdgeServerFactory(), released_version(), released_version()
    ada.post(f"{API}/training/models/{old.pk}/deploy-all", {"confirm_edges": 1}, format="json")
    tell(edge, "completed")
    asked = {"model_version": new.pk, "edges": [edge.pk], "plan": {"waves": [{"share": 1.0}]}}
    started = ada.post(f"{API}/deployments/rollouts", asked, format="json")
    assert (started.status_code, started.json()["state"], started.json()["version"]) == (201, "running", new.version)
    here = f"{API}/deployments/rollouts/{started.json()['id']}"
    assert ada.post(f"{here}/pause", {"reason": "lunch"}, format="json").json()["stopped_because"] == "lunch"
    assert ada.post(f"{here}/resume", {}, format="json").json()["state"] == "running"
    assert ada.post(f"{here}/rollback/", {}, format="json").json()["state"] == "rolling_back"
    assert ada.post(f"{here}/rollback", {}, format="json").status_code == 409
    assert ada.post(f"{here}/abort", {}, format="json").status_code == 409
    shown = ada.get(here).json()
    assert shown["deployments"] == {"install": {"superseded": 1}, "rollback": {"pending": 1}}
    assert [wave["number"] for wave in shown["waves"]] == [1]
    listed = ada.get(f"{API}/deployments/rollouts/", {"page_size": 1}).json()
    assert listed["results"][0]["id"] == shown["id"]
    assert listed["next"]


def test_deploying_to_one_edge(ada):
    edge, version = EdgeServerFactory(), released_version()
    here = f"{API}/training/models/{version.pk}"
    answer = ada.post(f"{here}/deploy", {"edge_server_id": edge.pk, "scheduled_at": None}, format="json")
    assert (answer.status_code, answer.json()["deployment"]["edge_server_id"]) == (201, edge.pk)
    rows = ada.get(f"{here}/deployments").json()["results"]
    assert [row["status"] for row in rows] == ["pending"]
    later = ada.post(f"{here}/deploy", {"edge_server_id": edge.pk, "scheduled_at": "2200-01-01T00:00:00Z"}, format="json")
    assert later.status_code == 422


def test_what_is_not_released_is_not_deployed(ada):
    edge, version = EdgeServerFactory(), ModelVersionFactory(status=ModelStatus.APPROVED)
    answer = ada.post(f"{API}/training/models/{version.pk}/deploy", {"edge_server_id": edge.pk}, format="json")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "Only a released version can be deployed; this one is approved.",
    )


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"edges": [10**18]}, 404),
        ({"edges": [-1]}, 404),
        ({"edges": [10**30]}, 404),
        ({"edges": []}, 422),
        ({"edges": ["x"]}, 400),
        ({"plan": {"waves": []}}, 422),
        ({"plan": "fast"}, 422),
        ({"scheduled_at": "soon"}, 400),
        ({"model_version": "x"}, 400),
        ({"model_version": "00000000-0000-0000-0000-000000000000"}, 404),
    ],
)
def test_a_rollout_that_makes_no_sense_is_refused(ada, asked, status):
    EdgeServerFactory()
    body = {"model_version": released_version().pk, **asked}
    assert ada.post(f"{API}/deployments/rollouts", body, format="json").status_code == status


def test_edges_show_what_they_shall_run_and_run(ada):
    edge, version = EdgeServerFactory(), released_version()
    ada.post(f"{API}/training/models/{version.pk}/deploy-all", {"confirm_edges": 1}, format="json")
    shown = ada.get(f"{API}/deployments/edges/{edge.pk}").json()
    assert (shown["name"], shown["slots"][0]["desired_version"], shown["slots"][0]["active_version"]) == (
        edge.name,
        version.version,
        "",
    )
    tell(edge, "completed")
    listed = ada.get(f"{API}/deployments/edges/").json()["results"]
    assert listed[0]["slots"][0]["active_version"] == version.version
    assert ada.get(f"{API}/deployments/edges/{edge.pk + 1}").status_code == 404


def test_an_organization_sees_its_own_fleet_and_touches_nothing(ada):
    own, other = EdgeServerFactory(), EdgeServerFactory(organization=people.petty())
    version = released_version()
    asked = {"confirm_edges": 2}
    started = ada.post(f"{API}/training/models/{version.pk}/deploy-all", asked, format="json").json()["rollout"]
    olga = client_of(people.olga())
    assert [row["id"] for row in olga.get(f"{API}/deployments/edges").json()["results"]] == [own.pk]
    assert olga.get(f"{API}/deployments/edges/{other.pk}").status_code == 404
    assert olga.get(f"{API}/deployments/rollouts/{started}").status_code == 404
    rows = olga.get(f"{API}/training/models/{version.pk}/deployments").json()["results"]
    assert [row["edge_server_id"] for row in rows] == [own.pk]
    for path in (
        f"training/models/{version.pk}/deploy-all",
        "deployments/rollouts",
        f"deployments/rollouts/{started}/rollback",
        f"training/models/{version.pk}/rollback",
        f"training/deployments/{own.deployments.get().pk}/retry",
        f"deployments/edges/{own.pk}/rollback",
        f"deployments/edges/{own.pk}/lift-hold",
        f"deployments/edges/{own.pk}/callback",
    ):
        assert olga.post(f"{API}/{path}", {}, format="json").status_code == 403


@pytest.mark.parametrize("confirmed", [{}, {"confirm_edges": None}, {"confirm_edges": 0}, {"confirm_edges": 3}])
def test_deploying_to_all_needs_their_number_confirmed_and_names_it(ada, confirmed):
    EdgeServerFactory(), EdgeServerFactory()
    here = f"{API}/training/models/{released_version().pk}/deploy-all"
    answer = ada.post(here, confirmed, format="json")
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert answer.json()["type"].endswith(":count_not_confirmed")
    assert answer.json()["edges"] == 2
    assert "2 edge servers" in answer.json()["detail"]
    assert not Rollout.objects.exists()
    assert ada.post(here, {"confirm_edges": 2, "plan": None}, format="json").status_code == 202


def test_a_failed_deployment_is_tried_again(ada):
    edge, version = EdgeServerFactory(), released_version()
    ada.post(f"{API}/training/models/{version.pk}/deploy", {"edge_server_id": edge.pk}, format="json")
    here = f"{API}/training/deployments/{assigned_to(edge).pk}/retry"
    assert ada.post(here).status_code == 409
    tell(edge, "failed")
    answer = ada.post(f"{here}/")
    assert answer.status_code == 200
    assert [answer.json()[name] for name in ("status", "attempt", "retry_count", "progress_percent")] == ["pending", 2, 1, 0]
    assert ada.post(f"{API}/training/deployments/{version.pk}/retry").status_code == 404


def test_a_model_and_an_edge_go_back(ada):
    first, second = EdgeServerFactory(), EdgeServerFactory()
    old, new = released_version(), released_version()
    for version in (old, new):
        ada.post(f"{API}/training/models/{version.pk}/deploy-all", {"confirm_edges": 2}, format="json")
        tell(first, "completed")
        tell(second, "completed")
    named = {"ai_module": "meter_digits"}
    answer = ada.post(f"{API}/deployments/edges/{first.pk}/rollback", named, format="json")
    assert (answer.status_code, answer.json()["action"], answer.json()["model_version_id"]) == (201, "rollback", str(old.pk))
    answer = ada.post(f"{API}/training/models/{new.pk}/rollback")
    assert (answer.status_code, answer.json()) == (202, {"edges": 1, "without_earlier_version": 0})
    assert ada.post(f"{API}/training/models/{new.pk}/rollback").status_code == 409
    assert ada.post(f"{API}/deployments/edges/{first.pk}/rollback", {}, format="json").status_code == 400
    unknown = {"ai_module": "letters"}
    assert ada.post(f"{API}/deployments/edges/{first.pk}/rollback", unknown, format="json").status_code == 404


def test_a_hold_is_lifted_and_a_callback_is_set(ada):
    edge = EdgeServerFactory()
    here = f"{API}/deployments/edges/{edge.pk}"
    named = {"ai_module": "meter_digits"}
    assert ada.post(f"{here}/lift-hold", named, format="json").status_code == 409
    verbs_of_edge.set_callback(edge, "https://old.example/", by=people.ada())
    answer = ada.post(f"{here}/callback", {"url": "https://edge.example/cc?t=secret"}, format="json")
    assert (answer.status_code, answer.json()["has_callback"]) == (200, True)
    assert "secret" not in answer.content.decode()
    assert ada.post(f"{here}/callback", {"url": "file:///etc/passwd"}, format="json").status_code == 422


@pytest.mark.parametrize("who", [people.rhea, people.ann, people.cy, people.pia])
def test_others_see_nothing_of_it(who):
    client = client_of(who())
    for path in ("edges", "rollouts"):
        assert client.get(f"{API}/deployments/{path}").status_code == 403
        assert APIClient().get(f"{API}/deployments/{path}").status_code == 401


def test_a_dry_run_edges_described_and_a_frozen_fleet(ada):
    edge, version = EdgeServerFactory(), released_version()
    window = {"zone": "Asia/Kolkata", "from": "22:00", "to": "04:00", "days": [0]}
    there = f"{API}/deployments/edges/{edge.pk}"
    told = ada.patch(there, {"group": "gates", "labels": {"site": "north"}, "window": window}, format="json").json()
    assert (told["group"], told["labels"], told["window"]) == ("gates", {"site": "north"}, window)
    asked = {"model_version": str(version.pk), "plan": {"group": "gates", "windows": True}}
    shown = ada.post(f"{API}/deployments/rollouts/preview", asked, format="json").json()
    assert (shown["edges"], shown["waves"], shown["returns_to"]) == (1, [{"name": "", "edges": 1}], {"nothing": 1})
    wrong = ada.post(f"{API}/deployments/rollouts/preview", {**asked, "plan": {"speed": 1}}, format="json")
    assert (wrong.status_code, wrong.json()["errors"]["plan"][0][:13]) == (422, "plan has no '")
    acme = {"organization": people.acme().slug}
    assert ada.post(f"{API}/deployments/freeze", {**acme, "reason": "fair"}, format="json").status_code == 201
    assert ada.delete(f"{API}/deployments/freeze", acme, format="json").status_code == 204
    assert ada.delete(f"{API}/deployments/freeze", acme, format="json").status_code == 409
    replaced = ada.post(f"{there}/replace-hardware", {}, format="json")
    assert (replaced.status_code, replaced.json()["attempt"]) == (201, 2)
    assert ada.post(f"{there}/retire", {}, format="json").json()["retired_at"]
    olga = client_of(people.olga())
    assert olga.post(f"{API}/deployments/freeze", acme, format="json").status_code == 403
    assert olga.patch(there, {"group": "mine"}, format="json").status_code == 403
