"""Checks: a reviewer looks at a share of what annotators judged, and accepts, fixes or returns it."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Malformed, Refused
from learning.actions import checking, erasing, erasure, review
from learning.models import HitlLabel, LearningSample, ReviewPolicy, ReviewSlot, SampleState, SlotKind, SlotState
from tests import people
from tests.factories.learning import UNCHECKED
from tests.learning.test_review import decide, judge, queue, sample

pytestmark = pytest.mark.django_db
ALWAYS = {"first_check_share": 1, "later_check_share": 1}


def checked(count=1, **fields):
    """A module in which everything that annotators judge is checked."""
    return queue(count, policy={**ALWAYS, **fields.pop("policy", {})}, **fields)


def check_slot():
    return ReviewSlot.objects.get(kind=SlotKind.CHECK)


def returned(module, ann, rhea, **fields):
    """Ann judges, and Rhea returns it."""
    label = judge(module, ann, **fields).label
    lease = review.lease_next(module, by=rhea, kind="check")
    decide(lease, rhea, "return", reason="Look again", note="The lower digit.")
    return label, lease


def test_what_is_checked_is_true_meanwhile_and_the_checker_sees_what_was_said():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    label = judge(module, ann, "change", correction={"label": "bus"}).label
    assert sample().truth == {"label": "bus"}
    with pytest.raises(Refused):
        review.lease_next(module, by=people.al(), kind="check")
    lease = review.lease_next(module, by=rhea, kind="check")
    assert (lease.kind, lease.about) == ("check", label)
    assert check_slot().judged_by == str(ann.pk)


def test_an_accepted_check_changes_nothing(heard):
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    judge(module, ann, "change", correction={"label": "bus"})
    heard.clear()
    label = judge(module, rhea, "correct", kind="check", seconds=2.0).label
    assert (label.label_status, label.decision, label.correction) == ("changed", "change", {"label": "bus"})
    assert (label.label_source, label.annotator) == ("validation", rhea)
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"label": "bus"})
    assert (check_slot().state, check_slot().outcome) == (SlotState.DONE, "accepted")
    assert heard == []


def test_an_unsure_judgement_is_checked_too():
    module = checked()
    judge(module, people.ann(), "reject", reason="empty")
    label = judge(module, people.rhea(), "correct", kind="check").label
    assert (label.label_status, label.decision) == ("unsure", "reject")
    assert (sample().state, check_slot().outcome) == (SampleState.EXCLUDED, "accepted")


@pytest.mark.parametrize(
    ("said", "fix", "fields", "becomes"),
    [
        ("correct", "change", {"correction": {"label": "bus"}}, ("settled", {"label": "bus"}, "changed")),
        ("unsure", "change", {"correction": {"label": "bus"}}, ("settled", {"label": "bus"}, "changed")),
        ("nothing", "change", {"correction": {"label": "car"}}, ("settled", {"label": "car"}, "correct")),
        ("correct", "unsure", {"reason": "blurred"}, ("excluded", None, "unsure")),
        ("correct", "nothing", {}, ("settled", {}, "changed")),
    ],
)
def test_a_fix_becomes_the_truth(said, fix, fields, becomes):
    module = checked()
    judge(module, people.ann(), said)
    judge(module, people.rhea(), fix, kind="check", **fields)
    assert (sample().state, sample().truth, sample().label_status) == becomes
    assert check_slot().outcome == "fixed"


def test_to_fix_it_to_the_same_is_to_accept_it():
    module = checked()
    judge(module, people.ann(), "change", correction={"label": "bus"})
    judge(module, people.rhea(), "change", kind="check", correction={"label": "bus"})
    assert check_slot().outcome == "accepted"


def test_returned_work_waits_for_its_person_alone_with_the_reason(heard):
    module = checked()
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    heard.clear()
    label, _ = returned(module, ann, rhea)
    assert (sample().state, sample().truth) == (SampleState.PENDING, None)
    assert [change.new_state for change in heard] == ["settled", "pending"]
    assert review.lease_next(module, by=al) is None
    assert review.lease_next(module, by=rhea, kind="returned") is None
    lease = review.lease_next(module, by=ann, kind="returned")
    assert (lease.kind, lease.about, lease.reason, lease.note) == ("returned", label, "Look again", "The lower digit.")
    again = decide(lease, ann, "change", correction={"label": "bus"}).label
    assert sample().truth == {"label": "bus"}
    label.refresh_from_db()
    assert label.withdrawn_at
    assert not again.withdrawn_at
    assert Event.objects.get(verb="return").facts["label"] == label.label_id


def test_what_was_returned_is_checked_again_even_by_the_same_reviewer():
    module = queue(policy={"first_check_share": 1, "later_check_share": 1})
    ann, rhea = people.ann(), people.rhea()
    returned(module, ann, rhea)
    type(module).objects.update(review_policy={**module.review_policy, **UNCHECKED})
    judge(module, ann, "change", kind="returned", correction={"label": "bus"})
    assert judge(module, rhea, kind="check").label
    assert list(ReviewSlot.objects.order_by("slot_no").values_list("kind", "outcome")) == [
        ("normal", ""),
        ("check", "returned"),
        ("rework", ""),
        ("check", "accepted"),
    ]


def test_after_three_days_anyone_gets_returned_work_and_is_not_told_what_was_said():
    module = checked()
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    returned(module, ann, rhea)
    ReviewSlot.objects.filter(kind="rework").update(created_at=timezone.now() - timedelta(days=3, seconds=1))
    lease = review.lease_next(module, by=al)
    assert (lease.kind, lease.about, lease.reason) == ("returned", None, "")
    decide(lease, al)
    assert sample().state == SampleState.SETTLED


def test_own_returned_work_is_offered_when_nothing_else_waits():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    returned(module, ann, rhea)
    assert review.lease_next(module, by=ann).kind == "returned"


def test_with_overlap_only_the_returned_judgement_is_made_anew():
    module = checked(overlap=2)
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    first = judge(module, ann).label
    judge(module, al)
    lease = review.lease_next(module, by=rhea, kind="check")
    assert (lease.about, ReviewSlot.objects.filter(kind="check").count()) == (first, 1)
    decide(lease, rhea, "return", reason="Look again")
    assert sample().state == SampleState.PENDING
    judge(module, ann, "change", kind="returned", correction={"label": "bus"})
    assert sample().state == SampleState.DISPUTED


def test_returning_twice_is_returning_once():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    _, lease = returned(module, ann, rhea)
    assert decide(lease, rhea, "return", reason="Look again").label is None
    assert ReviewSlot.objects.filter(kind="rework").count() == 1


def test_only_a_check_is_returned_and_only_with_a_reason():
    module = checked(2)
    ann, rhea = people.ann(), people.rhea()
    lease = review.lease_next(module, by=ann)
    with pytest.raises(Malformed, match="Only what one checks"):
        decide(lease, ann, "return", reason="Look again")
    decide(lease, ann)
    check = review.lease_next(module, by=rhea, kind="check")
    for reason, error in (("", Invalid), (" ", Invalid), ("x" * 61, Invalid)):
        with pytest.raises(error):
            decide(check, rhea, "return", reason=reason)
    with pytest.raises(Invalid, match="note"):
        decide(check, rhea, "return", reason="Look again", note="x" * 501)


def test_a_check_that_somebody_else_took_is_not_returned():
    module = checked()
    ann, rhea, ada = people.ann(), people.rhea(), people.ada()
    judge(module, ann)
    lost = review.lease_next(module, by=rhea, kind="check")
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert review.lease_next(module, by=ada, kind="check").slot == lost.slot
    with pytest.raises(Conflict, match="somebody else"):
        decide(lost, rhea, "return", reason="Look again")
    assert sample().state == SampleState.SETTLED
    late = decide(lost, rhea, "change", correction={"label": "bus"}).label
    assert late.label_source == "validation"
    assert sample().truth == {"label": "car"}


def test_who_checks_others_is_not_checked():
    module = checked()
    judge(module, people.rhea())
    assert not ReviewSlot.objects.filter(kind=SlotKind.CHECK).exists()


def test_the_share_falls_with_a_persons_count():
    module = queue(40, policy={"first_judgements": 20, "first_check_share": 1, "later_check_share": 0})
    ann = people.ann()
    while lease := review.lease_next(module, by=ann):
        decide(lease, ann)
    assert ReviewSlot.objects.filter(kind=SlotKind.CHECK).count() == 20
    assert set(ReviewSlot.objects.filter(kind="check").values_list("about__annotator", flat=True)) == {ann.pk}


def test_the_same_judgement_is_always_drawn_alike(django_assert_num_queries):
    policy = ReviewPolicy(first_check_share=0.5, later_check_share=0.5)
    queue()
    label = HitlLabel(annotator=people.ann())
    rows = [LearningSample(sample_id=f"s-{number}", module_id=1) for number in range(400)]
    with django_assert_num_queries(0):
        drawn = [checking._is_drawn(label, row, policy) for row in rows]
        assert drawn == [checking._is_drawn(label, row, policy) for row in rows]
    assert 150 < sum(drawn) < 250


def test_a_late_answer_does_not_dispute_what_a_reviewer_accepted():
    module = checked()
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    late = review.lease_next(module, by=ann)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, al)
    judge(module, rhea, kind="check")
    decide(late, ann, "change", correction={"label": "bus"})
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"label": "car"})
    assert HitlLabel.objects.standing().filter(annotator=ann).exists()


def test_a_late_answer_disputes_what_waits_for_its_check():
    module = checked()
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    late = review.lease_next(module, by=ann)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, al)
    decide(late, ann, "change", correction={"label": "bus"})
    assert sample().state == SampleState.DISPUTED
    assert review.lease_next(module, by=rhea, kind="check") is None


def test_a_late_agreeing_reviewer_does_not_get_the_check():
    module = checked()
    al, rhea = people.al(), people.rhea()
    late = review.lease_next(module, by=rhea)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, al)
    decide(late, rhea)
    assert review.lease_next(module, by=rhea, kind="check") is None
    assert review.lease_next(module, by=people.ada(), kind="check")


def test_undo_voids_a_check_that_nobody_touched():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    lease = review.lease_next(module, by=ann)
    decide(lease, ann)
    again = review.undo(lease.slot, by=ann)
    assert check_slot().state == SlotState.VOID
    assert review.lease_next(module, by=rhea, kind="check") is None
    decide(again, ann)
    assert review.lease_next(module, by=rhea, kind="check")


def test_nothing_is_undone_that_somebody_checks_or_checked():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    lease = review.lease_next(module, by=ann)
    decide(lease, ann)
    check = review.lease_next(module, by=rhea, kind="check")
    with pytest.raises(Conflict, match="in work"):
        review.undo(lease.slot, by=ann)
    decide(check, rhea)
    with pytest.raises(Conflict, match="in work"):
        review.undo(lease.slot, by=ann)


def test_an_undone_acceptance_is_a_check_again():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    judge(module, ann, "change", correction={"label": "bus"})
    check = review.lease_next(module, by=rhea, kind="check")
    decide(check, rhea)
    lease = review.undo(check.slot, by=rhea)
    assert (lease.about.annotator, check_slot().outcome, check_slot().state) == (ann, "", SlotState.LEASED)
    assert sample().truth == {"label": "bus"}
    decide(lease, rhea, "nothing")
    assert (sample().truth, check_slot().outcome) == ({}, "fixed")


def test_an_undone_fix_brings_back_what_was_judged():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    judge(module, ann, "change", correction={"label": "bus"})
    check = review.lease_next(module, by=rhea, kind="check")
    decide(check, rhea, "unsure")
    assert sample().state == SampleState.EXCLUDED
    review.undo(check.slot, by=rhea)
    assert (sample().state, sample().truth) == (SampleState.SETTLED, {"label": "bus"})


def test_an_undone_return_brings_the_judgement_back_unless_its_person_is_at_it():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    label, check = returned(module, ann, rhea)
    lease = review.undo(check.slot, by=rhea)
    label.refresh_from_db()
    assert (label.withdrawn_at, sample().truth) == (None, {"label": "car"})
    assert ReviewSlot.objects.get(kind="rework").state == SlotState.VOID
    decide(lease, rhea, "return", reason="Look again", client_uuid=uuid.uuid4())
    review.lease_next(module, by=ann, kind="returned")
    with pytest.raises(Conflict, match="in work"):
        review.undo(check.slot, by=rhea)


def test_returned_work_is_not_undone_by_its_person():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    returned(module, ann, rhea)
    with pytest.raises(Conflict, match="returned"):
        review.undo(ReviewSlot.objects.get(slot_no=1).pk, by=ann)


def test_rework_is_undone_like_any_judgement():
    module = checked()
    ann, rhea = people.ann(), people.rhea()
    returned(module, ann, rhea)
    lease = review.lease_next(module, by=ann, kind="returned")
    decide(lease, ann)
    again = review.undo(lease.slot, by=ann)
    assert (again.reason, sample().state) == ("Look again", SampleState.PENDING)
    decide(again, ann)
    assert sample().state == SampleState.SETTLED


def test_an_erasure_takes_what_was_written_beside_a_return():
    module = checked()
    returned(module, people.ann(), people.rhea())
    ada = people.ada()
    made = erasure.gather(erasure.draft("samples", {"samples": [sample().sample_id]}, by=ada).pk)
    erasing.run(erasure.confirm(made, by=ada, confirmation=erasure.phrase(made)).pk)
    assert set(ReviewSlot.objects.values_list("reason", "note")) == {("", "")}
    assert ReviewSlot.objects.get(kind="rework").state == SlotState.VOID
