"""The fleet as a whole: what it is narrowed by, which version runs where, and which one ran on an edge on a day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Plan, Role
from deployments.actions import edge_server, fleet, rollout
from deployments.actions.edge_server import Heartbeat, Left, SlotReport
from deployments.models import DeploymentReport, EdgeServer, EdgeSlot, EdgeTelemetry
from learning.actions import city as city_verbs
from tests import people
from tests.deployments.conftest import assigned_to, tell
from tests.deployments.test_fleet_api import API, client_of
from tests.factories.accounts import OrganizationFactory, UserFactory
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModelVersionFactory, ModuleFactory
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db
QUERIES = {"page": 4, "api": 4, "edge": 11, "history": 7}
"""However many edges, deployments and reports there are."""


@pytest.fixture
def five():
    """Five edges of two cities and of none, of which one has drifted, one is silent, one held, and one never came."""
    now, early = timezone.now(), timezone.now() - timedelta(hours=2)
    pune, goa = (
        city_verbs.add(f"city_{name.lower()}", by=None, name=name, organization=people.acme()) for name in ("Pune", "Goa")
    )
    places = {"a": pune, "b": pune, "c": pune, "d": goa, "e": None}
    edges = {name: EdgeServerFactory(name=name, city=place, last_seen_at=now) for name, place in places.items()}
    new = ModelVersionFactory(version="10.0.0")
    for name, version in {"a": "10.0.0", "b": "9.0.0", "c": "9.0.0", "d": "10.0.0", "e": ""}.items():
        EdgeSlot.objects.filter(edge_server=edges[name]).update(desired=new, desired_at=now, active_version=version)
    EdgeSlot.objects.filter(edge_server=edges["b"]).update(desired_at=early)
    EdgeSlot.objects.filter(edge_server=edges["c"]).update(held=True)
    EdgeServer.objects.filter(name="d").update(last_seen_at=early, group="gates", edge_version="0.9.0")
    EdgeServer.objects.filter(name="a").update(edge_version="0.10.0")
    EdgeServer.objects.filter(name="e").update(last_seen_at=None)
    return edges


NARROWED = [
    ({"drift": "true"}, {"stands": "drift"}, "b"),
    ({"silent": "1"}, {"stands": "silent"}, "d"),
    ({"held": "true"}, {"stands": "held"}, "c"),
    ({"new": "true"}, {"stands": "new"}, "e"),
    ({"old_agent": "true"}, {"stands": "old_agent"}, "d"),
    ({"group": "gates"}, {"group": "gates"}, "d"),
    ({"city": "city_pune"}, {"city": "city_pune"}, "abc"),
    ({"city": "city_pune", "runs": "9.0.0"}, {"city": "city_pune", "runs": "9.0.0"}, "bc"),
    ({"runs": "-"}, {"runs": "-"}, "e"),
    ({"drift": "true", "held": "true"}, None, ""),
]


@pytest.mark.parametrize(("asked", "on_page", "expected"), NARROWED)
@pytest.mark.usefixtures("five")
def test_page_and_api_are_narrowed_alike(asked, on_page, expected):
    answered = client_of(people.ada()).get(f"{API}/deployments/edges", asked).json()["results"]
    assert {row["name"] for row in answered} == set(expected)
    if on_page is not None:
        page = looking(people.ada()).get(reverse("deployments:edges"), on_page)
        assert {row["edge"].name for row in page.context["rows"]} == set(expected)


@pytest.mark.parametrize(
    ("asked", "status"), [({"drift": "perhaps"}, 400), ({"city": "city_elsewhere"}, 404), ({"ai_module": "x"}, 404)]
)
def test_what_makes_no_sense_is_refused(asked, status):
    assert client_of(people.ada()).get(f"{API}/deployments/edges", asked).status_code == status


@pytest.mark.usefixtures("five")
def test_the_map_counts_what_runs_where_and_each_cell_opens_its_edges():
    ada, slug = looking(people.ada()), ModuleFactory().slug
    page = ada.get(reverse("deployments:edge-map"), {"module": slug})
    told = page.context["map"]
    assert told["versions"] == ["10.0.0", "9.0.0", ""]
    cells = {row["place"].name: [cell["edges"] for cell in row["cells"]] for row in told["rows"]}
    assert cells == {"Goa": [1, 0, 0], "Pune": [1, 2, 0], "": [0, 0, 1]}
    assert [cell["percent"] for cell in told["whole"]["cells"]] == [40, 40, 20]
    assert (told["assigned"], told["whole"]["place"].drifted) == ([5, 0, 0], 1)
    text = page.content.decode()
    for query, expected in (
        (f"?module={slug}&amp;city=city_pune&amp;runs=9.0.0", "bc"),
        (f"?module={slug}&amp;city=&amp;runs=-", "e"),
    ):
        assert query in text
        opened = ada.get(f"{reverse('deployments:edges')}?{urlsplit(query.replace('&amp;', '&')).query}")
        assert {row["edge"].name for row in opened.context["rows"]} == set(expected)


@pytest.mark.usefixtures("five")
def test_the_map_in_the_api_is_within_reach_only():
    slug = ModuleFactory().slug
    told = client_of(people.ada()).get(f"{API}/deployments/edges/map", {"ai_module": slug}).json()
    assert told["versions"][0] == {"version": "10.0.0", "running": 2, "share": 0.4, "assigned": 5}
    assert [(row["city"], row["edges"]) for row in told["cities"]] == [("city_goa", 1), ("city_pune", 3), (None, 1)]
    assert client_of(elsewhere()).get(f"{API}/deployments/edges/map", {"ai_module": slug}).json()["edges"] == 0
    assert client_of(people.ada()).get(f"{API}/deployments/edges/map").status_code == 400


def elsewhere():
    """Look on for another organization."""
    other = OrganizationFactory(slug="other", plan=Plan.ENTERPRISE)
    return UserFactory(name="Oz", role=Role.ORGANIZATION_ADMIN, organization=other)


def ran(edge, day, who=None):
    answer = client_of(who or people.ada()).get(f"{API}/deployments/edges/{edge.pk}/history", {"on": f"{day:%Y-%m-%d}"})
    assert answer.status_code == 200
    return [(one["version"], one["how"], one["until"] is None) for one in answer.json()["ran"]]


def completed(edge, version, ago):
    """Let an edge have completed a version so many days ago."""
    of = released_version(version=version)
    rollout.start(of, by=people.ada(), edges=[edge])
    tell(edge, "completed")
    at = timezone.now() - timedelta(days=ago)
    DeploymentReport.objects.filter(deployment=assigned_to(edge)).update(at=at, received_at=at)
    return of


def test_which_version_ran_on_a_day():
    edge, today = EdgeServerFactory(), timezone.now().date()
    for version, ago in (("1.0.0", 10), ("2.0.0", 8)):
        of = completed(edge, version, ago)
    days = [today - timedelta(days=ago) for ago in (11, 10, 9, 8, 1)]
    first, second = ("1.0.0", "install", False), ("2.0.0", "install", True)
    assert [ran(edge, day) for day in days] == [[], [first], [first], [first, second], [second]]
    left = SlotReport("meters", active_version="1.0.0", left=Left(assigned_to(edge).pk, 1))
    slug = of.module.slug
    edge_server.heartbeat(edge, Heartbeat("0.1.0", {}, [replace(left, module=slug)]), by=edge.user)
    assert ran(edge, today) == [("2.0.0", "install", False), ("1.0.0", "site", True)]
    fleet.replace_hardware(edge, by=people.ada())
    assert ran(edge, today) == [("2.0.0", "install", False), ("1.0.0", "site", False)]
    assert ran(edge, today + timedelta(days=1)) == []
    assert client_of(elsewhere()).get(f"{API}/deployments/edges/{edge.pk}/history").status_code == 404
    assert client_of(people.ada()).get(f"{API}/deployments/edges/{edge.pk}/history", {"on": "yesterday"}).status_code == 400


def test_an_edge_whose_clock_is_ahead_completed_when_it_said_so_and_a_day_is_its_citys():
    pune = city_verbs.add("city_pune", by=None, name="Pune", timezone="Asia/Kolkata", organization=people.acme())
    edge = EdgeServerFactory(city=pune)
    completed(edge, "1.0.0", 3)
    evening = datetime(2026, 11, 10, 20, tzinfo=UTC)  # of the 11th in Pune
    DeploymentReport.objects.update(at=evening + timedelta(days=400), received_at=evening)
    assert ran(edge, evening) == []
    assert ran(edge, evening + timedelta(days=1)) == [("1.0.0", "install", True)]


@pytest.mark.parametrize("on", ["0001-01-01", "1999-12-31", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_refused(on):
    edge = EdgeServerFactory(city=city_verbs.add("city_pune", by=None, name="Pune", timezone="Asia/Kolkata"))
    assert client_of(people.ada()).get(f"{API}/deployments/edges/{edge.pk}/history", {"on": on}).status_code == 400
    assert looking(people.ada()).get(reverse("deployments:edge", args=[edge.pk]), {"on": on}).status_code == 200


def test_an_edges_page_shows_the_day_and_what_was_measured_as_numbers_and_as_a_line():
    edge = EdgeServerFactory(last_seen_at=timezone.now())
    version, now = completed(edge, "1.0.0", 5), timezone.now().replace(minute=0, second=0, microsecond=0)
    for ago, images in ((0, 40), (2, 60)):
        sums = {"images": images, "errors": 1, "empty": 2, "latency": {"10": images}, "confidence": [0] * 9 + [images]}
        place = {"edge_server": edge, "module": version.module, "version": "1.0.0"}
        EdgeTelemetry.objects.create(**place, hour=now - timedelta(days=ago), measured=sums)
    here = reverse("deployments:edge", args=[edge.pk])
    page = looking(people.ada()).get(here)
    assert [(row["measured"].images, row["measured"].p95_ms) for row in page.context["measured"]] == [(40, 11.6), (60, 11.6)]
    [one] = page.context["ran"]
    assert (one.change.version, one.measured.images) == ("1.0.0", 40)
    assert page.content.decode().count("<polyline") == 2
    earlier = text_of(looking(people.ada()).get(here, {"on": f"{now - timedelta(days=6):%Y-%m-%d}"}))
    assert "nothing ran here on" in earlier


@pytest.mark.parametrize("address", ["page", "api", "edge", "history"])
def test_what_the_fleet_costs_does_not_grow_with_it(address, django_assert_num_queries):
    module, edges = ModuleFactory(), [EdgeServerFactory() for _ in range(7)]
    for _ in range(3):
        completed(edges[0], released_version().version + "1", 1)
    paths = {
        "page": reverse("deployments:edge-map"),
        "api": f"{API}/deployments/edges/map?ai_module={module.slug}",
        "edge": reverse("deployments:edge", args=[edges[0].pk]),
        "history": f"{API}/deployments/edges/{edges[0].pk}/history",
    }
    client = looking(people.ada()) if address in ("page", "edge") else client_of(people.ada())
    with django_assert_num_queries(QUERIES[address]):
        assert client.get(paths[address]).status_code == 200
