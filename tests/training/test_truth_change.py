"""A frozen version tells how many of its members have another truth by now: fixed by a check, settled otherwise, corrected."""

import pytest
from django.urls import reverse

from core.hooks import SampleChange, samples_settled
from learning.actions import curating, erasing, review
from learning.actions import sample as samples
from learning.models import LearningSample, ReviewSlot
from tests import people
from tests.factories import training as make
from tests.learning.test_batch_api import Caller
from tests.learning.test_check import ALWAYS, check_slot
from tests.learning.test_erasure import confirmed, drafted
from tests.learning.test_review import decide, judge, queue, sample
from tests.pages import looking
from training.actions import dataset
from training.actions import sample as places
from training.models import DatasetMember, TrainingSample, TruthChange

pytestmark = pytest.mark.django_db


def checked_and_frozen():
    """A version with one member, which Ann judged and nobody checked yet."""
    ada, ann, rhea = people.ada(), people.ann(), people.rhea()
    module = queue(policy=ALWAYS)
    judge(module, ann)
    held = dataset.add(by=ada, name="cars", module=module)
    dataset.refresh(held, by=ada)
    return make.frozen(ada, held), module, ada, rhea


def page_of(version, user):
    return looking(user).get(reverse("training:version", args=[version.pk])).content.decode()


def test_a_check_that_fixes_a_member_is_told():
    version, module, ada, rhea = checked_and_frozen()
    assert "Changed since" not in page_of(version, ada)
    judge(module, rhea, "change", kind="check", correction={"label": "bus"})
    assert check_slot().outcome == "fixed"
    assert list(version.changed) == [sample()]
    assert "1 member has another truth now" in page_of(version, ada)
    path = f"/api/v1/training/datasets/{version.dataset_id}/versions/{version.version}"
    told = Caller(ada).get(path).json()
    assert (told["changed_since"], told["reopened_since"]) == ("1", "0")


def test_a_check_that_accepts_changes_nothing():
    version, module, _, rhea = checked_and_frozen()
    judge(module, rhea, kind="check")
    assert not version.changed.exists()
    assert not TruthChange.objects.exists()


def test_a_fix_that_is_undone_is_told_no_more():
    version, module, _, rhea = checked_and_frozen()
    judge(module, rhea, "change", kind="check", correction={"label": "bus"})
    review.undo(check_slot().pk, by=rhea)
    assert not version.changed.exists()


def test_what_is_returned_or_corrected_is_told():
    version, module, ada, rhea = checked_and_frozen()
    decide(review.lease_next(module, by=rhea, kind="check"), rhea, "return", reason="Look again")
    assert list(version.changed) == [sample()]
    samples.correct(sample(), by=ada, value={"label": "car"})
    assert not version.changed.exists()
    samples.correct(sample(), by=ada, value={"label": "bus"})
    assert list(version.changed) == [sample()]


def test_a_version_frozen_after_the_fix_holds_it():
    version, module, ada, rhea = checked_and_frozen()
    judge(module, rhea, "change", kind="check", correction={"label": "bus"})
    later = make.frozen(ada, version.dataset, number="v1.1.0")
    assert not later.changed.exists()
    assert version.changed.exists()


def test_a_member_taken_out_of_its_dataset_is_told_too():
    version, module, ada, rhea = checked_and_frozen()
    places.remove(TrainingSample.objects.get(), by=ada)
    judge(module, rhea, "change", kind="check", correction={"label": "bus"})
    assert list(version.changed) == [sample()]


def test_what_no_dataset_holds_is_not_noted():
    module = queue(policy=ALWAYS)
    judge(module, people.ann())
    judge(module, people.rhea(), "change", kind="check", correction={"label": "bus"})
    assert not TruthChange.objects.exists()


def test_many_changes_are_noted_by_the_chunk(django_assert_max_num_queries):
    ada = people.ada()
    make.samples(ada, 40)
    version = make.frozen(ada)
    keys = list(LearningSample.objects.values_list("pk", flat=True))
    ReviewSlot.objects.all().delete()
    curating.reopen(keys, ada, {})
    assert version.changed.count() == DatasetMember.objects.filter(version=version).count() == 40
    rows = LearningSample.objects.in_bulk(keys)
    again = [SampleChange(key, "settled", "pending", "x" * 64, "") for key in rows]
    with django_assert_max_num_queries(10):
        samples_settled.announce(again)


def test_nothing_is_left_of_what_was_erased():
    version, module, _, rhea = checked_and_frozen()
    judge(module, rhea, "change", kind="check", correction={"label": "bus"})
    assert TruthChange.objects.exists()
    erasing.run(confirmed(drafted("event", {"city": "city_pune", "event_id": sample().event_id})).pk)
    assert sample().erased_at
    assert not TruthChange.objects.exists()
    assert not version.changed.exists()
