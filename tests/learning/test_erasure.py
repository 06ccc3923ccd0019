"""Erasure: what is found, what goes, what stays and says so, and that nothing brings it back."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from django.apps import apps
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from core.storage import ObjectMissing, store
from learning.actions import access_export, erasing, erasure, hold, ledger, scrubbing
from learning.actions import batch as batches
from learning.actions import example as example_verbs
from learning.actions import object as stored_object
from learning.actions import sample as sample_verbs
from learning.models import (
    Erasure,
    ErasureItem,
    ErasureState,
    HitlLabel,
    Image,
    LearningSample,
    LedgerEntry,
    ObjectKind,
    Person,
    SampleState,
    StoredObject,
    TrainingExample,
    UploadRejection,
)
from learning.models.erasure import LedgerPage
from learning.subject import Subject, is_near, plate_of
from tests import people
from tests.factories import training as rooms
from tests.factories.learning import gestures, item, npz, opened, picture, pune, put, registered, vehicles
from tests.factories.people import somebody
from tests.factories.training_models import ModelVersionFactory
from training import files, local, verification
from training.actions import erasure as training_erasure

pytestmark = pytest.mark.django_db

PLATE = "MH 12 AB 1234"


def plates(**fields):
    return vehicles(slug="plates", task="text", labels=(), text={"normalise": "plate", "max_length": 20}, **fields)


def read_plates(city, *texts, first=0):
    """Samples of these texts as the edge read them, uploaded and verified."""
    batch = opened(city)
    contents = {f"e-{first + number}": picture(first + number) for number in range(len(texts))}
    items = [
        item(event, contents[event], ai_module="plates", prediction={"text": text}, label_status="correct")
        for event, text in zip(contents, texts, strict=True)
    ]
    for answer in batches.add_items(batch, items, by=city.user):
        assert put(answer["upload"], contents[answer["event_id"]]) == 200, answer
    registered(batch)
    return list(batch.samples.select_related("object__thumbnail").order_by("id"))


def drafted(kind, subject, by=None, **options):
    made = erasure.draft(kind, subject, by=by, **options)
    return erasure.gather(made.pk)


def confirmed(made, by=None):
    return erasure.confirm(made, by=by, confirmation=erasure.phrase(made))


def done(kind, subject, by=None):
    made = confirmed(drafted(kind, subject, by), by)
    ended = erasing.run(made.pk)
    assert ended.state == ErasureState.DONE, ended.waits_for
    return ended


def is_there(obj) -> bool:
    try:
        store(obj.alias).stat(obj.name)
    except ObjectMissing:
        return False
    return True


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("MH12AB1234", "MH12AB1235", True),
        ("MH12AB1234", "MH12AB123", True),
        ("MH12AB1234", "XMH12AB1234", True),
        ("MH12AB1234", "MH12AB1234", False),
        ("MH12AB1234", "MH12AB4321", False),
        ("AB", "BA", False),
        ("A", "", True),
        ("", "", False),
    ],
)
def test_one_character_makes_a_neighbour(one, other, near):
    assert is_near(one, other) is is_near(other, one) is near


def test_a_plate_is_found_as_it_was_read_as_corrected_and_in_notes_and_neighbours_are_left_to_a_person():
    plates()
    city = pune()
    same, near, other = read_plates(city, "mh-12 ab1234", "MH12AB1235", "KA05XX0001")
    HitlLabel.objects.filter(sample=other).update(label_status="changed", decision="change", correction={"text": PLATE})
    made = drafted("plate", {"plate": PLATE})
    found = dict(made.items.values_list("sample__sample_id", "found_in"))
    assert found == {same.sample_id: "prediction", near.sample_id: "prediction", other.sample_id: "correction"}
    assert set(made.items.filter(is_chosen=True).values_list("sample", flat=True)) == {same.pk, other.pk}
    assert erasure.preview(made) | {"bytes": 0} == {
        "candidates": 3, "near": 1, "chosen": 2, "held": 0, "objects": 2, "bytes": 0,
    }  # fmt: skip
    assert erasure.phrase(erasure.choose(made, by=None, chosen={near.sample_id: True})) == "erase 3"


def test_boxes_attributes_and_what_the_store_was_told_are_searched_too():
    ada = people.ada()
    of, city = rooms.module(ada), rooms.city(ada)
    rows = [
        rooms.sample(of, city, 0, prediction={"boxes": [{"label": "1", "bbox": [0, 0, 1, 1], "text": "MH12AB1234"}]}),
        rooms.sample(of, city, 1, truth={"attributes": {"plate": "mh12ab1234"}}),
        rooms.sample(of, city, 2, context_notes="seen with MH 12 AB 1234 behind"),
        rooms.sample(of, city, 3),
    ]
    StoredObject.objects.filter(pk=rows[3].object_id).update(metadata={"detected_plate": "MH12-AB-1234"})
    rooms.sample(of, city, 4, context_notes="nobody")
    found = {key: place for chunk in Subject("plate", {"plate": plate_of(PLATE)}).find() for key, _, place in chunk}
    assert found == {rows[0].pk: "prediction", rows[1].pk: "truth", rows[2].pk: "notes", rows[3].pk: "metadata"}


def test_an_erased_plate_leaves_no_object_no_text_and_no_way_back():
    plates()
    city, ada = pune(), people.ada()
    gone, stays = read_plates(city, PLATE, "KA05XX0001")
    UploadRejection.objects.create(batch_id=gone.batch_id, event_id=gone.event_id, reason="duplicate", detail=f"It was {PLATE}")
    export = stored_object.store_bytes(b"{}", kind=ObjectKind.EXPORT, media_type="application/json", metadata={"a": PLATE})
    image, thumbnail = gone.object, gone.object.thumbnail
    ended = done("plate", {"plate": PLATE}, ada)

    assert not any(is_there(obj) for obj in (image, thumbnail, export))
    assert is_there(stays.object)
    gone.refresh_from_db()
    assert (gone.state, gone.object, gone.prediction, gone.truth, gone.truth_sha256) == ("excluded", None, None, None, "")
    assert gone.erased_at
    assert gone.event_id == f"erased:{gone.pk}"
    assert not HitlLabel.objects.filter(sample=gone, prediction__isnull=False).exists()
    everything = " ".join(str(list(model.objects.values())) for model in apps.get_models())
    assert plate_of(PLATE) not in plate_of(
        everything.replace(repr(list(LearningSample.objects.filter(pk=stays.pk).values())), "")
    )

    assert ended.subject == {}
    assert {name: ended.counts[name] for name in ("samples", "objects", "thumbnails", "labels", "exports", "rejections")} == {
        "samples": 1, "objects": 1, "thumbnails": 1, "labels": 1, "exports": 1, "rejections": 1,
    }  # fmt: skip
    with store().open_object(ended.receipt.name) as stream:
        receipt = json.load(stream)
    assert receipt["counts"]["samples"] == 1
    assert plate_of(PLATE) not in plate_of(json.dumps(receipt))
    assert receipt["ledger"][0]["entries"] == 1

    [answer] = batches.add_items(
        opened(city), [item("e-0", picture(0), ai_module="plates", prediction={"text": PLATE})], by=city.user
    )
    assert (answer["outcome"], answer["reason"]) == ("rejected", "erased")
    [answer] = batches.add_items(
        opened(city), [item("e-7", picture(7), ai_module="plates", prediction={"text": PLATE})], by=city.user
    )
    assert answer["outcome"] == "accepted"


def test_a_camera_is_erased_from_a_frozen_version_which_still_proves_itself():
    ada = people.ada()
    of, city = rooms.module(ada), rooms.city(ada)
    rows = rooms.samples(ada, 6)
    other = rooms.sample(of, city, 9)
    LearningSample.objects.filter(pk=other.pk).update(camera=city.cameras.create(camera_id="cam-2"))
    version = rooms.frozen(ada, seed=7)
    model = ModelVersionFactory(module=of, dataset_version=version, status="draft")
    old_truth = version.truth
    local.cached(old_truth.name, old_truth.alias, old_truth.sha256)
    cached = local.cached(rows[0].object.name, rows[0].object.alias, rows[0].object.sha256)

    made = drafted("camera", {"city": city.slug, "camera_id": "cam-1"}, ada)
    touched = dict(made.touches.values_list("kind", "object_id"))
    assert touched == {"dataset_version": str(version.pk), "model_version": str(model.pk)}
    with pytest.raises(Conflict, match="Decide first"):
        confirmed(made, ada)
    with pytest.raises(Invalid, match="Say why"):
        erasure.decide(made, by=ada, model=str(model.pk), decision="keep")
    erasure.decide(made, by=ada, model=str(model.pk), decision="retrain")
    confirmed(made, ada)
    waiting = erasing.run(made.pk)
    assert waiting.state == ErasureState.RUNNING
    assert "still to be written" in waiting.waits_for

    assert training_erasure.rewrite(version.pk) is not None
    assert training_erasure.rewrite(version.pk) is None
    assert erasing.run(made.pk).state == ErasureState.DONE
    version.refresh_from_db()
    assert (version.erased_count, version.truth_outdated, version.sample_count) == (6, False, 7)
    verdict = verification.verify(version, objects=True)
    assert (verdict.faults, verdict.members, verdict.erased, verdict.fingerprint) == ([], 7, 6, version.fingerprint)
    lines = [orjson.loads(line) for line in files.read_page(version).lines.splitlines()]
    assert [line["sample_id"] for line in lines] == [other.sample_id]
    assert not is_there(old_truth)
    assert not cached.exists()
    with store().open_object(version.manifest.name) as stream:
        kept = stream.read().decode()
    assert "cam-1" not in kept
    assert '"e-3"' not in kept
    with store().open_object(Erasure.objects.get(pk=made.pk).receipt.name) as stream:
        assert json.load(stream)["models"][0]["decision"] == "retrain"


def test_what_is_held_is_not_erased_and_the_refusal_says_so():
    ada = people.ada()
    rows = rooms.samples(ada, 3)
    [kept] = hold.put_on_samples([rows[0]], by=ada, reason="Case 17")
    made = drafted("samples", {"samples": [row.sample_id for row in rows]}, ada)
    with pytest.raises(Conflict, match="1 of the chosen samples are under legal hold"):
        confirmed(made, ada)
    hold.lift(kept, by=ada, reason="Case closed")
    confirmed(made, ada)
    late = hold.put(
        rows[1].city, by=ada, reason="Case 18", camera=rows[1].camera, since=rows[1].captured_at, until=rows[2].captured_at
    )
    waiting = erasing.run(made.pk)
    assert (waiting.state, waiting.waits_for[:9]) == (ErasureState.RUNNING, "1 samples")
    assert is_there(rows[1].object)
    assert not is_there(rows[0].object)
    hold.lift(late, by=ada, reason="Case closed")
    assert erasing.run(made.pk).state == ErasureState.DONE
    assert not is_there(rows[1].object)


def test_an_object_that_another_sample_holds_stays_until_its_last_sample_goes():
    ada = people.ada()
    one = rooms.samples(ada, 1)[0]
    two = rooms.sample(one.module, one.city, 5)
    LearningSample.objects.filter(pk=two.pk).update(object=one.object)
    done("samples", {"samples": [one.sample_id]})
    assert is_there(one.object)
    done("samples", {"samples": [two.sample_id]})
    assert not is_there(one.object)


class Killed(BaseException):
    """What kill -9 looks like from inside."""


KILLED = {
    "in the second chunk": ("learning.actions.scrubbing.objects_gone.announce", 2),
    "before the ledger's pages": ("learning.actions.ledger.store_pages", 1),
    "before the bytes go": ("learning.actions.purging.purge", 1),
    "before the receipt": ("learning.actions.erasing._finish", 1),
}


@pytest.mark.parametrize(("place", "call"), KILLED.values(), ids=KILLED)
def test_a_worker_killed_anywhere_is_followed_by_one_that_ends_it_once(monkeypatch, place, call):
    ada = people.ada()
    rows = rooms.samples(ada, 5)
    monkeypatch.setattr(erasing, "CHUNK", 2)
    made = confirmed(drafted("city", {"city": rows[0].city.slug}, ada), ada)
    calls = []

    def die(*_):
        calls.append(1)
        if len(calls) == call:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, die)
        with pytest.raises(Killed):
            erasing.run(made.pk)
    ended = erasing.run(made.pk)
    assert (ended.state, ended.counts["samples"], ended.counts["objects"]) == (ErasureState.DONE, 5, 5)
    assert LedgerEntry.objects.count() == 5
    assert not any(is_there(row.object) for row in rows)
    assert erasing.run(made.pk) is None
    assert Event.objects.filter(verb="finish", object_id=str(made.pk)).count() == 1


def test_a_restored_database_is_erased_again_from_the_pages_in_the_store():
    ada = people.ada()
    rows = rooms.samples(ada, 3)
    before = {row.pk: (row.event_id, row.truth) for row in rows}
    done("samples", {"samples": [row.sample_id for row in rows]})
    # an older database: the rows are as they were, and it knows neither the erasure nor the ledger
    ErasureItem.objects.all().delete()
    LedgerEntry.objects.all().delete()
    LedgerPage.objects.all().delete()
    Erasure.objects.all().delete()
    for pk, (event_id, truth) in before.items():
        LearningSample.objects.filter(pk=pk).update(event_id=event_id, truth=truth, erased_at=None, state=SampleState.SETTLED)
    pages = [line for page in ledger.pages_in_store() for line in page]
    assert len({digest for _, digest in pages} & {ledger.identity_of(row.city.slug, row.event_id) for row in rows}) == 3
    assert ledger.take_back() >= 3
    assert ledger.take_back() == 0
    done("ledger", {})
    assert not LearningSample.objects.filter(truth__isnull=False).exists()


def test_a_page_of_a_ledger_is_read_with_care(tmp_path: Path):
    for content in (b"no json\n", b"[]\n", b'{"city": "x"}\n', b'{"city": "x", "sha256": "zz"}\n'):
        (tmp_path / "page").write_bytes(content)
        with pytest.raises(Invalid, match="no page of a ledger"):
            ledger.take_back(tmp_path / "page")


def test_what_was_only_received_goes_with_its_row():
    vehicles()
    city = pune()
    batch = opened(city)
    batches.add_items(batch, [item("e-1", picture(1)), item("e-2", picture(2))], by=city.user)
    done("event", {"city": city.slug, "event_id": "e-1"})
    assert list(batch.samples.values_list("event_id", flat=True)) == ["e-2"]
    [answer] = batches.add_items(batch, [item("e-1", picture(1))], by=city.user)
    assert answer["reason"] == "erased"


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("plate", {"plate": "-"}),
        ("plate", {}),
        ("plate", []),
        ("plate", {"plate": "MH12", "city": "x"}),
        ("samples", {"samples": ["nobody"]}),
        ("samples", {"samples": []}),
        ("samples", {"samples": ["\x00"]}),
        ("camera", {"city": "nowhere", "camera_id": "c"}),
        ("city", {"city": "nowhere"}),
        ("city", {"city": "\x00"}),
        ("person", {"person": "no domain"}),
        ("nobody", {}),
    ],
)
def test_a_subject_that_makes_no_sense_is_refused(kind, subject):
    with pytest.raises(Invalid):
        erasure.draft(kind, subject, by=None)
    assert not Erasure.objects.exists()


def test_times_that_make_no_sense_are_refused():
    city = pune()
    for times in ({"since": "yesterday"}, {"since": "2026-02-30T00:00:00Z"}, {"since": "2026-02-02", "until": "2026-02-01"}):
        with pytest.raises(Invalid):
            erasure.draft("city", {"city": city.slug, **times}, by=None)


def test_confirming_needs_the_right_words_something_chosen_and_a_permission():
    ada = people.ada()
    [row] = rooms.samples(ada, 1)
    made = erasure.draft("samples", {"samples": [row.sample_id]}, by=ada)
    with pytest.raises(Conflict, match="still being looked for"):
        erasure.confirm(made, by=ada, confirmation="erase 1")
    erasure.gather(made.pk)
    with pytest.raises(Conflict, match="Type “erase 1”"):
        erasure.confirm(made, by=ada, confirmation="erase 2")
    with pytest.raises(Refused):
        erasure.confirm(made, by=people.rhea(), confirmation="erase 1")
    erasure.choose(made, by=ada, chosen={row.sample_id: False})
    with pytest.raises(Conflict, match="Nothing is chosen"):
        erasure.confirm(made, by=ada, confirmation="erase 0")
    with pytest.raises(Invalid, match="no candidate"):
        erasure.choose(made, by=ada, chosen={"somebody": True})
    erasure.discard(made, by=ada)
    assert not Erasure.objects.exists()


def test_every_table_that_refers_to_a_sample_is_emptied_spared_or_forgotten_on_purpose():
    handled = {"hitl_labels", "review_slots", "gold_answers", "training_examples", "images", "sample_outcomes"}
    referring = {
        relation.related_model._meta.db_table
        for relation in LearningSample._meta.related_objects
        if relation.related_model is not None
    }
    hidden = {
        field.model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.local_fields
        if field.related_model is LearningSample
    }
    assert (referring | hidden) - handled - scrubbing.SPARED == set()


def test_an_access_export_holds_all_of_it_and_an_erasure_takes_it():
    plates()
    city, ada = pune(), people.ada()
    mine, _ = read_plates(city, PLATE, "KA05XX0001")
    asked = access_export.ask("plate", {"plate": PLATE}, by=ada)
    built = access_export.build(asked.pk)
    assert access_export.build(asked.pk) is None
    assert (built.samples, built.subject) == (1, {})
    assert access_export.link(built, by=ada).url
    with store().open_object(built.object.name) as stream:
        archive = zipfile.ZipFile(io.BytesIO(stream.read()))
    [line] = [json.loads(line) for line in archive.read("samples.jsonl").splitlines()]
    assert (line["sample_id"], line["prediction"], len(line["labels"])) == (mine.sample_id, {"text": PLATE}, 1)
    assert archive.read(line["file"]) == picture_of(mine)
    done("plate", {"plate": PLATE}, ada)
    built.refresh_from_db()
    with pytest.raises(Conflict, match="gone"):
        access_export.link(built, by=ada)
    assert not is_there(built.object)


def picture_of(sample):
    with store().open_object(sample.object.name) as stream:
        return stream.read()


def test_what_people_and_folders_bring_again_is_refused():
    ada, gesture = people.ada(), gestures()
    facts = example_verbs.Facts(user_id="user-9", label="wave")
    example_verbs.add(npz(), by=ada, module=gesture, facts=facts)
    person = somebody(images_of=1)
    upload = sample_verbs.add(picture(1), by=ada, module=vehicles())[0]
    done("user", {"user_id": "user-9"})
    done("person", {"person": f"{person.domain}/{person.normalized_name}"})
    done("samples", {"samples": [upload.sample_id]})
    with pytest.raises(Conflict, match="was erased"):
        example_verbs.add(npz(), by=ada, module=gesture, facts=facts)
    with pytest.raises(Conflict, match="was erased"):
        somebody(images_of=1)


def test_a_late_erasure_says_so():
    made = drafted("samples", {"samples": [rooms.samples(people.ada(), 1)[0].sample_id]})
    assert (made.days_left, made.is_late) == (6, False)
    Erasure.objects.update(due_at=timezone.now() - timedelta(days=1))
    made.refresh_from_db()
    assert made.is_late


def test_a_person_and_an_example_user_are_found_by_their_names_and_leave_no_row():
    ada = people.ada()
    face, features = rooms.samples(ada, 2)
    person = Person.objects.create(
        domain="sports", full_name="Ana Ivanović", normalized_name="ana_ivanovic", folder_path="sports/ana"
    )
    Image.objects.create(person=person, sample=face, filename="1.jpg", file_path="1.jpg", sha256="0" * 64, source="import")
    Image.objects.create(person=person, filename="2.jpg", file_path="2.jpg", sha256="1" * 64, source="import")
    TrainingExample.objects.create(
        sample=features, user_id="user-9", modality="gesture", timestamp=timezone.now(), features_hash="x", encoding="v1"
    )
    done("person", {"person": "sports/ana_ivanovic"})
    done("user", {"user_id": "user-9"})
    assert not Person.objects.exists()
    assert not Image.objects.exists()
    assert not TrainingExample.objects.exists()
    assert LearningSample.objects.filter(erased_at__isnull=False).count() == 2
