"""Undo: one's own last decisions, while nobody built on them; what was said stays on record and makes no truth."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Missing, Refused
from learning.actions import review
from learning.models import HitlLabel, LearningSample, ReviewSlot, SampleState, SlotKind, SlotState
from tests import people
from tests.learning.test_review import decide, judge, queue, sample

pytestmark = pytest.mark.django_db


def undo(by, **slot):
    return review.undo(ReviewSlot.objects.get(**slot).pk, by=by)


def test_an_undone_decision_leaves_its_label_and_no_truth(heard):
    module = queue()
    ann = people.ann()
    first = judge(module, ann).label
    heard.clear()
    lease = undo(ann)
    assert (sample().state, sample().truth, sample().truth_sha256) == (SampleState.PENDING, None, "")
    assert [(change.old_state, change.new_state) for change in heard] == [("settled", "pending")]
    first.refresh_from_db()
    assert (first.decision, bool(first.withdrawn_at)) == ("correct", True)
    assert Event.objects.get(verb="undo").facts["label"] == first.label_id
    decide(lease, ann, "change", correction={"label": "bus"})
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"label": "bus"})
    assert HitlLabel.objects.filter(label_source="review").count() == 2
    assert ReviewSlot.objects.count() == 1


def test_the_slot_comes_back_to_the_same_person_and_the_next_one_goes_back_to_the_queue():
    module = queue(2)
    ann, al = people.ann(), people.al()
    lease = review.lease_next(module, by=ann)
    following = decide(lease, ann, next=True).next_lease
    again = review.undo(lease.slot, by=ann)
    assert (again.slot, again.sample) == (lease.slot, lease.sample)
    assert review.undo(lease.slot, by=ann).token == again.token  # sent twice
    assert review.lease_next(module, by=ann).slot == lease.slot  # a reload
    assert review.lease_next(module, by=al).slot == following.slot


def test_undoing_an_excluded_sample_lets_it_wait_again():
    module = queue()
    ann = people.ann()
    judge(module, ann, "unsure")
    undo(ann)
    assert sample().state == SampleState.PENDING


def test_undo_voids_the_slot_that_the_decision_opened():
    module = queue(overlap=2)
    ann, al = people.ann(), people.al()
    judge(module, ann)
    lease = undo(ann, slot_no=1)
    assert review.lease_next(module, by=al) is None
    decide(lease, ann)
    judge(module, al)
    assert sample().state == SampleState.SETTLED
    assert list(ReviewSlot.objects.order_by("slot_no").values_list("state", flat=True)) == ["done", "void", "done"]


def test_undo_takes_a_dispute_back():
    module = queue(overlap=2)
    ann, al = people.ann(), people.al()
    judge(module, ann)
    judge(module, al, "change", correction={"label": "bus"})
    lease = undo(al, slot_no=2)
    assert sample().state == SampleState.PENDING
    assert not HitlLabel.objects.filter(is_disputed=True).exists()
    assert ReviewSlot.objects.get(kind=SlotKind.SENIOR).state == SlotState.VOID
    decide(lease, al)
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"label": "car"})


@pytest.mark.parametrize("decision", ["correct", "unsure"])
def test_a_seniors_undone_decision_leaves_the_dispute_open(decision):
    module = queue(overlap=2)
    rhea = people.rhea()
    judge(module, people.ann())
    judge(module, people.al(), "change", correction={"label": "bus"})
    judge(module, rhea, decision, kind="dispute")
    lease = undo(rhea, kind=SlotKind.SENIOR)
    assert (sample().state, sample().truth) == (SampleState.DISPUTED, None)
    decide(lease, rhea, "change", correction={"label": "bicycle"})
    assert sample().truth == {"label": "bicycle"}


def test_nothing_is_undone_once_somebody_built_on_it():
    module = queue(overlap=2)
    ann, al = people.ann(), people.al()
    judge(module, ann)
    lease = review.lease_next(module, by=al)
    with pytest.raises(Conflict, match="in work"):
        undo(ann, slot_no=1)
    ReviewSlot.objects.filter(slot_no=2).update(lease_until=timezone.now() - timedelta(seconds=1))
    decide(lease, al)
    with pytest.raises(Conflict, match="judged it since"):
        undo(ann, slot_no=1)
    assert sample().state == SampleState.SETTLED
    assert HitlLabel.objects.standing().filter(label_source="review").count() == 2


def test_a_lease_of_the_next_judgement_that_ran_out_does_not_stand_in_the_way():
    module = queue(overlap=2)
    ann, al = people.ann(), people.al()
    judge(module, ann)
    late = review.lease_next(module, by=al)
    ReviewSlot.objects.filter(slot_no=2).update(lease_until=timezone.now() - timedelta(seconds=1))
    lease = undo(ann, slot_no=1)
    decide(late, al)
    decide(lease, ann)
    assert (sample().state, sample().label_status) == (SampleState.SETTLED, "correct")
    assert set(HitlLabel.objects.standing().filter(label_source="review").values_list("annotator", flat=True)) == {
        ann.pk,
        al.pk,
    }


def test_only_ones_own_and_only_the_last_ten():
    module = queue(12)
    ann, al = people.ann(), people.al()
    slots = []
    for _ in range(12):
        lease = review.lease_next(module, by=ann)
        decide(lease, ann)
        slots.append(lease.slot)
    with pytest.raises(Refused, match="not yours"):
        review.undo(slots[-1], by=al)
    with pytest.raises(Refused):
        review.undo(slots[-1], by=people.cy())
    with pytest.raises(Conflict, match="last 10"):
        review.undo(slots[1], by=ann)
    with pytest.raises(Missing):
        review.undo(10**9, by=ann)
    assert review.undo(slots[2], by=ann).slot == slots[2]
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 11


def test_there_is_nothing_to_undo_on_a_slot_that_waits():
    queue()
    with pytest.raises(Conflict, match="no decision"):
        undo(people.ann())


def test_the_undone_request_sent_again_gets_its_first_answer_and_makes_no_truth():
    module = queue()
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    first = decide(lease, ann).label
    undo(ann)
    assert decide(lease, ann, client_uuid=first.client_uuid).label == first
    assert sample().state == SampleState.PENDING
