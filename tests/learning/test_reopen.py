"""Another round of review, for a list or a filter: counted first, begun with a reason, and what was said makes no truth."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event
from learning.actions import review, selection
from learning.models import HitlLabel, LearningSample, ReviewSlot, SampleState
from tests import people
from tests.factories import training as rooms
from tests.factories.learning import delivered, pune, vehicles
from tests.learning.test_batch_api import Caller
from tests.learning.test_check import checked, returned
from tests.learning.test_review import decide, judge, queue, sample
from tests.pages import looking

pytestmark = pytest.mark.django_db
REOPEN = "/api/v1/learning/review/reopen"


def settled(count=3):
    vehicles()
    return delivered(pune(), count)


def reopened(by=None, **query):
    made = selection.choose("reopen", by=by or people.ada(), query=query or {"state": "settled"})
    selection.begin(made, by=made.owner, facts={"reason": "The guide was wrong."})
    selection.run(made.pk)


def test_a_list_is_counted_then_opened_and_told_how_far_it_is():
    rows, rhea = settled(), Caller(people.rhea())
    answer = rhea.post(REOPEN, {"samples": [rows[0].sample_id, rows[2].sample_id, "nobody"]})
    draft = answer.json()
    assert (answer.status_code, draft["state"], draft["total"]) == (201, "draft", 2)
    assert not LearningSample.objects.filter(state="pending").exists()
    begun = rhea.post(REOPEN, {"selection": draft["selection"], "reason": "The guide was wrong."})
    assert (begun.status_code, begun.json()["state"]) == (202, "running")
    selection.run(draft["selection"])
    over = rhea.get(f"{REOPEN}/{draft['selection']}").json()
    assert (over["state"], over["seen"], over["reopened"], over["skipped"]) == ("done", 2, 2, {})
    assert set(LearningSample.objects.filter(state="pending")) == {rows[0], rows[2]}
    again = rhea.post(REOPEN, {"selection": draft["selection"], "reason": "The guide was wrong."})
    assert (again.status_code, again.json()["state"]) == (200, "done")
    assert Event.objects.filter(verb="begin", object_id=draft["selection"], facts__act="reopen").exists()


def test_a_filter_with_a_reason_begins_at_once():
    settled()
    answer = Caller(people.rhea()).post(REOPEN, {"filter": {"state": "settled"}, "reason": "The guide was wrong."})
    assert (answer.status_code, answer.json()["total"]) == (202, 3)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"samples": ["a"], "filter": {"state": "settled"}}, 400),
        ({"samples": "a"}, 400),
        ({"samples": [7]}, 400),
        ({"samples": ["nobody"]}, 422),
        ({"filter": []}, 400),
        ({"filter": {"state": 7}}, 400),
        ({"filter": {}}, 422),
        ({"filter": {"stat": "settled"}}, 422),
        ({"filter": {"state": "happy"}}, 422),
        ({"filter": {"state": "settled"}, "reason": "x"}, 422),
        ({"filter": {"state": "settled"}, "reason": 7}, 400),
        ({"filter": {"state": "disputed"}, "reason": "None is."}, 422),
        ({"selection": 7}, 400),
        ({"selection": "\x00"}, 404),
        ({"selection": str(uuid.uuid4())}, 404),
    ],
)
def test_what_makes_no_sense_opens_nothing(body, status):
    settled()
    assert Caller(people.rhea()).post(REOPEN, body).status_code == status
    assert not LearningSample.objects.filter(state="pending").exists()


def test_only_who_settles_disputes_and_only_their_own():
    settled()
    body = {"filter": {"state": "settled"}}
    assert Caller(people.ann()).post(REOPEN, body).status_code == 403
    assert Caller().post(REOPEN, body).status_code == 401
    draft = Caller(people.rhea()).post(REOPEN, body).json()["selection"]
    ada = Caller(people.ada())
    assert ada.post(REOPEN, {"selection": draft, "reason": "The guide was wrong."}).status_code == 404
    assert ada.get(f"{REOPEN}/{draft}").status_code == 404


def test_half_judged_samples_begin_anew():
    module = queue(2, overlap=2)
    ann, al = people.ann(), people.al()
    first = review.lease_next(module, by=ann)
    decide(first, ann)
    reopened(state="pending")
    assert HitlLabel.objects.get(annotator=ann).withdrawn_at
    assert list(ReviewSlot.objects.filter(state="open").values_list("judged_by", flat=True)) == ["", ""]
    for person in (al, ann):
        while lease := review.lease_next(module, by=person):
            decide(lease, person)
    assert set(LearningSample.objects.values_list("state", flat=True)) == {"settled"}


def test_what_was_leased_in_the_old_round_is_kept_and_makes_no_truth():
    module = queue()
    ann, al = people.ann(), people.al()
    old = review.lease_next(module, by=ann)
    ReviewSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    judge(module, al)
    reopened()
    label = decide(old, ann, "change", correction={"label": "bus"}).label
    label.refresh_from_db()
    assert label.withdrawn_at
    assert (sample().state, sample().truth) == (SampleState.PENDING, None)
    assert judge(module, ann).label
    assert sample().truth == {"label": "car"}


def test_open_checks_and_returned_work_of_the_old_round_are_void():
    module = checked(2)
    ann, rhea = people.ann(), people.rhea()
    returned(module, ann, rhea)
    judge(module, ann)
    reopened(module="vehicles")
    assert not ReviewSlot.objects.filter(kind__in=["check", "rework"]).exclude(state="void").exists()
    assert LearningSample.objects.filter(state="pending").count() == 2
    assert review.lease_next(module, by=ann, kind="judge").kind == "judge"


def test_a_frozen_version_tells_how_many_members_were_reopened_since():
    ada = people.ada()
    rooms.samples(ada, 40)
    version = rooms.frozen(ada, seed=7)
    page = looking(ada).get(reverse("training:version", args=[version.pk])).content.decode()
    assert "Reopened since" not in page
    member = LearningSample.objects.filter(pk__in=version.members.values("sample")).first()
    made = selection.choose("reopen", by=ada, ticked=[member.sample_id])
    selection.begin(made, by=ada, facts={"reason": "The guide was wrong."})
    selection.run(made.pk)
    assert list(version.reopened) == [member]
    page = looking(ada).get(reverse("training:version", args=[version.pk])).content.decode()
    assert "1 member was opened for another round of review" in page
