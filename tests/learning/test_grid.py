"""The grid: a page of one predicted class, leased at once and judged in one go, by the same rules as one sample."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Malformed, Refused
from learning.actions import gold, grid, pause, review
from learning.actions import module as module_verbs
from learning.actions.grid import Held
from learning.models import GoldShowing, HitlLabel, LearningSample, ReviewSlot, SampleState
from tests import people
from tests.factories.learning import delivered, pune, vehicles
from tests.learning.test_batch_api import Caller
from tests.learning.test_gold import agreed
from tests.racing import race

pytestmark = pytest.mark.django_db
GRID = "/api/v1/learning/review/grid"
POLICY = {
    "city_labels": "review",
    "overlap": 1,
    "grid_full_share": 0.0,
    "first_check_share": 0.0,
    "later_check_share": 0.0,
    "random_share": 0.0,
}


def queue(cars=5, buses=0, **terms):
    """A module with samples that wait, of two predicted classes."""
    module = vehicles(review_policy={**POLICY, **terms}, accepts_unlabelled=True)
    samples = delivered(pune(), cars + buses, label_status=None)
    LearningSample.objects.filter(pk__in=[sample.pk for sample in samples[cars:]]).update(prediction={"label": "bus"})
    return module


def slots_of(page):
    return [lease.slot for lease in page.leases]


def back(leases, correction=None):
    return [Held(lease.slot, lease.token, correction) for lease in leases]


def outcomes(told):
    return {row.slot: row.outcome for row in told}


def held(by):
    return set(ReviewSlot.objects.filter(state="leased", lease_user=by).values_list("pk", flat=True))


def test_a_page_is_of_the_class_of_which_most_wait():
    module = queue(cars=3, buses=5)
    page = grid.lease_page(module, by=people.ann())
    assert (page.label, len(page.leases), dict(page.classes)) == ("bus", 5, {"car": 3})
    assert {lease.sample.prediction["label"] for lease in page.leases} == {"bus"}
    assert held(people.ann()) == set(slots_of(page))


def test_another_class_gives_the_page_back():
    module = queue(cars=3, buses=5)
    ann = people.ann()
    grid.lease_page(module, by=ann)
    page = grid.lease_page(module, by=ann, label="car")
    assert (page.label, held(ann)) == ("car", set(slots_of(page)))
    nothing = grid.lease_page(module, by=people.al(), label="car")
    assert (nothing.leases, dict(nothing.classes)) == ((), {"bus": 5})


def test_a_reload_gets_the_page_back_in_its_order():
    module = queue(6)
    ann = people.ann()
    first, again = grid.lease_page(module, by=ann, size=4), grid.lease_page(module, by=ann, size=4)
    assert slots_of(first) == slots_of(again)
    assert [lease.token for lease in first.leases] == [lease.token for lease in again.leases]


def test_a_page_is_no_part_of_the_hand():
    module = queue(8)
    ann = people.ann()
    page = grid.lease_page(module, by=ann, size=4)
    lease = review.lease_next(module, by=ann, ahead=2)
    hand = {lease.slot, *(each.slot for each in lease.ahead)}
    assert len(hand) == 3
    assert not hand & set(slots_of(page))
    review.release_lease(lease.slot, by=ann, lease_token=lease.token)
    assert held(ann) == set(slots_of(page))
    assert slots_of(grid.lease_page(module, by=ann, size=4)) == slots_of(page)


def test_nobody_gets_a_slot_that_somebody_holds():
    module = queue(6)
    ann, al = people.ann(), people.al()
    mine = grid.lease_page(module, by=ann, size=4)
    theirs = grid.lease_page(module, by=al)
    assert len(theirs.leases) == 2
    assert not held(ann) & held(al)
    ReviewSlot.objects.filter(pk__in=slots_of(mine)).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert len(grid.lease_page(module, by=people.rhea()).leases) == 4  # what ran out comes back


def test_a_sample_comes_to_a_person_once():
    module = queue(3, overlap=2)
    ann = people.ann()
    page = grid.lease_page(module, by=ann)
    grid.decide_page(uuid.uuid4(), by=ann, approved=back(page.leases))
    assert grid.lease_page(module, by=ann).leases == ()
    assert len(grid.lease_page(module, by=people.al()).leases) == 3


@pytest.mark.django_db(transaction=True)
def test_pages_leased_at_one_moment_share_no_slot():
    module = queue(48)
    workers = [people.ann(), people.al(), people.rhea(), people.bo()]
    pages, refused = race(lambda index: slots_of(grid.lease_page(module, by=workers[index % 4], size=6)), threads=8)
    assert not refused
    assert len({tuple(page) for page in pages}) == 4  # two windows of one person show one page
    given = [slot for page in {tuple(page) for page in pages} for slot in page]
    assert len(given) == len(set(given)) == 24


def test_a_page_is_judged_in_one_go():
    module = queue(5)
    ann = people.ann()
    page = grid.lease_page(module, by=ann)
    right, other, wrong = page.leases[:3], page.leases[3:4], page.leases[4:]
    told = grid.decide_page(
        uuid.uuid4(), by=ann, approved=back(right), changed=back(other, {"label": "bus"}), marked=back(wrong), seconds=12.0
    )
    assert sorted(outcomes(told).values()) == ["approved"] * 3 + ["changed", "marked"]
    truths = dict(LearningSample.objects.values_list("slots", "truth"))
    assert [truths[slot] for slot in slots_of(page)] == [{"label": "car"}] * 3 + [{"label": "bus"}, None]
    assert set(HitlLabel.objects.values_list("review_time_seconds", flat=True)) == {3.0}
    assert Event.objects.filter(verb="decide").count() == 4
    assert Event.objects.filter(verb="mark", object_id=str(wrong[0].slot)).exists()
    assert held(ann) == set()


def test_what_was_marked_waits_on_the_single_page_alone():
    module = queue(1)
    ann = people.ann()
    page = grid.lease_page(module, by=ann)
    grid.decide_page(uuid.uuid4(), by=ann, marked=back(page.leases))
    assert LearningSample.objects.get().state == SampleState.PENDING
    assert grid.lease_page(module, by=people.al()).leases == ()
    assert review.lease_next(module, by=people.al()).slot == page.leases[0].slot


def test_the_same_page_again_is_counted_once():
    module = queue(4)
    ann, key = people.ann(), uuid.uuid4()
    page = grid.lease_page(module, by=ann)
    sent = {
        "approved": back(page.leases[:2]),
        "changed": back(page.leases[2:3], {"label": "bus"}),
        "marked": back(page.leases[3:]),
    }
    first, again = (grid.decide_page(key, by=ann, **sent) for _ in range(2))
    assert first == again
    assert HitlLabel.objects.filter(label_source="review").count() == 3
    assert Event.objects.filter(verb__in=["decide", "mark"]).count() == 4


def test_a_lost_lease_keeps_no_other_back():
    module = queue(4)
    ann, al = people.ann(), people.al()
    page = grid.lease_page(module, by=ann)
    lost, foreign = page.leases[0], page.leases[1]
    ReviewSlot.objects.filter(pk=lost.slot).update(lease_until=timezone.now() - timedelta(seconds=1))
    theirs = review.lease_next(module, by=al)
    assert theirs.slot == lost.slot
    approved = [*back(page.leases[:1]), Held(foreign.slot, "1.abc"), *back(page.leases[2:3]), Held(999, "1.abc")]
    told = grid.decide_page(uuid.uuid4(), by=ann, approved=approved, changed=back(page.leases[3:], {"label": "plane"}))
    assert outcomes(told) == {
        lost.slot: "late",
        foreign.slot: "refused",
        page.leases[2].slot: "approved",
        page.leases[3].slot: "refused",
        999: "refused",
    }
    assert {row.code for row in told if row.outcome == "refused"} == {"bad_lease", "label_outside_schema", "missing"}
    review.decide(theirs.slot, by=al, lease_token=theirs.token, client_uuid=uuid.uuid4(), decision="correct")
    assert HitlLabel.objects.filter(sample=lost.sample).count() == 2


def test_a_share_of_what_is_approved_is_judged_again_in_full():
    module = queue(2, grid_full_share=1.0)
    ann, al = people.ann(), people.al()
    page = grid.lease_page(module, by=ann)
    approved, changed = page.leases
    grid.decide_page(uuid.uuid4(), by=ann, approved=back([approved]), changed=back([changed], {"label": "bus"}))
    states = dict(LearningSample.objects.values_list("pk", "state"))
    assert (states[approved.sample.pk], states[changed.sample.pk]) == (SampleState.PENDING, SampleState.SETTLED)
    assert grid.lease_page(module, by=al).leases == ()
    assert review.lease_next(module, by=ann) is None
    second = review.lease_next(module, by=al)
    assert second.sample.pk == approved.sample.pk
    review.decide(second.slot, by=al, lease_token=second.token, client_uuid=uuid.uuid4(), decision="correct")
    assert LearningSample.objects.get(pk=approved.sample.pk).state == SampleState.SETTLED


def test_who_looks_in_full_and_differs_opens_a_dispute():
    module = queue(1, grid_full_share=1.0)
    page = grid.lease_page(module, by=people.ann())
    grid.decide_page(uuid.uuid4(), by=people.ann(), approved=back(page.leases))
    second = review.lease_next(module, by=people.al())
    facts = {"lease_token": second.token, "client_uuid": uuid.uuid4(), "decision": "change", "correction": {"label": "bus"}}
    review.decide(second.slot, by=people.al(), **facts)
    assert LearningSample.objects.get().state == SampleState.DISPUTED


def test_an_approval_that_is_undone_is_judged_in_full_by_who_gave_it():
    module = queue(1, grid_full_share=1.0)
    ann = people.ann()
    page = grid.lease_page(module, by=ann)
    grid.decide_page(uuid.uuid4(), by=ann, approved=back(page.leases))
    again = review.undo(page.leases[0].slot, by=ann)
    assert grid.lease_page(module, by=ann).leases == ()
    review.decide(again.slot, by=ann, lease_token=again.token, client_uuid=uuid.uuid4(), decision="correct")
    assert LearningSample.objects.get().state == SampleState.SETTLED


def test_gold_is_among_them_and_looks_like_the_others():
    module = vehicles(review_policy={**POLICY, "gold_share": 0.5, "gold_min": 3}, accepts_unlabelled=True)
    samples = delivered(pune(), 12, label_status=None)
    agreed(samples[:6])
    LearningSample.objects.filter(pk=samples[0].pk).update(prediction={"label": "bus"})
    for each in samples[:6]:
        gold.promote(LearningSample.objects.get(pk=each.pk), by=people.rhea())
    ann = people.ann()
    page = grid.lease_page(module, by=ann, size=6)
    kinds = dict(ReviewSlot.objects.filter(pk__in=slots_of(page)).values_list("pk", "kind"))
    golden = [slot for slot, kind in kinds.items() if kind == "gold"]
    assert len(page.leases) == 6
    assert 0 < len(golden) < 6
    assert {lease.sample.prediction["label"] for lease in page.leases} == {"car"}
    told = grid.decide_page(uuid.uuid4(), by=ann, approved=back(page.leases))
    assert set(outcomes(told).values()) == {"approved"}
    assert GoldShowing.objects.filter(user=ann, is_right=True).count() == len(golden)


def test_paused_people_are_refused():
    module = queue(2)
    ann = people.ann()
    page = grid.lease_page(module, by=ann)
    pause.pause(module, ann, by=people.rhea(), why="Please read the guide.")
    with pytest.raises(Refused):
        grid.lease_page(module, by=ann)
    assert len(grid.lease_page(module, by=people.al()).leases) == len(page.leases)


def test_a_page_is_renewed_and_given_back():
    module = queue(3)
    ann = people.ann()
    page = grid.lease_page(module, by=ann)
    early = timezone.now() - timedelta(minutes=1)
    ReviewSlot.objects.update(lease_until=early)
    lost = review.lease_next(module, by=people.al()).slot
    renewed = grid.renew_page(back(page.leases), by=ann)
    assert {slot.pk for slot in renewed} == set(slots_of(page)) - {lost}
    assert all(slot.lease_until > timezone.now() for slot in renewed)
    grid.release_page(back(page.leases), by=people.al())  # not theirs
    assert len(held(ann)) == 2
    grid.release_page(back(page.leases), by=ann)
    assert held(ann) == set()


def test_boxes_and_hidden_predictions_have_no_grid():
    boxes = module_verbs.add("boxes", by=None, name="Boxes", task="detection", labels=["car"])
    with pytest.raises(Conflict, match="one sample after the other"):
        grid.lease_page(boxes, by=people.ann())
    blind = vehicles(slug="blind", review_policy={**POLICY, "hide_prediction": True})
    with pytest.raises(Conflict, match="hides the prediction"):
        grid.lease_page(blind, by=people.ann())


def test_texts_are_on_one_page_whatever_they_say():
    module = module_verbs.add("plates", by=None, name="Plates", task="text", review_policy=POLICY)
    module.accepts_unlabelled = True
    module.save()
    samples = delivered(pune(), 3, label_status=None, ai_module="plates", prediction={"text": "MH12AB1234"})
    LearningSample.objects.filter(pk=samples[0].pk).update(prediction={"boxes": []})
    page = grid.lease_page(module, by=people.ann(), label="car")
    assert (page.label, len(page.leases)) == ("", 2)
    told = grid.decide_page(uuid.uuid4(), by=people.ann(), changed=back(page.leases, {"text": "MH12AB1235"}))
    assert set(outcomes(told).values()) == {"changed"}


@pytest.mark.parametrize("rows", [0, 49])
def test_a_page_that_is_none_is_malformed(rows):
    approved = [Held(number, "1.a") for number in range(rows)]
    with pytest.raises(Malformed):
        grid.decide_page(uuid.uuid4(), by=people.ann(), approved=approved)


def test_a_slot_is_on_a_page_once():
    with pytest.raises(Malformed, match="once"):
        grid.decide_page(uuid.uuid4(), by=people.ann(), approved=[Held(1, "1.a")], marked=[Held(1, "1.a")])


def test_over_http():
    queue(4)
    caller = Caller(people.ann())
    page = caller.post(GRID, {"ai_module": "vehicles", "size": 3}).json()
    assert (page["label"], len(page["tiles"])) == ("car", 3)
    leases = [{"slot": tile["slot"], "lease_token": tile["lease_token"]} for tile in page["tiles"]]
    assert len(caller.post(f"{GRID}/renew", {"leases": leases}).json()["held"]) == 3
    body = {"page": str(uuid.uuid4()), "approved": leases[:1], "changed": [{**leases[1], "correction": {"label": "bus"}}]}
    told = caller.post(f"{GRID}/decide", {**body, "marked": leases[2:], "seconds": 3}).json()["outcomes"]
    assert {row["slot"]: row["outcome"] for row in told} == dict(
        zip((lease["slot"] for lease in leases), ("approved", "changed", "marked"), strict=True)
    )
    assert caller.post(f"{GRID}/release", {"leases": leases}).status_code == 204
    assert caller.post(GRID, {"ai_module": "nothing"}).status_code == 404
    for wrong in ({"size": 0}, {"size": "8"}, {"label": 3}):
        assert caller.post(GRID, {"ai_module": "vehicles", **wrong}).status_code == 400
    assert caller.post(f"{GRID}/decide", {"page": "x", "approved": leases}).status_code == 400
    assert caller.post(f"{GRID}/decide", {"page": str(uuid.uuid4()), "approved": [{"slot": "1"}]}).status_code == 400
    assert Caller(people.cy()).post(GRID, {"ai_module": "vehicles"}).status_code == 403
