"""One's own work: figures, last decisions, how doubtful ones ended; of oneself alone, and gold gives nothing away."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from learning import own_work
from learning.actions import quality
from learning.models import HitlLabel, ReviewSlot, SlotKind
from tests import people
from tests.factories.world import world
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db


def decided(sample, person, **facts):
    said = {"label_status": "correct", "decision": "correct", "prediction": {"label": "1"}, "review_time_seconds": 4.0, **facts}
    return HitlLabel.objects.create(sample=sample, city=sample.city, annotator=person, labeled_at=timezone.now(), **said)


def test_everybody_sees_their_own_figures_and_decisions():
    made, ann, al = world(), people.ann(), people.al()
    decided(made.sample, ann)
    decided(made.sample, ann, label_status="unsure", decision="unsure", reason="two_plates")
    decided(made.sample, al, is_disputed=True)
    quality.refresh()
    figures = own_work.figures_of(ann)
    assert (figures.today, figures.week, figures.seconds) == (2, 2, 4.0)
    assert len(own_work.last_decisions(ann)) == 2
    assert [row.label.reason for row in own_work.ended(ann)] == ["two_plates"]
    assert [row.label.annotator_id for row in own_work.ended(al)] == [al.pk]
    page = text_of(looking(ann).get(reverse("learning:mine")))
    assert "two plates" in page
    assert page.count("<time") == 3


@pytest.mark.parametrize("of_today", range(6))
def test_todays_are_counted_to_the_first_of_before_however_many_are_looked_at_once(monkeypatch, of_today):
    monkeypatch.setattr(own_work, "LOOKED_AT_ONCE", 2)
    made, ann, al = world(), people.ann(), people.al()
    said = [decided(made.sample, ann) for _ in range(5)]
    decided(made.sample, al)
    yesterday = timezone.now() - timedelta(days=1)
    HitlLabel.objects.filter(pk__in=[label.pk for label in said[: 5 - of_today]]).update(created_at=yesterday)
    assert own_work.decided_today(ann) == min(of_today, 5)


def test_what_was_taken_back_or_said_anew_counts_once_today():
    made, ann = world(), people.ann()
    first, second, third = (decided(made.sample, ann) for _ in range(3))
    HitlLabel.objects.filter(pk=second.pk).update(withdrawn_at=timezone.now())
    HitlLabel.objects.filter(pk=third.pk).update(supersedes=first)
    assert own_work.decided_today(ann) == 1


def test_a_decision_on_gold_looks_like_any_other():
    made, ann = world(), people.ann()
    decided(made.sample, ann, label_status="unsure", decision="unsure", label_source="gold")
    [row] = own_work.ended(ann)
    assert made.sample.state == "settled"
    assert row.outcome == "excluded"


def test_the_csv_counts_days_and_active_time():
    made, ann = world(), people.ann()
    decided(made.sample, ann)
    decided(made.sample, ann, review_time_seconds=6.4)
    response = looking(ann).get(reverse("learning:mine-csv"))
    head, row = b"".join(response.streaming_content).decode().splitlines()
    assert head == "day,module,judged,active_seconds"
    assert row == f"{timezone.now().date()},{made.module.slug},2,10"


def test_what_came_back_stands_first_on_the_home_page():
    made, ann = world(), people.ann()
    page = text_of(looking(ann).get("/"))
    assert "came back to you" not in page
    slot = ReviewSlot.objects.get()
    ReviewSlot.objects.filter(pk=slot.pk).update(kind=SlotKind.REWORK, only_user=ann, queue_key=f"{made.module.pk}:returned")
    page = text_of(looking(ann).get("/"))
    assert "1 came back to you" in page
    assert "came back to you" not in text_of(looking(people.al()).get("/"))
