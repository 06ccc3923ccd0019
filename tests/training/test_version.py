"""Dataset versions: what a freeze fixes, proves, inherits, and how it survives being killed."""

from datetime import timedelta

import orjson
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.canonical import canonical_sha256
from core.errors import Conflict, Invalid, Refused
from core.ids import new_id
from core.storage import reading, store
from learning.models import LearningSample, SampleState, StoredObject
from tests import people
from tests.factories import training as make
from training.actions import dataset, version
from training.actions.splits import recorded
from training.models import DatasetMember, DatasetVersion, GroupSplit, VersionState

pytestmark = pytest.mark.django_db

SPLIT = {"seed": 7, "split": {"train": 0.4, "validation": 0.25, "test": 0.35}}
FINGERPRINT = "sha256:0ced4d0808ac20c6fa5efd5cbe67635f9db7e7a6b7722441c26b3af00efb4660"
"""Of the four members below, on every database; worked out with sha256sum and sort."""


def known_members(ada, truth="7"):
    """Four samples whose bytes no library can change."""
    of, place = make.module(ada), make.city(ada)
    for number, label in enumerate(["1", "2", "3", truth]):
        make.sample(of, place, number, label=label, content=f"image {number}".encode())


def lines(stored):
    with reading(stored.name, stored.alias) as stream:
        return [orjson.loads(line) for line in stream]


def members(made):
    return dict(DatasetMember.objects.filter(version=made).values_list("sample__sample_id", "split"))


def test_freeze_fixes_members_files_and_counts():
    ada = people.ada()
    make.samples(ada, 40)
    made = make.frozen(ada, seed=7)
    assert (made.state, made.sample_count, len(members(made))) == (VersionState.FROZEN, 40, 40)
    manifest, truth = lines(made.manifest), lines(made.truth)
    assert [line["sample_id"] for line in manifest] == [line["sample_id"] for line in truth]
    assert {line["sample_id"]: line["split"] for line in manifest} == members(made)
    assert all(canonical_sha256(right["truth"]) == line["truth_sha256"] for line, right in zip(manifest, truth, strict=True))
    assert manifest[0].keys() >= {"event_id", "group", "object", "weight", "city", "camera_id", "captured_at"}
    assert sum(made.statistics["by_split"].values()) == sum(made.statistics["by_label"].values()) == 40
    assert made.statistics["by_city"] == {"city_pune": 40}
    assert made.statistics["quality_mean"] == 0.5
    assert made.statistics["captured_to"] == "2026-11-20T12:00:39+00:00"


def test_the_fingerprint_is_the_same_on_every_database():
    ada = people.ada()
    known_members(ada)
    assert make.frozen(ada, **SPLIT).fingerprint == FINGERPRINT


def test_one_changed_label_changes_the_fingerprint():
    ada = people.ada()
    known_members(ada, truth="8")
    assert make.frozen(ada, **SPLIT).fingerprint != FINGERPRINT


def test_the_order_of_arrival_does_not_change_the_fingerprint():
    ada = people.ada()
    of, place = make.module(ada), make.city(ada)
    for number, label in reversed(list(enumerate(["1", "2", "3", "7"]))):
        make.sample(of, place, number, label=label, content=f"image {number}".encode())
    assert make.frozen(ada, **SPLIT).fingerprint == FINGERPRINT


def test_only_settled_samples_with_an_object_are_members():
    ada = people.ada()
    pending, taken, _ = make.samples(ada, 3)
    of = make.dataset_of(ada)
    pending.state = SampleState.PENDING
    pending.save()
    taken.object = None
    taken.save()
    assert list(members(make.frozen(ada, of))) == ["city_pune-2"]


def test_a_later_version_inherits_the_split_whatever_its_shares():
    ada = people.ada()
    make.samples(ada, 60)
    of = make.dataset_of(ada)
    first = make.frozen(ada, of, seed=1)
    place = make.city(ada)
    for number in range(60, 80):  # each in the group of an earlier sample
        make.sample(make.module(ada), place, number, group_key=f"city_pune:e-{number - 60}")
    dataset.refresh(of, by=ada)
    second = make.frozen(ada, of, "v1.1.0", seed=2, split={"train": 0.1, "validation": 0.1, "test": 0.8})
    before, after = members(first), members(second)
    assert set(before.values()) == {"train", "validation", "test"}
    assert {key: after[key] for key in before} == before
    assert all(after[f"city_pune-{number}"] == before[f"city_pune-{number - 60}"] for number in range(60, 80))
    assert not GroupSplit.objects.filter(version=second).exists()


def test_a_group_is_never_divided():
    ada = people.ada()
    of, place = make.module(ada), make.city(ada)
    for number in range(60):
        make.sample(of, place, number, group_key=f"g-{number % 20}")
    of_group = {}
    for line in lines(make.frozen(ada).manifest):
        assert of_group.setdefault(line["group"], line["split"]) == line["split"]
    assert len(set(of_group.values())) > 1


def test_freezing_twice_is_once():
    ada = people.ada()
    make.samples(ada, 3)
    made = make.frozen(ada)
    assert version.freeze(made.pk) is None
    with pytest.raises(Conflict, match="already"):
        version.create(made.dataset, by=ada, version="1.0.0")
    assert DatasetVersion.objects.get() == made


def test_two_workers_at_once_are_one():
    ada = people.ada()
    make.samples(ada, 3)
    begun = version.create(make.dataset_of(ada), by=ada, version="v1.0.0")
    assert version._claim(begun.pk) is not None
    assert version.freeze(begun.pk) is None


