"""What is asked twice under one key is done once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actions import idempotency
from accounts.models import IdempotencyRecord, Organization
from accounts.tasks import forget_idempotency_keys
from core.errors import Conflict, Malformed, Refused
from tests import people
from tests.racing import race

pytestmark = pytest.mark.django_db


def making(slug):
    return lambda: Organization.objects.create(name=slug.title(), slug=slug)


def test_the_same_key_and_request_is_done_once():
    ada = people.ada()
    first = idempotency.once("k-1", {"name": "a"}, making("a"), by=ada)
    assert idempotency.once("k-1", {"name": "a"}, making("a"), by=ada) == first
    assert Organization.objects.filter(slug="a").count() == 1
    assert IdempotencyRecord.objects.get().object_type == "accounts.organization"


def test_the_same_key_with_another_request_is_a_conflict():
    ada = people.ada()
    idempotency.once("k-1", {"name": "a"}, making("a"), by=ada)
    with pytest.raises(Conflict, match="another request"):
        idempotency.once("k-1", {"name": "b"}, making("b"), by=ada)
    assert not Organization.objects.filter(slug="b").exists()


def test_a_key_is_a_persons_own():
    idempotency.once("k-1", 1, making("a"), by=people.ada())
    idempotency.once("k-1", 1, making("b"), by=people.bo())
    assert IdempotencyRecord.objects.count() == 2


def test_without_a_key_everything_is_done():
    idempotency.once("", 1, making("a"), by=people.ada())
    idempotency.once("", 1, making("b"), by=people.ada())
    assert not IdempotencyRecord.objects.exists()


def test_what_was_refused_may_be_asked_again():
    ada = people.ada()

    def refuse():
        raise Refused("Not now.")

    with pytest.raises(Refused):
        idempotency.once("k-1", 1, refuse, by=ada)
    assert idempotency.once("k-1", 1, making("a"), by=ada)


@pytest.mark.parametrize("key", ["x" * 201, "ключ", "a\tb"])
def test_a_key_is_short_and_plain(key):
    with pytest.raises(Malformed):
        idempotency.once(key, 1, making("a"), by=people.ada())


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_are_one():
    ada = people.ada()
    answers, refusals = race(lambda index: idempotency.once("k-1", 1, making("a"), by=ada))
    assert (len(set(answers)), len(answers), refusals) == (1, 8, [])


def test_keys_are_forgotten_after_a_month():
    ada = people.ada()
    IdempotencyRecord.objects.create(user=ada, key="new", request_sha256="")
    old = IdempotencyRecord.objects.create(user=ada, key="old", request_sha256="")
    IdempotencyRecord.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    forget_idempotency_keys()
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["new"]
