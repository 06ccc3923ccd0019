"""The review queue: nobody gets the same sample twice, no sample goes to two people, and decisions make truths."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from core.errors import Conflict, Invalid, Malformed, Missing, Refused
from learning.actions import review
from learning.models import HitlLabel, LearningSample, ReviewSlot, SampleState, SlotKind, SlotState
from tests import people
from tests.factories.accounts import UserFactory
from tests.factories.learning import NOON, delivered, pune, vehicles
from tests.racing import race

pytestmark = pytest.mark.django_db


def queue(count=1, overlap=1, **fields):
    """A module with `count` samples that wait for people."""
    policy = {"city_labels": "review", "overlap": overlap, **fields.pop("policy", {})}
    module = vehicles(review_policy=policy, reasons=["blurred", "empty"], accepts_unlabelled=True, **fields.pop("module", {}))
    delivered(pune(), count, **fields)
    return module


def judge(module, by, decision="correct", *, kind="judge", **fields):
    """Lease the next sample and decide it."""
    lease = review.lease_next(module, by=by, kind=kind)
    return decide(lease, by, decision, **fields)


def decide(lease, by, decision="correct", **fields):
    fields.setdefault("client_uuid", uuid.uuid4())
    fields.setdefault("lease_token", lease.token)
    return review.decide(lease.slot, by=by, decision=decision, **fields)


def sample():
    return LearningSample.objects.get()


def test_a_correct_decision_settles_the_sample_with_its_prediction(heard):
    module = queue()
    ann = people.ann()
    heard.clear()
    decided = judge(module, ann, seconds=4.2)
    assert (sample().state, sample().truth, sample().label_status) == (SampleState.SETTLED, {"label": "car"}, "correct")
    assert (decided.label.annotator, decided.label.review_time_seconds, decided.label.label_source) == (ann, 4.2, "review")
    slot = ReviewSlot.objects.get()
    assert (slot.state, slot.label) == (SlotState.DONE, decided.label)
    assert [(change.old_state, change.new_state, change.new_truth) for change in heard] == [
        ("pending", "settled", sample().truth_sha256)
    ]


@pytest.mark.parametrize(
    ("decision", "fields", "status", "state", "truth"),
    [
        ("change", {"correction": {"label": "bus"}}, "changed", "settled", {"label": "bus"}),
        ("nothing", {}, "changed", "settled", {}),
        ("unsure", {"reason": "blurred"}, "unsure", "excluded", None),
        ("unsure", {}, "unsure", "excluded", None),
        ("reject", {"reason": "empty"}, "unsure", "excluded", None),
    ],
)
def test_each_decision_has_its_status_and_its_truth(decision, fields, status, state, truth):
    module = queue()
    label = judge(module, people.ann(), decision, **fields).label
    assert (label.label_status, label.decision) == (status, decision)
    assert (sample().state, sample().truth, sample().label_status) == (state, truth, status)


def test_nothing_is_correct_where_the_prediction_was_empty():
    module = queue(module={"task": "detection"}, prediction={"boxes": []})
    assert judge(module, people.ann(), "nothing").label.label_status == "correct"
    assert sample().truth == {"boxes": []}


@pytest.mark.parametrize(
    ("decision", "fields", "error"),
    [
        ("perhaps", {}, Malformed),
        ("change", {}, Malformed),
        ("correct", {"correction": {"label": "bus"}}, Malformed),
        ("change", {"correction": {"label": "plane"}}, Invalid),
        ("change", {"correction": {"boxes": [{"label": "car", "bbox": [0, 0, 100, 1]}]}}, Invalid),
        ("reject", {}, Invalid),
        ("reject", {"reason": "I dislike it"}, Invalid),
        ("unsure", {"reason": "x" * 61}, Invalid),
        ("correct", {"seconds": -1}, Invalid),
        ("correct", {"seconds": float("nan")}, Invalid),
        ("correct", {"client_uuid": "1"}, Malformed),
    ],
)
def test_a_decision_that_cannot_be_is_refused_and_the_lease_stands(decision, fields, error):
    module = queue()
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    with pytest.raises(error):
        decide(lease, ann, decision, **fields)
    assert not HitlLabel.objects.filter(label_source="review").exists()
    assert decide(lease, ann).label.label_status == "correct"


def test_correct_without_a_prediction_is_malformed():
    module = queue(prediction=None, label_status=None)
    with pytest.raises(Malformed, match="no prediction"):
        judge(module, people.ann())


def test_a_reload_gets_the_open_lease_back():
    module = queue(2)
    ann = people.ann()
    first = review.lease_next(module, by=ann)
    again = review.lease_next(module, by=ann)
    assert (again.slot, again.token) == (first.slot, first.token)
    assert review.lease_next(module, by=people.al()).slot != first.slot


def test_nothing_waits_is_none():
    module = queue()
    assert review.lease_next(module, by=people.ann())
    assert review.lease_next(module, by=people.al()) is None


def test_the_highest_priority_comes_first_then_the_oldest():
    module = queue(3)
    slots = list(ReviewSlot.objects.order_by("id"))
    ReviewSlot.objects.filter(pk=slots[2].pk).update(priority=5)
    ann = people.ann()
    order = []
    for _ in range(3):
        lease = review.lease_next(module, by=ann)
        order.append(lease.slot)
        decide(lease, ann)
    assert order == [slots[2].pk, slots[0].pk, slots[1].pk]


def test_an_expired_lease_is_free_and_its_late_answer_still_counts():
    module = queue()
    ann, al = people.ann(), people.al()
    late = review.lease_next(module, by=ann)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    taken = review.lease_next(module, by=al)
    assert taken.slot == late.slot
    answer = decide(late, ann, "change", correction={"label": "bus"})
    assert sample().truth == {"label": "bus"}
    assert answer.label.annotator == ann
    decide(taken, al, "change", correction={"label": "car"})
    assert sample().state == SampleState.DISPUTED
    assert ReviewSlot.objects.get(kind=SlotKind.SENIOR).judged_by == ",".join(map(str, sorted([ann.pk, al.pk])))


def test_a_late_answer_that_agrees_changes_nothing():
    module = queue()
    ann, al = people.ann(), people.al()
    late = review.lease_next(module, by=ann)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, al)
    decide(late, ann)
    assert sample().state == SampleState.SETTLED
    with pytest.raises(Conflict, match="already"):
        decide(late, ann)


def test_a_lease_that_ran_out_but_nobody_took_is_still_mine():
    module = queue()
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    decide(lease, ann)
    assert ReviewSlot.objects.get().state == SlotState.DONE


def test_a_token_is_good_for_its_person_its_slot_and_seven_days(monkeypatch):
    module = queue(2)
    ann, al = people.ann(), people.al()
    lease, other = review.lease_next(module, by=ann), review.lease_next(module, by=al)
    for token in ("", "x", "1.2", other.token, lease.token[:-1], lease.token + "0", "9" * 30 + "." + lease.token, "é.é"):
        with pytest.raises(Refused):
            decide(lease, ann, lease_token=token)
    with pytest.raises(Refused):
        decide(lease, al)
    with pytest.raises(Missing):
        review.decide(10**9, by=ann, lease_token=lease.token, client_uuid=uuid.uuid4(), decision="correct")
    later = timezone.now() + timedelta(days=7, minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    with pytest.raises(Refused, match="seven days"):
        decide(lease, ann)


def test_the_same_client_uuid_gets_the_first_answer():
    module = queue(3)
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    key = uuid.uuid4()
    first = decide(lease, ann, client_uuid=key, next=True, seconds=1.0)
    again = decide(lease, ann, client_uuid=str(key), next=True, seconds=9.0)
    assert again.label == first.label
    assert again.next_lease.slot == first.next_lease.slot
    assert HitlLabel.objects.filter(label_source="review").count() == 1
    with pytest.raises(Conflict, match="another decision"):
        decide(lease, ann, "unsure", client_uuid=key)
    with pytest.raises(Conflict, match="another decision"):
        decide(first.next_lease, ann, client_uuid=key)
    assert decide(first.next_lease, ann).label != first.label


def test_a_slot_is_judged_once_by_a_person():
    module = queue()
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    decide(lease, ann)
    with pytest.raises(Conflict, match="already"):
        decide(lease, ann, "unsure")


def test_skip_leaves_no_label_and_puts_the_sample_behind_the_others():
    module = queue(2)
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    decided = decide(lease, ann, "skip", next=True)
    assert decided.label is None
    assert decided.next_lease.slot != lease.slot
    assert decide(lease, ann, "skip").label is None
    assert ReviewSlot.objects.get(pk=lease.slot).state == SlotState.OPEN


def test_a_lease_is_renewed_and_released_by_its_token():
    module = queue()
    ann, al = people.ann(), people.al()
    lease = review.lease_next(module, by=ann)
    assert review.renew_lease(lease.slot, by=ann, lease_token=lease.token).until >= lease.until
    with pytest.raises(Refused):
        review.release_lease(lease.slot, by=al, lease_token=lease.token)
    review.release_lease(lease.slot, by=ann, lease_token=lease.token)
    review.release_lease(lease.slot, by=ann, lease_token=lease.token)
    assert review.lease_next(module, by=al).slot == lease.slot
    with pytest.raises(Conflict, match="ran out"):
        review.renew_lease(lease.slot, by=ann, lease_token=lease.token)


def test_with_overlap_slots_open_one_after_another_and_never_to_the_same_person():
    module = queue(overlap=2)
    ann, al = people.ann(), people.al()
    judge(module, ann)
    assert sample().state == SampleState.PENDING
    slot = ReviewSlot.objects.get(slot_no=2)
    assert slot.judged_by == str(ann.pk)
    assert review.lease_next(module, by=ann) is None
    judge(module, al)
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"label": "car"})
    assert ReviewSlot.objects.count() == 2


def test_a_strict_majority_settles_by_its_earliest_answer():
    module = queue(overlap=3, module={"task": "detection"}, prediction=None, label_status=None)
    box = [{"label": "car", "bbox": [0, 0, 20, 20]}]
    near = [{"label": "car", "bbox": [0, 0, 20, 19]}]
    far = [{"label": "car", "bbox": [20, 10, 10, 10]}]
    for person, boxes in ((people.ann(), far), (people.al(), near), (people.rhea(), box)):
        judge(module, person, "change", correction={"boxes": boxes})
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"boxes": near})


def test_no_majority_is_a_dispute_that_a_senior_settles():
    module = queue(overlap=2)
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    judge(module, ann)
    judge(module, al, "change", correction={"label": "bus"})
    assert (sample().state, sample().truth) == (SampleState.DISPUTED, None)
    assert HitlLabel.objects.filter(is_disputed=True).count() == 2
    with pytest.raises(Refused):
        review.lease_next(module, by=ann, kind="dispute")
    assert review.lease_next(module, by=rhea) is None
    decided = judge(module, rhea, "change", kind="dispute", correction={"label": "bicycle"})
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"label": "bicycle"})
    assert decided.label.dispute_resolution == "change"


def test_a_senior_who_judged_is_not_asked_to_settle():
    module = queue(overlap=2)
    ann, rhea, ada = people.ann(), people.rhea(), people.ada()
    judge(module, ann)
    judge(module, rhea, "change", correction={"label": "bus"})
    assert review.lease_next(module, by=rhea, kind="dispute") is None
    assert judge(module, ada, "unsure", kind="dispute").label
    assert sample().state == SampleState.EXCLUDED


def test_one_unsure_among_several_opens_one_senior_slot():
    module = queue(overlap=3)
    judge(module, people.ann())
    judge(module, people.al(), "unsure")
    assert sample().state == SampleState.DISPUTED
    assert ReviewSlot.objects.filter(kind=SlotKind.SENIOR).count() == 1
    assert not ReviewSlot.objects.filter(kind=SlotKind.NORMAL, state__in=["open", "leased"]).exists()


@pytest.mark.parametrize("person", [people.olga, people.cy])
def test_who_does_not_annotate_gets_nothing(person):
    module = queue()
    with pytest.raises(Refused):
        review.lease_next(module, by=person())


def test_there_is_no_queue_of_an_unknown_kind():
    with pytest.raises(Malformed):
        review.lease_next(vehicles(), by=people.ann(), kind="gold")


def many_slots(module, count):
    """Pending samples with a slot each, made in one go: what the queue holds, not how it came there, is the point."""
    made = delivered(pune(), 1)[0]
    rows = [
        LearningSample(
            sample_id=f"s-{number}",
            event_id=f"s-{number}",
            module=module,
            city=made.city,
            camera=made.camera,
            captured_at=NOON,
            prediction={"label": "car"},
            state=SampleState.PENDING,
            group_key=f"s-{number}",
        )
        for number in range(count - 1)
    ]
    ReviewSlot.objects.bulk_create(ReviewSlot.opened(row) for row in LearningSample.objects.bulk_create(rows))


@pytest.mark.django_db(transaction=True)
def test_eight_people_at_once_get_forty_distinct_slots():
    module = vehicles(review_policy={"city_labels": "review"})
    many_slots(module, 40)
    crowd = [UserFactory(name=f"worker-{number}", role="annotator") for number in range(8)]

    def work(index):
        slots = []
        for _ in range(5):
            lease = review.lease_next(module, by=crowd[index])
            slots.append(lease.slot)
            decide(lease, crowd[index])
        return slots

    answers, refusals = race(work)
    assert not refusals
    assert len({slot for slots in answers for slot in slots}) == 40
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 40


@pytest.mark.django_db(transaction=True)
def test_with_overlap_a_crowd_judges_each_sample_twice_by_two_people():
    module = vehicles(review_policy={"city_labels": "review", "overlap": 2})
    many_slots(module, 12)
    crowd = [UserFactory(name=f"worker-{number}", role="annotator") for number in range(4)]

    def work(index):
        while lease := review.lease_next(module, by=crowd[index]):
            decide(lease, crowd[index])

    race(work, threads=4)
    race(work, threads=4)
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 12
    pairs = HitlLabel.objects.filter(label_source="review").values_list("sample_id", "annotator_id")
    assert len(pairs) == len(set(pairs)) == 24


@pytest.mark.django_db(transaction=True)
def test_one_decision_sent_eight_times_at_once_is_one_label():
    module = queue()
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    key = uuid.uuid4()
    answers, refusals = race(lambda _: decide(lease, ann, client_uuid=key))
    assert not refusals
    assert len({decided.label.pk for decided in answers}) == 1
    assert HitlLabel.objects.filter(label_source="review").count() == 1


def test_deciding_and_getting_the_next_takes_few_statements(django_assert_max_num_queries):
    module = queue(3)
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    with django_assert_max_num_queries(16):
        assert decide(lease, ann, next=True).next_lease
