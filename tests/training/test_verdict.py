"""Verifying through the queue: one sample in one pair of hands, the last verdict undone, several people where several are asked."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse

from core.errors import Conflict
from learning.actions import sample as learning_sample
from tests import people
from tests.factories import training as factory
from tests.pages import looking, said, text_of
from training.actions import sample as sample_verbs
from training.actions import verdict
from training.models import SampleVerdict, TrainingDataset, TrainingSample

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dataset():
    ada = people.ada()
    factory.samples(ada, 6)
    return factory.dataset_of(ada)


def verified(dataset) -> int:
    return TrainingDataset.objects.with_counts().get(pk=dataset.pk).verified_count


def test_nobody_gets_what_another_one_has(dataset):
    crowd = [people.ada(), people.bo()]

    def claim(by):
        try:
            return [place.pk for place in verdict.claim(dataset, by=by)]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(claim, crowd)
    assert len({*first, *second}) == 4
    assert claim(crowd[0]) == first  # a reload gets the same again
    assert verdict.release(dataset, by=crowd[0]) == 2
    assert len(verdict.claim(dataset, by=crowd[1], count=6)) == 6


def test_a_verdict_counts_and_can_be_taken_back(dataset):
    ada = people.ada()
    [place, following] = verdict.claim(dataset, by=ada)
    sample_verbs.verify(place, by=ada, decision="approve", quality_score=None)
    assert verified(dataset) == 1
    assert verdict.claim(dataset, by=ada)[0] == following
    back = verdict.undo(dataset, by=ada)
    assert (back.pk, verified(dataset)) == (place.pk, 0)
    assert verdict.claim(dataset, by=ada)[0] == place
    sample_verbs.verify(place, by=ada, decision="reject", reason="blurred")
    assert TrainingSample.objects.get(pk=place.pk).rejection_reason == "blurred"
    sample_verbs.verify(place, by=people.bo(), decision="approve")  # one is asked for: the last word counts
    assert verified(dataset) == 1
    verdict.undo(dataset, by=ada)
    with pytest.raises(Conflict):
        verdict.undo(dataset, by=ada)


def test_where_two_are_asked_two_must_approve_the_same_truth(dataset):
    ada, bo = people.ada(), people.bo()
    verdict.ask_for(dataset, 2, by=ada)
    place = verdict.claim(dataset, by=ada)[0]
    sample_verbs.verify(place, by=ada, decision="approve", quality_score=None)
    sample_verbs.verify(place, by=ada, decision="approve", quality_score=Decimal(1))
    assert verified(dataset) == 0
    assert place not in verdict.claim(dataset, by=ada, count=6)
    verdict.release(dataset, by=ada)
    assert place in verdict.claim(dataset, by=bo, count=6)
    sample_verbs.verify(place, by=bo, decision="approve", quality_score=Decimal(0))
    assert (verified(dataset), TrainingSample.objects.get(pk=place.pk).quality_score) == (1, 0.5)
    learning_sample.correct(place.sample, by=ada, value={"label": "9"})
    assert verified(dataset) == 0
    sample_verbs.verify(place, by=bo, decision="approve")
    assert verified(dataset) == 0  # Ada's was about another truth
    sample_verbs.verify(place, by=ada, decision="reject", reason="no")
    sample_verbs.verify(place, by=bo, decision="approve")
    assert TrainingSample.objects.get(pk=place.pk).rejection_reason == "no"
    assert SampleVerdict.objects.count() == 2


def test_the_page_leads_through_and_says_when_nothing_is_left(dataset):
    ada = looking(people.ada())
    address = reverse("training:dataset-verify", args=[dataset.pk])
    for number in range(6):
        page = ada.get(address)
        assert f"{6 - number} labeled samples wait" in text_of(page)
        place = page.context["place"]
        form = {"place": place.pk, "decision": "approve" if number else "reject", "reason": "" if number else "two plates"}
        assert ada.post(address, {**form, "quality_score": "0.8"}).status_code == 302
    assert "Nothing waits for you" in text_of(ada.get(address))
    assert verified(dataset) == 5
    assert "taken back" in said(ada.post(reverse("training:dataset-verify-undo", args=[dataset.pk]), follow=True))[0]
    for wrong in (
        {"place": "x"},
        {"place": place.pk, "decision": "reject"},
        {"place": place.pk, "decision": "approve", "quality_score": "7"},
    ):
        assert len(said(ada.post(address, wrong, follow=True))) == 1
    assert looking(people.olga()).get(address).status_code in (403, 404)
