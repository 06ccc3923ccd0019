"""That time ran out is said once: of a silent city until it sends again, of an erasure when it is nearly due and when it is late."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actions import announcing
from accounts.models import Event
from learning.actions import erasure, reminding
from learning.models import Erasure
from tests import people
from tests.factories import learning as made
from tests.learning.test_city_pages import aged, sent

pytestmark = pytest.mark.django_db


def said_of(row) -> int:
    return Event.objects.about(row._meta.label_lower, row.pk).filter(verb__in=["fall_silent", "fall_due"]).count()


def test_a_city_that_fell_silent_is_said_once_until_it_sends_again():
    ada, olga = people.ada(), people.olga()
    city = made.pune()
    city.organization = olga.organization
    city.save()
    aged(city, days=30)
    sent(city, days_ago=9)
    assert [reminding.remind(), reminding.remind()] == [1, 0]
    announcing.announce()
    assert [person.notifications.get().topic for person in (ada, olga)] == ["city.overdue"] * 2
    sent(city, days_ago=8)
    assert reminding.remind() == 0  # it sent before it was said
    assert said_of(city) == 1


def test_an_erasure_is_said_when_it_is_nearly_due_and_when_it_is_late():
    row = erasure.draft("plate", {"plate": "MH12AB1234"}, by=people.ada())
    assert reminding.remind() == 0
    Erasure.objects.filter(pk=row.pk).update(due_at=timezone.now() + timedelta(days=1))
    assert [reminding.remind(), reminding.remind()] == [1, 0]
    Erasure.objects.filter(pk=row.pk).update(due_at=timezone.now())
    assert [reminding.remind(), reminding.remind()] == [1, 0]
    assert said_of(row) == 2
