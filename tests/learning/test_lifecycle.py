"""Retention: moments stamped by the rules, marked, kept in the grace, gone; what is held stays; the plan is what the run does."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from core.hooks import SampleChange
from core.storage import ObjectMissing, store
from learning.actions import hold, lifecycle, purging, retention
from learning.actions import object as stored_object
from learning.models import HitlLabel, LearningSample, ObjectKind, StoredObject
from tests import people
from tests.factories import training as rooms

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def is_there(obj) -> bool:
    try:
        store(obj.alias).stat(obj.name)
    except ObjectMissing:
        return False
    return True


def aged(sample, days):
    """The same sample, uploaded so many days ago."""
    StoredObject.objects.filter(pk=sample.object_id).update(
        created_at=timezone.now() - days * DAY, verified_at=timezone.now() - days * DAY
    )
    retention.stamp([sample.object_id])
    return sample


def unsure(number, days=31, **fields):
    """A sample that somebody was unsure of so many days ago."""
    ada = people.ada()
    empty = {"state": "excluded", "truth": None, "truth_sha256": "", "label_status": "unsure", **fields}
    made = rooms.sample(rooms.module(ada), rooms.city(ada), number, **empty)
    label = HitlLabel.objects.create(
        sample=made, city=made.city, label_status="unsure", decision="unsure", labeled_at=timezone.now(), annotator=ada
    )
    HitlLabel.objects.filter(pk=label.pk).update(created_at=timezone.now() - days * DAY)
    return aged(made, days)


def object_of(sample) -> StoredObject:
    return StoredObject.objects.get(pk=sample.object_id)


def test_the_rules_put_moments_on_objects():
    ada = people.ada()
    of, city = rooms.module(ada), rooms.city(ada)
    changed, correct = (aged(rooms.sample(of, city, n, label_status=s), 10) for n, s in ((0, "changed"), (1, "correct")))
    for sample in (changed, correct):
        obj = object_of(sample)
        assert (obj.delete_at, obj.archive_at - obj.created_at) == (None, 365 * DAY)
    obj = object_of(unsure(2, days=3))
    assert timedelta(days=26) < obj.delete_at - timezone.now() < timedelta(days=28)
    retention.set_rules(of, by=ada, rules={"correct_days": 20, "unsure_days": None, "archive_days": None})
    of.refresh_from_db()
    assert retention.stamp_module(of) == 3
    obj = object_of(correct)
    assert (obj.delete_at - obj.created_at, obj.archive_at) == (20 * DAY, None)
    assert StoredObject.objects.filter(delete_at__isnull=False).count() == 1


def test_a_decision_moves_the_moment_and_a_shared_image_stays_for_its_other_sample():
    first = unsure(0)
    assert object_of(first).delete_at < timezone.now()
    other = rooms.sample(first.module, first.city, 1)
    LearningSample.objects.filter(pk=other.pk).update(object=first.object_id)
    retention.follow([SampleChange(other.pk, "received", "settled", "", "x")])
    assert object_of(first).delete_at is None


@pytest.mark.parametrize(
    "rules", [{"unsure_days": 0}, {"unsure_days": "30"}, {"unsure_days": True}, {"archive_days": 10**6}, {"grace": 1}, []]
)
def test_rules_that_make_no_sense_are_refused(rules):
    with pytest.raises(Invalid):
        retention.set_rules(rooms.module(people.ada()), by=None, rules=rules)


def run_at(moment, monkeypatch):
    """Run the lifecycle as if it were then."""
    with monkeypatch.context() as patch:
        patch.setattr("django.utils.timezone.now", lambda: moment)
        return lifecycle.run(by=None)


def test_an_unsure_image_is_marked_then_gone_and_its_row_and_labels_stay(monkeypatch):
    sample = unsure(0)
    obj = object_of(sample)
    planned = lifecycle.plan(by=None)
    assert (planned["mark"]["objects"], planned["mark"]["bytes"], planned["delete"]["objects"]) == (1, obj.size, 0)
    assert planned["mark"]["examples"][0]["object"] == str(obj.pk)
    first = lifecycle.run(by=None)
    assert first.counts["mark"]["objects"] == 1
    assert is_there(obj)
    assert object_of(sample).marked_for_deletion_at
    assert lifecycle.run(by=None).counts["delete"]["objects"] == 0

    after = timezone.now() + 31 * DAY
    assert run_at(after, monkeypatch).counts["delete"]["objects"] == 1
    assert not is_there(obj)
    sample.refresh_from_db()
    assert (sample.object, sample.label_status, sample.labels.count(), sample.erased_at) == (None, "unsure", 1, None)
    obj.refresh_from_db()
    assert obj.deleted_at
    assert obj.purged_at
    steps = Event.objects.filter(object_type="learning.lifecyclerun", facts__has_key="objects").values_list("verb", "facts")
    assert [(verb, facts["objects"]) for verb, facts in steps.order_by("id")] == [
        ("mark", [str(obj.pk)]),
        ("delete", [str(obj.pk)]),
    ]


def test_a_change_of_mind_within_the_grace_keeps_the_image(monkeypatch):
    sample = unsure(0)
    lifecycle.run(by=None)
    LearningSample.objects.filter(pk=sample.pk).update(state="settled", label_status="changed")
    retention.follow([SampleChange(sample.pk, "excluded", "settled", "", "x")])
    assert object_of(sample).marked_for_deletion_at is None
    run_at(timezone.now() + 40 * DAY, monkeypatch)
    assert is_there(sample.object)


def test_what_is_held_stays_and_is_counted(monkeypatch):
    ada = people.ada()
    kept, gone = unsure(0), unsure(1)
    [on] = hold.put_on_samples([kept], by=ada, reason="Case 17")
    assert lifecycle.plan(by=ada)["mark"]["kept_by_hold"] == 1
    lifecycle.run(by=None)
    later = run_at(timezone.now() + 31 * DAY, monkeypatch)
    assert (later.counts["delete"]["objects"], later.counts["mark"]["kept_by_hold"]) == (1, 1)
    assert is_there(kept.object)
    assert not is_there(gone.object)
    hold.lift(on, by=ada, reason="Case closed")
    assert lifecycle.plan(by=ada)["mark"]["objects"] == 1


def test_what_a_frozen_version_holds_stays(monkeypatch):
    ada = people.ada()
    rows = rooms.samples(ada, 5)
    rooms.frozen(ada)
    free = unsure(9)
    retention.set_rules(rows[0].module, by=ada, rules={"correct_days": 1})
    for row in rows:
        row.module.refresh_from_db()
        aged(row, 5)
    steps = lifecycle.plan(by=ada)
    assert (steps["mark"]["objects"], steps["mark"]["kept_by_version"]) == (1, 5)
    lifecycle.run(by=None)
    assert object_of(free).marked_for_deletion_at
    assert all(object_of(row).marked_for_deletion_at is None for row in rows)


def test_the_plan_is_what_the_run_does(monkeypatch):
    ada = people.ada()
    for number in range(7):
        unsure(number, days=25 + 2 * number)
    monkeypatch.setattr(lifecycle, "CHUNK", 2)
    stored = stored_object.store_bytes(b"zip", kind=ObjectKind.EXPORT, media_type="application/zip", metadata={})
    left = stored_object.store_bytes(b"zip", kind=ObjectKind.BUNDLE, media_type="application/zip", metadata={})
    StoredObject.objects.filter(pk__in=[stored.pk, left.pk]).update(delete_at=timezone.now() - DAY)
    planned = lifecycle.plan(by=ada)
    done = lifecycle.run(by=ada).counts
    same = ("objects", "bytes", "kept_by_hold", "kept_by_version")
    for step in ("mark", "delete", "expire"):
        assert [planned[step][name] for name in same] == [done[step][name] for name in same], step
    assert (planned["mark"]["objects"], planned["expire"]["objects"]) == (4, 2)
    assert not is_there(stored)
    assert not is_there(left)
    assert lifecycle.plan(by=ada)["mark"]["objects"] == 0


def test_a_run_killed_in_the_middle_is_followed_by_one_that_ends_it(monkeypatch):
    rows = [unsure(number) for number in range(5)]
    monkeypatch.setattr(lifecycle, "CHUNK", 2)
    lifecycle.run(by=None)
    after = timezone.now() + 31 * DAY
    with monkeypatch.context() as patch:
        patch.setattr(purging, "purge", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_at(after, monkeypatch)
    assert all(is_there(row.object) for row in rows)
    assert run_at(after, monkeypatch).counts["purged"] == 5
    assert not any(is_there(row.object) for row in rows)


def test_old_images_go_to_the_archive_where_the_store_has_one(settings):
    settings.STORE_ARCHIVE_CLASS = "NO_SUCH_CLASS"
    sample = aged(rooms.samples(people.ada(), 1)[0], 366)
    done = lifecycle.run(by=None).counts["archive"]
    assert done["objects"] == 0
    assert "no class NO_SUCH_CLASS" in done["note"]
    assert object_of(sample).storage_class == ""
    assert is_there(sample.object)


def test_a_hold_needs_a_reason_a_permission_and_something_to_hold():
    ada = people.ada()
    [row] = rooms.samples(ada, 1)
    with pytest.raises(Invalid, match="says why"):
        hold.put(row.city, by=ada, reason=" ")
    with pytest.raises(Refused):
        hold.put(row.city, by=people.rhea(), reason="Case 17")
    LearningSample.objects.filter(pk=row.pk).update(erased_at=timezone.now())
    row.refresh_from_db()
    with pytest.raises(Conflict, match="erased"):
        hold.put_on_samples([row], by=ada, reason="Case 17")
    on = hold.put(row.city, by=ada, reason="Case 17")
    assert hold.lift(on, by=ada, reason="Over").lifted_at == hold.lift(on, by=ada, reason="Over").lifted_at
