"""Prepared querysets answer what the querysets themselves would, for any holes, on each thread's own connection."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Event, User
from core.prepared import Prepared, execute, insert, update
from learning.models import LearningSample
from tests import people
from tests.factories.learning import delivered, pune, vehicles
from tests.racing import race

pytestmark = pytest.mark.django_db


def named(name, least):
    return User.objects.filter(name=name, pk__gte=least).select_related("organization").order_by("pk")[:2]


def test_it_answers_what_the_queryset_does_with_what_is_selected_along(django_assert_num_queries):
    olga = people.olga()
    of_name = Prepared(named, name=str, least=int)
    with django_assert_num_queries(1):
        [found] = of_name.rows(name="Olga", least=0)
        assert (found, found.organization.slug, found.pk) == (olga, "acme", olga.pk)
    assert of_name.rows(name="Olga", least=olga.pk + 1) == []
    assert of_name.first(name="Nobody", least=0) is None


def test_values_come_as_their_fields_make_them():
    vehicles()
    sample = delivered(pune(), 1)[0]
    by_key = Prepared(lambda key: LearningSample.objects.filter(pk=key).select_related("module", "batch"), key=int)
    found = by_key.first(key=sample.pk)
    for name in ("prediction", "captured_at", "truth", "object_id", "confidence"):
        assert getattr(found, name) == getattr(LearningSample.objects.get(), name)
    assert found.module.review_policy == sample.module.review_policy
    assert not found._state.adding


def test_a_hole_that_cannot_be_told_is_refused_when_it_is_first_used():
    with pytest.raises(AssertionError, match="cannot be told"):
        Prepared(lambda key: User.objects.all(), key=int).rows(key=1)


@given(st.text(max_size=30).filter(lambda text: "\0" not in text))
def test_any_text_is_looked_up_as_it_is(name):
    with transaction.atomic():
        assert Prepared(named, name=str, least=int).rows(name=name, least=0) == list(named(name, 0))


def test_an_inserted_row_is_what_was_given():
    ann = people.ann()
    event = Event(actor_id=ann.pk, actor_name="Ann", verb="look", object_type="x", object_id="1", facts={"a": [1, "ä"]})
    insert(event)
    found = Event.objects.get(pk=event.pk)
    assert (found.facts, found.verb, found.organization_id) == ({"a": [1, "ä"]}, "look", None)
    assert abs(found.at - timezone.now()).total_seconds() < 60
    assert not event._state.adding


def test_what_the_database_refuses_is_an_integrity_error():
    ann = people.ann()
    twin = User(name="Twin", email=ann.email, role=ann.role)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(twin)


@pytest.mark.django_db(transaction=True)
def test_each_thread_reads_by_its_own_connection():
    ann = people.ann()
    of_name = Prepared(named, name=str, least=int)
    answers, _ = race(lambda _: [of_name.first(name="Ann", least=0).pk for _ in range(3)], threads=4)
    assert answers == [[ann.pk] * 3] * 4
    connection.close()
    assert of_name.first(name="Ann", least=0) == ann


def test_an_update_by_fields_does_what_the_querysets_does():
    olga, ann = people.olga(), people.ann()
    assert update(User, {"pk": ann.pk, "name": "Ann"}, {"name": "Anna 100%", "organization": olga.organization}) == 1
    found = User.objects.get(pk=ann.pk)
    assert (found.name, found.organization) == ("Anna 100%", olga.organization)
    assert update(User, {"pk": ann.pk, "name": "Ann"}, {"name": "Nobody"}) == 0
    assert update(User, {"pk": ann.pk}, {"organization": None}) == 1
    assert User.objects.get(pk=ann.pk).organization is None


def test_a_constant_with_a_percent_sign_stays_what_it_is():
    odd = User.objects.create(name="100% 's", email="odd@example.org", role="annotator")
    by_key = Prepared(lambda key: User.objects.filter(pk=key, name="100% 's"), key=int)
    assert by_key.first(key=odd.pk) == odd
    assert by_key.first(key=odd.pk + 1) is None


def test_it_is_planned_once_and_goes_on_after_a_rollback():
    ann = people.ann()
    by_key = Prepared(lambda key: User.objects.filter(pk=key), key=int)
    for _ in range(8):  # PostgreSQL plans it at the sixth
        assert by_key.first(key=ann.pk) == ann
        with pytest.raises(IntegrityError), transaction.atomic():
            insert(User(name="Twin", email=ann.email, role=ann.role))
    assert by_key.first(key=ann.pk) == ann


def test_what_is_executed_is_logged_like_all_else(django_assert_num_queries):
    with django_assert_num_queries(3):
        assert execute("SELECT 1")[0] == [(1,)]
        assert execute("SELECT 1 WHERE 1 = %s", [2])[0] == []
        assert update(User, {"pk": -1}, {"name": "x"}) == 0
