"""Saved filters: by name, one's own or shared within the house, never with a plate in them."""

import pytest

from core.errors import Invalid, Refused
from learning.actions import saved_filter
from learning.models import SavedFilter
from tests import people

pytestmark = pytest.mark.django_db


def save(by, name="Pending", shared=False, **query):
    return saved_filter.save(name, by=by, query=query or {"state": "pending"}, is_shared=shared)


def test_the_same_name_again_replaces_ones_own():
    ada = people.ada()
    save(ada)
    again = save(ada, state="settled", nonsense="x")
    assert SavedFilter.objects.get() == again
    assert again.query == "state=settled"


def test_shared_filters_are_seen_by_colleagues_only():
    save(people.ada(), "Ours", shared=True)
    save(people.ada(), "Mine")
    save(people.olga(), "Acme's", shared=True)
    assert set(SavedFilter.objects.visible_to(people.rhea()).values_list("name", flat=True)) == {"Ours"}
    assert set(SavedFilter.objects.visible_to(people.ada()).values_list("name", flat=True)) == {"Ours", "Mine"}
    assert set(SavedFilter.objects.visible_to(people.olga()).values_list("name", flat=True)) == {"Acme's"}


@pytest.mark.parametrize(
    ("name", "query"),
    [("", {"state": "pending"}), ("x" * 81, {"state": "pending"}), ("Plate", {"text": "MH12"}), ("All", {"cursor": "x"})],
)
def test_what_cannot_be_kept_is_refused(name, query):
    with pytest.raises(Invalid):
        saved_filter.save(name, by=people.ada(), query=query)


def test_only_who_saved_it_removes_it():
    shared = save(people.ada(), shared=True)
    with pytest.raises(Refused):
        saved_filter.remove(shared, by=people.bo())
    saved_filter.remove(shared, by=people.ada())
    assert not SavedFilter.objects.exists()
