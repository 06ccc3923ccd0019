"""`__among`: the same rows as `__in`, by one parameter."""

import pytest

from core import lookups
from deployments.models import EdgeServer, EdgeSlot
from tests.factories.deployments import EdgeServerFactory

pytestmark = pytest.mark.django_db


def test_it_finds_what_in_finds_on_keys_and_foreign_keys():
    first, second, third = (EdgeServerFactory() for _ in range(3))
    wanted = [first.pk, third.pk, 10**12]
    assert lookups.Among.lookup_name == "among"
    assert list(EdgeServer.objects.filter(pk__among=wanted).order_by("pk")) == [first, third]
    assert EdgeSlot.objects.exclude(edge_server_id__among=wanted).get().edge_server == second
    assert not EdgeServer.objects.filter(pk__among=[]).exists()


def test_a_list_of_any_length_is_one_parameter():
    EdgeServerFactory()
    edge = EdgeServerFactory()
    assert EdgeServer.objects.filter(pk__among=range(edge.pk, edge.pk + 100_000)).get() == edge


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="invalid literal"):
        EdgeServer.objects.filter(pk__among=["1); DROP TABLE edge_servers"]).exists()
