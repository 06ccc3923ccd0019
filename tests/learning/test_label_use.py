"""What nobody ever said may leave a schema; where that takes long to tell, a worker looks and the person is told."""

import pytest

from core.errors import Invalid
from learning import tasks
from learning.actions import label_schema, label_use, review
from learning.actions.label_schema import Undecided
from learning.models import HitlLabel, LabelUse, LearningSample
from tests import people
from tests.factories.learning import delivered, pune, vehicles
from tests.learning.test_label_schema import labels_of, revise
from tests.learning.test_review import decide
from tests.numbering import begin_at_one

pytestmark = pytest.mark.django_db


def without(module, name):
    return [label for label in labels_of(module) if label["name"] != name]


@pytest.fixture
def asked(monkeypatch):
    """What is asked of workers."""
    sent = []
    monkeypatch.setattr(label_schema, "enqueue", lambda *facts: sent.append(facts))
    return sent


@pytest.fixture
def patience(monkeypatch):
    """Nobody waits at all; a worker does."""
    real = label_use.was_said
    monkeypatch.setattr(label_use, "was_said", lambda *facts: real(*facts, patience=-1))


def test_what_nobody_said_leaves_and_what_somebody_said_stays():
    module = vehicles()
    delivered(pune(), 2)
    assert [label["name"] for label in revise(module, labels=without(module, "bicycle")).labels] == ["car", "bus"]
    with pytest.raises(Invalid, match="car was used"):
        revise(module, labels=without(module, "car"))


def test_what_is_only_in_a_correction_was_said():
    module = vehicles(review_policy={"city_labels": "review"})
    delivered(pune(), 1)
    ann = people.ann()
    decide(review.lease_next(module, by=ann), ann, "change", correction={"label": "bus"})
    with pytest.raises(Invalid, match="bus was used"):
        revise(module, labels=without(module, "bus"))


def test_a_word_that_only_looks_like_it_was_not_said():
    module = vehicles(labels=["car", "label", "night", "Car"], attributes=[{"name": "night", "type": "checkbox"}])
    delivered(pune(), 1, prediction={"label": "car", "attributes": {"night": True}})
    for name in ("label", "night", "Car"):
        revise(module, labels=without(module, name))
    assert [label["name"] for label in module.schema.labels] == ["car"]
    with pytest.raises(Invalid, match="night was used"):
        revise(module, attributes=[])


def test_it_is_looked_for_by_the_chunk(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(label_use, "CHUNK", 2)
    begin_at_one(LearningSample, HitlLabel)
    module = vehicles()
    delivered(pune(), 5)
    LearningSample.objects.filter(pk=LearningSample.objects.latest("pk").pk).update(prediction={"label": "bicycle"})
    with pytest.raises(Invalid, match="bicycle was used"):
        revise(module, labels=without(module, "bicycle"))
    revise(module, labels=without(module, "bus"))


def test_where_it_takes_long_a_worker_looks_and_the_person_is_told(asked, patience, monkeypatch):
    monkeypatch.setattr(label_use, "LATE", 0)
    module = vehicles()
    delivered(pune(), 3)
    for act in (lambda: revise(module, labels=without(module, "bus")), lambda: label_schema.preview(module, labels=["car"])):
        with pytest.raises(Undecided, match="it is being looked for now"):
            act()
    assert asked == [("learning.tasks.look_for_use", module.pk, "label", 2)] * 2
    assert module.schema.revision == 1
    tasks.look_for_use(*asked[0][1:])
    assert LabelUse.objects.get().samples_until == LearningSample.objects.latest("pk").pk
    assert LabelUse.objects.get().labels_until == HitlLabel.objects.latest("pk").pk
    assert revise(module, labels=without(module, "bus")).revision == 2


def test_what_a_worker_found_is_said_at_once_and_what_came_since_is_looked_at(asked, patience, monkeypatch):
    monkeypatch.setattr(label_use, "LATE", 0)
    module, city = vehicles(), pune()
    delivered(city, 2)
    for number in (1, 2):
        tasks.look_for_use(module.pk, "label", number)
        tasks.look_for_use(module.pk, "label", number)
    assert list(LabelUse.objects.order_by("number").values_list("is_said", flat=True)) == [True, False]
    with pytest.raises(Invalid, match="car was used"):
        revise(module, labels=without(module, "car"))
    delivered(city, 1, first=7, prediction={"label": "bus"})
    with pytest.raises(Undecided):
        revise(module, labels=without(module, "bus"))
    tasks.look_for_use(module.pk, "label", 2)
    with pytest.raises(Invalid, match="bus was used"):
        revise(module, labels=without(module, "bus"))


def test_a_lower_key_that_was_committed_later_is_seen():
    module = vehicles()
    delivered(pune(), 3)
    tasks.look_for_use(module.pk, "label", 2)
    assert LabelUse.objects.get().samples_until == 0
    LearningSample.objects.filter(pk=LearningSample.objects.earliest("pk").pk).update(prediction={"label": "bus"})
    with pytest.raises(Invalid, match="bus was used"):
        revise(module, labels=without(module, "bus"))


def test_a_label_that_left_meanwhile_is_not_looked_for():
    module = vehicles()
    delivered(pune(), 1)
    tasks.look_for_use(module.pk, "label", 99)
    assert not LabelUse.objects.exists()