def test_a_freeze_killed_half_way_starts_again_from_nothing(tmp_path, monkeypatch):
    ada = people.ada()
    make.samples(ada, 10)
    monkeypatch.setattr(version, "CHUNK", 4)
    begun = version.create(make.dataset_of(ada), by=ada, version="v1.0.0", seed=7)
    killed = version._claim(begun.pk)
    files = version._gather(killed, tmp_path)
    version._store(killed, "manifest", files.manifest_path, "manifest")
    left = killed.manifest
    begun.refresh_from_db()
    assert (begun.state, begun.members.count(), begun.manifest) == (VersionState.FREEZING, 10, left)
    assert version.sweep_freezing() == 0  # it may still be alive
    DatasetVersion.objects.update(freeze_beat_at=timezone.now() - timedelta(minutes=2))
    assert version.sweep_freezing() == 1
    done = version.freeze(begun.pk)
    assert (done.sample_count, done.members.count(), len(recorded([done.pk]))) == (10, 10, 10)
    assert not StoredObject.objects.filter(pk=left.pk).exists()
    assert not store().path_of(left.name).exists() if hasattr(store(), "path_of") else True
    with pytest.raises(version.LostFreeze):
        version._seal(killed, files)
    fresh = make.frozen(ada, make.dataset_of(ada, name="again"), seed=7)
    assert fresh.fingerprint == done.fingerprint


def test_a_worker_that_was_given_up_writes_nothing_more():
    ada = people.ada()
    make.samples(ada, 3)
    begun = version.create(make.dataset_of(ada), by=ada, version="v1.0.0")
    slow = version._claim(begun.pk)
    DatasetVersion.objects.update(freeze_beat_at=timezone.now() - timedelta(minutes=2))
    assert version.freeze(begun.pk).state == VersionState.FROZEN
    with pytest.raises(version.LostFreeze):
        version._clear(slow)
    assert begun.members.count() == 3


def test_an_empty_dataset_goes_back_to_draft_with_a_sentence_and_may_be_frozen_later():
    ada = people.ada()
    of = dataset.add(by=ada, name="digits", module=make.module(ada))
    begun = version.create(of, by=ada, version="v1.0.0")
    assert version.freeze(begun.pk) is None
    begun.refresh_from_db()
    assert (begun.state, "no settled sample" in begun.error_message) == (VersionState.DRAFT, True)
    make.samples(ada, 3)
    dataset.refresh(of, by=ada)
    assert make.frozen(ada, of).pk == begun.pk


def test_one_version_of_a_dataset_is_frozen_at_a_time():
    ada = people.ada()
    of = make.dataset_of(ada)
    version.create(of, by=ada, version="v1.0.0")
    with pytest.raises(Conflict, match="being frozen"):
        version.create(of, by=ada, version="v1.1.0")


@pytest.mark.parametrize(
    "fields",
    [
        {"version": "1.0"},
        {"version": "v1.0.0", "seed": 2**63},
        {"version": "v1.0.0", "split": {"train": 0.5}},
        {"version": "v1.0.0", "split": {"train": 0.5, "dev": 0.5}},
        {"version": "v1.0.0", "split": {"train": 2, "test": -1}},
        {"version": "v1.0.0", "split": {"test": 1}},
        {"version": "v1.0.0", "split": [0.8, 0.2]},
        {"version": "v1.0.0", "release_notes": "x" * 10_001},
    ],
)
def test_a_version_that_makes_no_sense_is_refused(fields):
    ada = people.ada()
    with pytest.raises(Invalid):
        version.create(make.dataset_of(ada), by=ada, **fields)


def test_only_super_admins_freeze():
    ada = people.ada()
    make.samples(ada, 1)
    done = make.frozen(ada)
    for other in (people.rhea(), people.olga(), people.cy()):
        with pytest.raises(Refused):
            version.create(done.dataset, by=other, version="v2.0.0")
        with pytest.raises(Refused):
            version.archive(done, by=other)
    version.archive(done, by=ada)
    assert version.archive(done, by=ada).state == VersionState.ARCHIVED


def test_verify_proves_a_version_and_finds_what_was_tampered_with(capsys):
    ada = people.ada()
    make.samples(ada, 5)
    done = make.frozen(ada)
    call_command("dataset", "verify", "meter-digits@v1.0.0", "--objects")
    assert done.fingerprint in capsys.readouterr().out
    DatasetVersion.objects.filter(pk=done.pk).update(fingerprint="sha256:other")
    with pytest.raises(CommandError, match="fingerprint"):
        call_command("dataset", "verify", "meter-digits@v1.0.0")
    with pytest.raises(CommandError, match="no version"):
        call_command("dataset", "verify", "meter-digits@v9.0.0")


def test_what_became_gold_since_it_was_gathered_is_not_frozen():
    ada = people.ada()
    made = make.samples(ada, 6)
    of = make.dataset_of(ada)
    LearningSample.objects.filter(pk=made[0].pk).update(is_gold=True)
    assert make.frozen(ada, of).sample_count == 5
    assert make.dataset_of(ada, name="a later one").samples.count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_member_has_a_version_and_a_sample_that_stay():
    ada = people.ada()
    made = make.samples(ada, 2)
    done = make.frozen(ada)
    for facts in ({"version": done, "sample_id": 10**12}, {"version_id": new_id(), "sample": made[0]}):
        with pytest.raises(IntegrityError), transaction.atomic():
            DatasetMember.objects.create(split="train", **facts)
    for rows in (LearningSample.objects.filter(pk=made[0].pk), DatasetVersion.objects.filter(pk=done.pk)):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows._raw_delete("default")
