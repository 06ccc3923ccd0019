"""The status for a phone: by a person's own token, which reads this and nothing else, and only what the person may see."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actions import token
from deployments.models import EdgeSlot
from tests import people
from tests.factories.accounts import OrganizationFactory
from tests.factories.world import world
from tests.pages import looking

pytestmark = pytest.mark.django_db
JOBS, EDGES = "api-status-jobs", "api-status-edges"


def phone(person) -> Client:
    _, text = token.issue(by=person, name="phone", days=30)
    return Client(headers={"authorization": f"Bearer {text}"})


def test_a_token_reads_jobs_and_the_version_of_each_edge(django_assert_num_queries):
    made = world(people.acme())
    world(OrganizationFactory(slug="rival"))
    EdgeSlot.objects.filter(edge_server=made.edge).update(active_version="1.0.0")
    olga = phone(people.olga())
    [job] = olga.get(reverse(JOBS)).json()["results"]
    assert (job["name"], job["status"], job["progress_percent"]) == (made.job.name, "running", 40)
    with django_assert_num_queries(3):  # the key, edges, slots
        [edge] = olga.get(reverse(EDGES)).json()["results"]
    assert edge["name"] == made.edge.name
    assert [(slot["active_version"], slot["desired_version"]) for slot in edge["slots"]] == [("1.0.0", made.model.version)]


def test_hub_staff_see_all_page_by_page():
    for slug in ("one", "two", "three"):
        world(OrganizationFactory(slug=slug))
    ada = phone(people.ada())
    for route in (JOBS, EDGES):
        first = ada.get(reverse(route), {"page_size": 2}).json()
        rest = ada.get(reverse(route), {"page_size": 2, "cursor": first["next"]}).json()
        assert (len(first["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)
    assert ada.get(reverse(JOBS), {"status": "failed"}).json()["results"] == []
    assert ada.get(reverse(JOBS), {"status": "lost"}).status_code == 400
    assert ada.get(reverse(JOBS), {"cursor": "x"}).status_code == 400


def test_a_token_does_nothing_else_and_reads_nobodys_notifications():
    ada = phone(people.ada())
    for route in ("api-jobs", "api-edges", "api-webhooks", "api-notifications", "api-search"):
        assert ada.get(reverse(route), {"q": "meter"}).status_code == 403, route
    assert ada.post(reverse("api-notifications-read"), {"until": 1}, content_type="application/json").status_code == 403
    assert ada.post(reverse(JOBS)).status_code == 405


def test_who_may_not_see_the_status_reads_none():
    for person in (people.cy(), people.rhea(), people.ann(), people.pia()):
        for route in (JOBS, EDGES):
            assert looking(person).get(reverse(route)).status_code == 403
    assert Client().get(reverse(JOBS)).status_code == 401
