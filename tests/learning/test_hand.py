"""What a person holds: one sample and two ahead, renewed and given back together, never more, and none of it lost."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Conflict, Malformed, Refusal
from learning.actions import review
from learning.models import HitlLabel, LearningSample, ReviewSlot, SlotState
from tests import people
from tests.factories.learning import vehicles
from tests.learning.test_batch_api import Caller
from tests.learning.test_review import decide, judge, many_slots, queue, sample
from tests.learning.test_review_api import NEXT, SLOTS, decision, waiting
from tests.racing import race

pytestmark = pytest.mark.django_db


def held(by):
    return list(ReviewSlot.objects.filter(state="leased", lease_user=by).order_by("id").values_list("pk", flat=True))


def slots_of(lease):
    return [lease.slot, *(each.slot for each in lease.ahead)]


def test_two_are_leased_ahead_and_come_next_in_their_order():
    module = queue(5)
    ann = people.ann()
    lease = review.lease_next(module, by=ann, ahead=2)
    assert slots_of(lease) == held(ann)
    for expected in slots_of(lease)[1:]:
        lease = decide(lease, ann, next=True, ahead=2).next_lease
        assert lease.slot == expected
        assert len(held(ann)) == 3
    lease = decide(lease, ann, next=True, ahead=2).next_lease
    assert (len(lease.ahead), len(held(ann))) == (1, 2)
    lease = decide(lease, ann, next=True, ahead=2).next_lease
    assert (lease.ahead, held(ann)) == ((), [lease.slot])
    assert decide(lease, ann, next=True, ahead=2).next_lease is None


def test_nothing_is_leased_ahead_that_was_not_asked_for():
    module = queue(3)
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    assert decide(lease, ann, next=True).next_lease.ahead == ()
    assert len(held(ann)) == 1


def test_a_reload_gets_the_same_hand_back():
    module = queue(4)
    ann = people.ann()
    first, again = (review.lease_next(module, by=ann, ahead=2) for _ in range(2))
    assert slots_of(first) == slots_of(again)
    assert [each.token for each in first.ahead] == [each.token for each in again.ahead]
    assert review.lease_next(module, by=ann).slot == first.slot


def test_the_hand_is_renewed_and_given_back_as_a_whole():
    module = queue(3)
    ann, al = people.ann(), people.al()
    lease = review.lease_next(module, by=ann, ahead=2)
    early = timezone.now() - timedelta(minutes=1)
    ReviewSlot.objects.update(lease_until=early)
    renewed = review.renew_lease(lease.slot, by=ann, lease_token=lease.token)
    assert set(ReviewSlot.objects.values_list("lease_until", flat=True)) == {renewed.until}
    review.release_lease(lease.slot, by=ann, lease_token=lease.token)
    assert held(ann) == []
    assert slots_of(review.lease_next(module, by=al, ahead=2)) == slots_of(lease)


def test_a_hand_whose_time_is_half_over_is_held_anew_by_a_decision():
    module = queue(4)
    ann = people.ann()
    lease = review.lease_next(module, by=ann, ahead=2)
    ReviewSlot.objects.update(lease_until=timezone.now() + timedelta(minutes=1))
    following = decide(lease, ann, next=True, ahead=2).next_lease
    assert all(each.until > timezone.now() + timedelta(minutes=5) for each in (following, *following.ahead))


def test_what_ran_out_and_nobody_took_is_still_in_the_hand_and_what_was_taken_is_not():
    module = queue(3)
    ann, al = people.ann(), people.al()
    lease = review.lease_next(module, by=ann, ahead=1)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert review.lease_next(module, by=al).slot == lease.slot
    again = review.lease_next(module, by=ann, ahead=1)
    assert slots_of(again)[0] == lease.ahead[0].slot
    assert len(slots_of(again)) == 2


def test_undo_gives_the_hand_back_and_the_undone_sample_to_its_person():
    module = queue(4)
    ann, al = people.ann(), people.al()
    lease = review.lease_next(module, by=ann, ahead=2)
    following = decide(lease, ann, next=True, ahead=2).next_lease
    again = review.undo(lease.slot, by=ann)
    assert (held(ann), again.ahead) == ([lease.slot], ())
    assert review.lease_next(module, by=al).slot == following.slot
    assert len(decide(again, ann, next=True, ahead=2).next_lease.ahead) == 1


@pytest.mark.parametrize("ahead", [-1, 3, 1.0, "2", True])
def test_at_most_two_are_asked_for_ahead(ahead):
    module = queue()
    with pytest.raises(Malformed, match="from 0 to 2"):
        review.lease_next(module, by=people.ann(), ahead=ahead)


def test_what_was_given_back_and_nobody_took_is_decided_as_if_held():
    module = queue(2, overlap=1)
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    review.release_lease(lease.slot, by=ann, lease_token=lease.token)
    decide(lease, ann)
    slot = ReviewSlot.objects.get(pk=lease.slot)
    assert (slot.state, slot.lease_user) == (SlotState.DONE, ann)
    assert ReviewSlot.objects.filter(state="open").count() == 1


def test_two_windows_of_one_person_judge_a_sample_once():
    module = queue(3)
    ann = people.ann()
    one, other = (review.lease_next(module, by=ann, ahead=1) for _ in range(2))
    assert one.slot == other.slot
    following = decide(one, ann, next=True, ahead=1).next_lease
    with pytest.raises(Conflict, match="already"):
        decide(other, ann, "change", correction={"label": "bus"})
    assert review.lease_next(module, by=ann, ahead=1).slot == following.slot
    assert HitlLabel.objects.filter(label_source="review").count() == 1
    decide(other.ahead[0], ann)
    with pytest.raises(Conflict, match="already"):
        decide(following, ann)


def test_a_skipped_sample_comes_back_only_when_nothing_else_waits():
    module = queue(3)
    ann, al = people.ann(), people.al()
    ReviewSlot.objects.filter(pk=ReviewSlot.objects.order_by("id").first().pk).update(priority=100)
    first = review.lease_next(module, by=ann)
    second = decide(first, ann, "skip", next=True).next_lease
    third = decide(second, ann, "skip", next=True).next_lease
    assert len({first.slot, second.slot, third.slot}) == 3
    assert decide(third, ann, next=True).next_lease.slot == first.slot
    release = review.lease_next(module, by=ann)
    review.release_lease(release.slot, by=ann, lease_token=release.token)
    assert review.lease_next(module, by=al).slot == first.slot


def test_a_skip_is_not_leased_ahead_again_while_others_are_held():
    module = queue(3)
    ann = people.ann()
    lease = review.lease_next(module, by=ann, ahead=2)
    following = decide(lease, ann, "skip", next=True, ahead=2).next_lease
    assert lease.slot not in slots_of(following)
    assert len(slots_of(following)) == 2


def test_many_skips_are_remembered_as_far_as_there_is_room():
    module = queue()
    ann = people.ann()
    ReviewSlot.objects.update(skipped_by="," + ",".join(str(10**9 + number) for number in range(18)) + ",")
    decide(review.lease_next(module, by=ann), ann, "skip")
    names = ReviewSlot.objects.get().skipped_by.strip(",").split(",")
    assert (len(names), names[-1]) == (18, str(ann.pk))


def test_a_late_answer_that_says_something_disputes_one_of_unsure():
    module = queue()
    ann, al = people.ann(), people.al()
    late = review.lease_next(module, by=ann)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, al, "unsure")
    decide(late, ann)
    assert sample().state == "disputed"


def test_a_late_answer_to_what_a_senior_settled_is_kept_and_changes_nothing():
    module = queue(overlap=2)
    ann, al, ada = people.ann(), people.al(), people.ada()
    rhea = people.rhea()
    late = review.lease_next(module, by=ada)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, ann)
    judge(module, al, "change", correction={"label": "bus"})
    judge(module, rhea, kind="dispute")
    decide(late, ada, "change", correction={"label": "bicycle"})
    assert (sample().state, sample().truth) == ("settled", {"label": "car"})
    assert HitlLabel.objects.filter(annotator=ada).exists()


def test_a_late_answer_joins_an_open_dispute_and_its_person_does_not_settle_it():
    module = queue(overlap=2)
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    late = review.lease_next(module, by=rhea)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, ann)
    judge(module, al, "change", correction={"label": "bus"})
    decide(late, rhea, "change", correction={"label": "bicycle"})
    assert HitlLabel.objects.filter(is_disputed=True).count() == 3
    assert review.lease_next(module, by=rhea, kind="dispute") is None
    assert review.lease_next(module, by=people.ada(), kind="dispute")


def test_a_note_is_kept_beside_the_reason():
    module = queue(2)
    ann = people.ann()
    label = judge(module, ann, "unsure", reason="blurred", note="  The third letter.  ").label
    assert (label.reason, label.correction_notes) == ("blurred", "The third letter.")
    lease = review.lease_next(module, by=ann)
    for note in ("x" * 501, 7, "\0"):
        with pytest.raises(Refusal, match="note"):
            decide(lease, ann, note=note)


def test_the_wire_holds_what_is_ahead_in_every_answer():
    waiting(5)
    caller = Caller(people.ann())
    lease = caller.post(NEXT, {"ai_module": "vehicles", "ahead": 2}).json()
    assert [set(each) for each in lease["ahead"]] == [{"slot", "lease_token", "lease_until", "kind", "sample"}] * 2
    assert all(each["sample"]["image_url"] for each in lease["ahead"])
    path, body = decision(lease, next=True, ahead=2)
    following = caller.post(path, body).json()["next"]
    assert [following["slot"], following["ahead"][0]["slot"]] == [each["slot"] for each in lease["ahead"]]
    assert caller.post(NEXT, {"ai_module": "vehicles", "ahead": 7}).status_code == 400
    release = caller.post(f"{SLOTS}/{following['slot']}/release", {"lease_token": following["lease_token"]})
    assert release.status_code == 204
    assert not ReviewSlot.objects.filter(state="leased").exists()


@pytest.mark.django_db(transaction=True)
def test_one_person_in_eight_windows_at_once_holds_three():
    module = vehicles(review_policy={"city_labels": "review"})
    many_slots(module, 30)
    ann = people.ann()
    answers, refusals = race(lambda _: slots_of(review.lease_next(module, by=ann, ahead=2)))
    assert not refusals
    assert len(held(ann)) == 3
    assert all(set(slots) <= set(held(ann)) for slots in answers)


@pytest.mark.django_db(transaction=True)
def test_people_with_full_hands_at_once_share_no_sample():
    module = vehicles(review_policy={"city_labels": "review", "overlap": 2})
    many_slots(module, 30)
    crowd = [people.ann(), people.al(), people.rhea(), people.ada()]

    def work(index):
        while lease := review.lease_next(module, by=crowd[index], ahead=2):
            while lease:
                lease = decide(lease, crowd[index], next=True, ahead=2).next_lease

    race(work, threads=4)
    race(work, threads=4)
    assert LearningSample.objects.filter(state="settled").count() == 30
    pairs = list(HitlLabel.objects.filter(label_source="review").values_list("sample_id", "annotator_id"))
    assert len(pairs) == len(set(pairs)) == 60


ACTS = st.sampled_from(["next", "next", "decide", "decide", "bus", "unsure", "skip", "release", "undo", "expire", "late"])


class Play:
    """A queue and three people who do one thing after the other, in any order."""

    def __init__(self, overlap):
        self.module = vehicles(review_policy={"city_labels": "review", "overlap": overlap})
        many_slots(self.module, 4)
        self.crowd = [people.ann(), people.al(), people.rhea()]
        self.leases, self.old, self.decided = {}, {}, {}

    def act(self, person, act):
        by = self.crowd[person]
        lease = self.leases.get(person)
        if act == "next" or lease is None:
            self.leases[person] = review.lease_next(self.module, by=by, ahead=2)
        elif act == "expire":
            ReviewSlot.objects.filter(state="leased").update(lease_until=timezone.now() - timedelta(seconds=1))
            self.old[person] = self.leases.pop(person)
        elif act == "release":
            review.release_lease(lease.slot, by=by, lease_token=lease.token)
            self.old[person] = self.leases.pop(person)
        elif act == "undo" and person in self.decided:
            self.leases[person] = review.undo(self.decided.pop(person), by=by)
        elif act == "late" and person in self.old:
            decide(self.old.pop(person), by)
        elif act in {"decide", "bus", "unsure", "skip"}:
            self.decide(person, by, lease, act)

    def decide(self, person, by, lease, act):
        said = {"decide": ("correct", {}), "bus": ("change", {"correction": {"label": "bus"}})}.get(act, (act, {}))
        made = decide(lease, by, said[0], next=True, ahead=2, **said[1])
        self.leases[person] = made.next_lease
        if made.label:
            self.decided[person] = lease.slot


@pytest.mark.parametrize("overlap", [1, 2])
@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), ACTS), max_size=30))
def test_whatever_people_do_nobody_judges_twice_and_every_sample_can_be_completed(overlap, steps):
    with transaction.atomic():
        play = Play(overlap)
        for person, act in steps:
            try:
                play.act(person, act)
            except Refusal:
                play.leases.pop(person, None)
            stays_true()
        transaction.set_rollback(True)


def stays_true():
    hands = Counter(ReviewSlot.objects.filter(state="leased").values_list("lease_user", flat=True))
    assert max(hands.values(), default=0) <= 3
    leased = Counter(ReviewSlot.objects.filter(state__in=["open", "leased"]).values_list("sample", flat=True))
    assert max(leased.values(), default=0) <= 1
    judged = Counter(HitlLabel.objects.standing().filter(label_source="review").values_list("sample", "annotator"))
    assert max(judged.values(), default=0) <= 1
    for row in LearningSample.objects.exclude(batch__isnull=False):
        waits = leased[row.pk]
        assert waits == (row.state in {"pending", "disputed"}), (row.state, waits)
        assert (row.truth is not None) == (row.state == "settled")
