"""Access keys: shown once, found by prefix, useless when expired or revoked."""

import time
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from accounts.actions import access_key
from accounts.models import AccessKey, Event, Role
from core.errors import Conflict, Invalid, Missing, Refused
from tests import people
from tests.factories.accounts import MachineFactory

pytestmark = pytest.mark.django_db


def pune():
    return MachineFactory(name="city_pune", role=Role.CITY)


def test_a_key_tells_who_speaks_and_its_text_is_not_kept():
    key, text = access_key.issue(pune(), by=None, scopes=["objects:adopt"])
    assert access_key.authenticate(text) == key
    assert text not in str(AccessKey.objects.values().get())
    assert key.scopes == ["objects:adopt"]


@pytest.mark.parametrize("text", ["", "cc", "cc_x_y", "xx_a_b", "cc__", "\x00", "cc_é_ü"])
def test_what_is_no_key_is_nobody(text):
    assert access_key.authenticate(text) is None


def test_the_prefix_alone_is_not_enough():
    key, _ = access_key.issue(pune(), by=None)
    assert access_key.authenticate(f"cc_{key.prefix}_guess") is None


def test_an_expired_key_is_nobody():
    key, text = access_key.issue(pune(), by=None, days=1)
    assert access_key.authenticate(text) == key
    AccessKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert access_key.authenticate(text) is None


def test_a_revoked_key_is_nobody_and_twice_is_safe():
    key, text = access_key.issue(pune(), by=None)
    access_key.revoke(key.prefix, by=people.ada())
    access_key.revoke(key.prefix, by=people.ada())
    assert access_key.authenticate(text) is None
    assert Event.objects.filter(verb="revoke").count() == 1


def test_a_key_of_a_user_who_left_is_nobody():
    user = pune()
    _, text = access_key.issue(user, by=None)
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert access_key.authenticate(text) is None


def test_last_use_is_written_once_a_minute():
    key, text = access_key.issue(pune(), by=None)
    access_key.authenticate(text)
    first = AccessKey.objects.get().last_used_at
    access_key.authenticate(text)
    assert AccessKey.objects.get().last_used_at == first is not None
    AccessKey.objects.update(last_used_at=first - timedelta(minutes=2))
    access_key.authenticate(text)
    assert AccessKey.objects.get(pk=key.pk).last_used_at >= first


def test_only_who_may_manage_keys_issues_them():
    with pytest.raises(Refused):
        access_key.issue(pune(), by=people.rhea())
    with pytest.raises(Refused):
        access_key.issue(pune(), by=people.olga())


def test_an_unknown_scope_and_an_unknown_key_are_refused():
    with pytest.raises(Invalid, match="no scope everything"):
        access_key.issue(pune(), by=None, scopes=["everything"])
    with pytest.raises(Missing):
        access_key.revoke("nothing", by=None)


def test_two_keys_never_share_a_prefix():
    access_key.adopt(pune(), "a" * 64, "prefix")
    with pytest.raises(Conflict):
        access_key.adopt(pune(), "b" * 64, "prefix")


def test_a_good_key_is_believed_for_five_seconds_and_a_revoked_one_no_longer(settings, django_assert_num_queries):
    settings.KEY_SECONDS = 5
    key, text = access_key.issue(pune(), by=None)
    access_key.authenticate(text)
    with django_assert_num_queries(0):
        assert access_key.authenticate(text) == key
    assert access_key.authenticate(f"{text}x") is None
    AccessKey.objects.update(revoked_at=timezone.now())  # as by another process
    now = time.time()
    with patch("django.core.cache.backends.locmem.time.time", lambda: now + 4):
        assert access_key.authenticate(text) == key
    with patch("django.core.cache.backends.locmem.time.time", lambda: now + 5.1):
        assert access_key.authenticate(text) is None


def test_a_believed_key_is_nobody_once_it_expires(settings):
    settings.KEY_SECONDS = 5
    _, text = access_key.issue(pune(), by=None, days=1)
    access_key.authenticate(text)
    later = timezone.now() + timedelta(days=1, seconds=1)
    with patch("django.utils.timezone.now", lambda: later):
        assert access_key.authenticate(text) is None


def test_the_process_that_revokes_a_key_believes_it_no_longer(settings, django_capture_on_commit_callbacks):
    settings.KEY_SECONDS = 5
    key, text = access_key.issue(pune(), by=None)
    access_key.authenticate(text)
    with django_capture_on_commit_callbacks(execute=True):
        access_key.revoke(key.prefix, by=None)
    assert access_key.authenticate(text) is None
