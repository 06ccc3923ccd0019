"""Whoever a session belongs to is let in while it lasts and they may."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from tests import people
from tests.pages import looking

pytestmark = pytest.mark.django_db


def is_in(browser) -> bool:
    return browser.get("/").status_code == 200


def test_a_session_lets_in_until_it_ends():
    browser = looking(people.ann())
    assert is_in(browser)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_in(browser)


def test_who_was_deactivated_is_out_at_once():
    ann = people.ann()
    browser = looking(ann)
    assert is_in(browser)
    type(ann).objects.filter(pk=ann.pk).update(is_active=False)
    assert not is_in(browser)


def test_a_new_password_ends_the_other_sessions():
    ann = people.ann()
    browser = looking(ann)
    ann.set_password("another long sentence")
    ann.save()
    assert not is_in(browser)


def test_a_session_that_never_was_is_nobodys(client):
    client.cookies["sessionid"] = "x" * 32
    assert not is_in(client)
