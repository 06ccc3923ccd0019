"""What a list costs: a written-out number of queries, however many rows it shows."""

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

from tests import people
from tests.factories.accounts import OrganizationFactory
from tests.factories.world import world
from tests.pages import looking

pytestmark = pytest.mark.django_db

QUERIES = {
    "home": 15,
    "learning:mine": 9,
    "usage": 7,
    "accounts:audit": 7,
    "learning:modules": 4,
    "learning:batches": 8,
    "learning:samples": 9,
    "learning:erasures": 6,
    "learning:retention": 8,
    "learning:batch-calendar": 5,
    "learning:cities": 9,
    "learning:figures": 11,
    "training:datasets": 5,
    "training:jobs": 5,
    "training:models": 5,
    "deployments:rollouts": 6,
    "deployments:edges": 8,
    "deployments:edge-map": 4,
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_list_of_many_costs_what_a_list_of_one_costs(name, django_assert_num_queries):
    for slug in ("one", "two", "three"):
        world(OrganizationFactory(slug=slug))
    ada = looking(people.ada())
    assert Session.objects.exists()
    with django_assert_num_queries(QUERIES[name]):
        assert ada.get(reverse(name)).status_code == 200
