"""Slots are known by numbers in no order, so that nobody can tell a gold slot by how new it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.models import ReviewSlot, SlotKind
from learning.slot_handles import MOST, handle, slot_of
from tests import people
from tests.learning.test_batch_api import Caller
from tests.learning.test_review import queue
from tests.learning.test_review_api import NEXT, SLOTS, decision


@given(st.integers(0, MOST))
def test_each_slot_has_one_handle_and_each_handle_one_slot(slot):
    assert slot_of(handle(slot)) == slot
    assert handle(slot_of(slot)) == slot
    assert 0 <= handle(slot) <= MOST < 2**53


@given(st.integers(min_value=MOST + 1))
def test_larger_numbers_are_of_no_slot(number):
    assert slot_of(number) == slot_of(-number) == 0


def test_the_handles_of_slots_in_a_row_are_in_no_order():
    handles = [handle(slot) for slot in range(1, 2_001)]
    assert len(set(handles)) == 2_000
    rising = sum(one < other for one, other in pairwise(handles))
    assert 900 < rising < 1_100
    ranks = sorted(range(2_000), key=handles.__getitem__)
    newest = {rank for rank, slot in enumerate(ranks) if slot >= 1_900}
    assert min(newest) < 200
    assert max(newest) > 1_800


def test_another_secret_makes_other_handles(settings):
    before = handle(7)
    settings.SECRET_KEY = "another"
    assert handle(7) != before


@pytest.mark.django_db
def test_the_wire_knows_slots_by_their_handles_alone():
    queue(2)
    caller = Caller(people.ann())
    lease = caller.post(NEXT, {"ai_module": "vehicles", "ahead": 1}).json()
    first, second = ReviewSlot.objects.order_by("id")
    assert [lease["slot"], lease["ahead"][0]["slot"]] == [handle(first.pk), handle(second.pk)]
    path, body = decision(lease, next=True)
    bare = caller.post(f"{SLOTS}/{first.pk}/decide", body)
    assert bare.status_code in {403, 404}
    assert caller.post(path, body).json()["next"]["slot"] == handle(second.pk)
    token = {"lease_token": lease["ahead"][0]["lease_token"]}
    assert caller.post(f"{SLOTS}/{handle(second.pk)}/renew", token).json()["slot"] == handle(second.pk)
    assert caller.post(f"{SLOTS}/{handle(first.pk)}/undo", {}).json()["slot"] == handle(first.pk)
    assert ReviewSlot.objects.exclude(kind=SlotKind.NORMAL).count() == 0
