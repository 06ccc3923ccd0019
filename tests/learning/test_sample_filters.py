"""What the pages of gold and quality lead to: samples by what was predicted, said and true, by whom and when."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from learning.actions import review
from learning.models import LearningSample
from learning.sample_filters import SampleFilters, find_by
from tests import people
from tests.factories import learning as made

pytestmark = pytest.mark.django_db


def names(asker, **query):
    return set(find_by({name: str(value) for name, value in query.items()}, asker).samples.values_list("event_id", flat=True))


@pytest.fixture
def judged():
    """Ann says of the first two that they are a bus and a tram, and Al of the third that the car is one."""
    policy = {"city_labels": "review", "first_check_share": 0.0, "later_check_share": 0.0}
    vehicles = made.vehicles(review_policy=policy, accepts_unlabelled=True, labels=("car", "bus", "Straßenbahn"))
    made.delivered(made.pune(), 4, label_status=None)
    ann, al = people.ann(), people.al()
    for who, label in ((ann, "bus"), (ann, "Straßenbahn"), (al, "car")):
        lease = review.lease_next(vehicles, by=who)
        said = {"decision": "correct"} if label == "car" else {"decision": "change", "correction": {"label": label}}
        review.decide(lease.slot, by=who, lease_token=lease.token, client_uuid=uuid.uuid4(), **said)
    return ann, al


def test_samples_are_found_by_who_judged_them_and_when(judged):
    ann, al = judged
    rhea, today = people.rhea(), timezone.now().date()
    assert names(rhea, judged_by=ann.pk) == {"e-0", "e-1"}
    assert names(rhea, judged_by=al.pk, judged_since=today, judged_until=today) == {"e-2"}
    assert names(rhea, judged_by=al.pk, judged_until=today - timedelta(days=1)) == set()
    assert names(rhea, judged_by=ann.pk, said="bus") == {"e-0"}


def test_samples_are_found_by_what_was_predicted_said_and_is_true(judged):
    rhea = people.rhea()
    assert names(rhea, predicted="car", truth="bus") == {"e-0"}
    assert names(rhea, predicted="bus") == set()
    assert names(rhea, said="car") == {"e-2"}
    assert names(rhea, truth="Straßenbahn") == names(rhea, said="Straßenbahn") == {"e-1"}
    assert names(rhea, truth="b.s") == set()


def test_labels_of_boxes_are_found_too(judged):
    boxes = {"boxes": [{"label": "bus", "bbox": [0, 0, 9, 9]}]}
    LearningSample.objects.filter(event_id="e-3").update(truth=boxes)
    assert names(people.rhea(), truth="bus") == {"e-0", "e-3"}


def test_misread_characters_lead_to_the_texts_in_which_they_are(judged):
    said = {"prediction": {"text": "KAO1"}, "truth": {"text": "KA01"}, "label_status": "changed"}
    LearningSample.objects.filter(event_id="e-3").update(**said)
    assert names(people.rhea(), misread="O>0") == {"e-3"}
    assert names(people.rhea(), misread="B>8") == set()


def test_gold_is_found(judged):
    LearningSample.objects.filter(event_id="e-3").update(is_gold=True)
    assert names(people.rhea(), gold="yes") == {"e-3"}
    assert names(people.rhea(), gold="no") == {"e-0", "e-1", "e-2"}


def test_an_organization_admin_is_offered_neither_people_nor_gold(judged):
    form = SampleFilters({"judged_by": str(judged[0].pk), "gold": "yes"}, user=people.olga())
    assert not {"judged_by", "judged_since", "judged_until", "said", "gold"} & set(form.fields)
    assert form.chosen == {}
