"""Counts of many things in one statement."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Role, User
from core.counting import NONE, Counted, count_together
from tests import people
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db


def test_each_is_counted_up_to_the_limit_with_its_oldest(django_assert_num_queries):
    first = people.ada()
    User.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(days=3))
    first.refresh_from_db()
    for number in range(4):
        UserFactory(name=f"person {number}")
    asked = [
        (User.objects.all(), "created_at"),
        (User.objects.filter(role=Role.REVIEWER), "created_at"),
        (User.objects.none(), "created_at"),
        (User.objects.filter(role=Role.MEMBER), ""),
        (User.objects.filter(name__in=[]), ""),
    ]
    with django_assert_num_queries(1):
        found = count_together(asked, limit=4)
    assert found == [Counted("4+", first.created_at), NONE, NONE, Counted("4"), NONE]
    assert [each.is_none for each in found] == [False, True, True, False, True]


def test_nothing_is_asked_where_nothing_can_be_found(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert count_together([(User.objects.none(), "")]) == [NONE]
