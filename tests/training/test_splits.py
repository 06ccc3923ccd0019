"""Splits hold: groups that become one after they were frozen on different sides move nothing that was frozen."""

import pytest

from learning.actions import near_duplicates
from learning.groups import group_hash
from learning.models import GroupMerge, ImageFingerprint, LearningSample
from tests import people
from tests.factories import training as make
from training.actions import dataset
from training.actions.splits import recorded
from training.models import DatasetMember

pytestmark = pytest.mark.django_db
COUNT = 40


def frozen_once(ada):
    """A dataset with a frozen version of forty samples, each a group of its own."""
    of, place = make.module(ada), make.city(ada)
    for number in range(COUNT):
        make.sample(of, place, number)
    held = make.dataset_of(ada)
    return held, make.frozen(ada, held, seed=7), of, place


def splits(version):
    return dict(DatasetMember.objects.filter(version=version).values_list("sample__sample_id", "split"))


def samples_in(version, split):
    keys = DatasetMember.objects.filter(version=version, split=split).order_by("sample_id").values_list("sample_id", flat=True)
    return list(LearningSample.objects.filter(pk__in=list(keys)).order_by("id"))


def merge(older, younger):
    """Let the looks of two samples' images be one from now on, as an image does that looks like both."""
    for each in (older, younger):
        bands = dict.fromkeys(("band_0", "band_1", "band_2", "band_3"), 0)
        print_of = {"city": each.city, "fine": b"0" * 32, "aspect": 1, "root": each.object_id, **bands}
        ImageFingerprint.objects.get_or_create(object_id=each.object_id, defaults=print_of)
    near_duplicates._merge(ImageFingerprint.objects.get(pk=younger.object_id).root, older.object_id)
    for each in (older, younger):
        each.refresh_from_db()
    assert older.group_key == younger.group_key


def again(ada, held, number, **options):
    dataset.refresh(held, by=ada)
    return make.frozen(ada, held, number=number, **options)


@pytest.mark.parametrize(("side", "other"), [("train", "test"), ("test", "train"), ("validation", "test")])
def test_what_was_frozen_on_different_sides_stays_there(side, other):
    ada = people.ada()
    held, first, of, place = frozen_once(ada)
    older, younger = samples_in(first, side)[0], samples_in(first, other)[0]
    merge(older, younger)
    new = make.sample(of, place, 90, group_key=older.group_key)
    second = again(ada, held, "v1.1.0", seed=8)
    third = again(ada, held, "v1.2.0", seed=9)
    before = splits(first)
    for version in (second, third):
        assert {key: split for key, split in splits(version).items() if key in before} == before
        assert splits(version)[new.sample_id] == side


def test_a_group_nobody_froze_follows_the_frozen_one_that_went_into_it():
    ada = people.ada()
    held, first, of, place = frozen_once(ada)
    for number, younger in enumerate([samples_in(first, "test")[0], samples_in(first, "train")[0]]):
        older = make.sample(of, place, 90 + number)
        merge(older, younger)
        second = again(ada, held, f"v1.{number + 1}.0", seed=8 + number)
        assert splits(second)[older.sample_id] == splits(second)[younger.sample_id] == splits(first)[younger.sample_id]


def test_what_became_one_of_both_sides_is_for_measuring():
    ada = people.ada()
    held, first, of, place = frozen_once(ada)
    oldest = make.sample(of, place, 90)
    for split in ("train", "test"):
        merge(oldest, samples_in(first, split)[0])
    second = again(ada, held, "v1.1.0", seed=8)
    assert splits(second)[oldest.sample_id] == "test"
    assert recorded([second.pk])[group_hash(oldest.group_key)] == "test"
    before = splits(first)
    assert {key: split for key, split in splits(second).items() if key in before} == before


def test_groups_that_became_one_after_another_are_followed_to_the_first():
    ada = people.ada()
    held, first, of, place = frozen_once(ada)
    younger = samples_in(first, "test")[0]
    chain = [make.sample(of, place, 90 + number) for number in range(3)]
    for older in chain:
        merge(older, younger)
    former = near_duplicates.former_groups([group_hash(chain[-1].group_key)])
    assert len(former[group_hash(chain[-1].group_key)]) == 3
    newest = make.sample(of, place, 99, group_key=chain[-1].group_key)
    second = again(ada, held, "v1.1.0", seed=8)
    assert splits(second)[newest.sample_id] == "test"


def test_groups_that_went_in_a_circle_end():
    GroupMerge.objects.bulk_create(GroupMerge(former=one, into=two) for one, two in [(1, 2), (2, 3), (3, 1)])
    assert near_duplicates.former_groups([1, 3]) == {1: {2, 3}, 3: {1, 2}}
    assert near_duplicates.former_groups([4]) == {}
