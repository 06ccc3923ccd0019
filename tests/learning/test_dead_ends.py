"""What waits for nobody is named, with what helps; and a policy that widens who settles holds for disputes that wait."""

import pytest
from django.urls import reverse

from accounts.models import Role
from learning.actions import pause, policy, review, reweighing
from learning.dead_ends import dead_ends
from learning.models import ReviewSlot, SlotKind, SlotState
from tests import people
from tests.factories.learning import delivered, pune, vehicles
from tests.learning.test_review import decide, judge, queue, sample
from tests.pages import looking

pytestmark = pytest.mark.django_db
ALL = {"first_check_share": 1, "later_check_share": 1}


def told(module):
    return [(each.queue, each.samples) for each in dead_ends([module])]


def disputed(**fields):
    """Ann and Rhea differ about a sample, and Ada, who could settle it, is there."""
    module = queue(overlap=2, **fields)
    ann, rhea, ada = people.ann(), people.rhea(), people.ada()
    judge(module, ann)
    judge(module, rhea, "change", correction={"label": "bus"})
    return module, ann, rhea, ada


def leaves(person):
    type(person).objects.filter(pk=person.pk).update(is_active=False)


def test_nothing_is_told_while_somebody_may():
    module, *_ = disputed()
    assert told(module) == []


@pytest.mark.parametrize("how", ["left", "role", "paused"])
def test_a_dispute_is_named_once_nobody_who_is_here_may_settle_it(how):
    module, _, rhea, ada = disputed()
    if how == "left":
        leaves(ada)
    elif how == "role":
        type(ada).objects.filter(pk=ada.pk).update(role=Role.MEMBER)
    else:
        row = pause.pause(module, ada, by=rhea, why="On leave")
    [found] = dead_ends([module])
    assert (found.queue, found.samples, found.slots.get().sample) == ("dispute", "1", sample())
    assert found.sentence == "1 dispute in Vehicles can be settled by nobody: whoever is here judged the same samples."
    assert any("review policy" in each for each in found.remedies)
    assert any("Add a reviewer" in each for each in found.remedies)
    assert any("paused" in each for each in found.remedies) == (how == "paused")
    if how == "paused":
        pause.lift(row, by=rhea, why="Back")
        assert told(module) == []


def test_where_no_reviewer_is_left_that_is_said():
    module, _, rhea, ada = disputed()
    leaves(ada), leaves(rhea)
    [found] = dead_ends([module])
    assert "there is no reviewer who may judge in this module now" in found.sentence
    assert found.remedies == ("Add a reviewer, or give somebody that role.",)


def test_reviewers_read_it_on_their_first_page_and_on_that_of_quality():
    module, ann, rhea, ada = disputed()
    pages = ("/", f"{reverse('learning:quality')}?module={module.slug}")
    sentence = "1 dispute in Vehicles can be settled by nobody"
    assert not any(sentence in looking(rhea).get(page).content.decode() for page in pages)
    leaves(ada)
    for page in pages:
        shown = looking(rhea).get(page).content.decode()
        assert sentence in shown
        assert "Add a reviewer, or give somebody that role." in shown
    assert sentence not in looking(ann).get(pages[0]).content.decode()


def test_somebody_who_comes_ends_it():
    module, _, _, ada = disputed()
    leaves(ada)
    assert told(module) == [("dispute", "1")]
    bo = people.bo()
    assert told(module) == []
    assert judge(module, bo, kind="dispute").label.dispute_resolution == "correct"


def test_a_policy_by_which_any_reviewer_settles_holds_for_disputes_that_wait():
    module, _, rhea, ada = disputed()
    leaves(ada)
    assert review.lease_next(module, by=rhea, kind="dispute") is None
    policy.change(module, by=None, terms={"adjudicators": "any"})
    reweighing.weigh_module(module.pk)
    assert told(module) == []
    assert judge(module, rhea, kind="dispute").label.dispute_resolution == "correct"
    assert sample().truth == {"label": "car"}


def test_a_policy_by_which_only_others_settle_holds_for_disputes_that_wait():
    module, ann, rhea, ada = disputed(policy={"adjudicators": "any"})
    people.al()
    slot = ReviewSlot.objects.get(kind=SlotKind.SENIOR)
    assert slot.judged_by == ""
    policy.change(module, by=None, terms={"adjudicators": "others"})
    reweighing.weigh_module(module.pk)
    slot.refresh_from_db()
    assert slot.judged_by == ",".join(str(key) for key in sorted((ann.pk, rhea.pk)))
    assert review.lease_next(module, by=rhea, kind="dispute") is None
    assert review.lease_next(module, by=ada, kind="dispute")


def test_disputes_keep_whom_they_are_for_where_only_other_terms_change():
    module, *_ = disputed()
    before = ReviewSlot.objects.get(kind=SlotKind.SENIOR).judged_by
    policy.change(module, by=None, terms={"random_share": 0.5})
    reweighing.weigh_module(module.pk)
    assert ReviewSlot.objects.get(kind=SlotKind.SENIOR).judged_by == before


def test_a_check_is_named_whose_only_reviewer_judged_the_sample():
    module = queue(overlap=2, policy=ALL)
    ann, rhea = people.ann(), people.rhea()
    judge(module, ann)
    judge(module, rhea)
    assert ReviewSlot.objects.get(kind=SlotKind.CHECK).judged_by == ",".join(str(key) for key in sorted((ann.pk, rhea.pk)))
    assert told(module) == [("check", "1")]
    people.ada()
    assert told(module) == []


def test_samples_are_named_that_need_more_people_than_are_left():
    module = queue(2, overlap=2)
    ann, al = people.ann(), people.al()
    judge(module, ann)
    assert told(module) == []
    leaves(al)
    [found] = dead_ends([module])
    assert (found.queue, found.samples) == ("judge", "1")
    assert "fewer judgements" in found.remedies[0]


def test_what_waits_for_one_person_or_is_in_hand_is_no_dead_end():
    module = queue(overlap=2)
    ann, al = people.ann(), people.al()
    judge(module, ann)
    review.lease_next(module, by=al)
    ReviewSlot.objects.filter(state=SlotState.LEASED).update(judged_by=f"{ann.pk},{al.pk}")
    assert told(module) == []
    ReviewSlot.objects.update(lease_until="2020-01-01T00:00Z")
    assert told(module) == [("judge", "1")]


def test_returned_work_waits_for_its_person():
    module = queue(policy=ALL)
    ann, rhea = people.ann(), people.rhea()
    judge(module, ann)
    decide(review.lease_next(module, by=rhea, kind="check"), rhea, "return", reason="Look again")
    leaves(rhea)
    assert told(module) == []


def test_several_modules_and_groups_are_told_apart():
    module, _, _, ada = disputed()
    other = queue_of_another()
    leaves(ada)
    assert [(each.module.slug, each.queue) for each in dead_ends([other, module])] == [("vehicles", "dispute")]


def queue_of_another():
    other = vehicles(slug="plates", review_policy={"city_labels": "review"}, accepts_unlabelled=True)
    delivered(pune("city_goa"), 1, ai_module="plates")
    return other
