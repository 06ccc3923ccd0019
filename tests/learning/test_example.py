"""Training examples: one unit of file and row, known again, never in a version without consent, and followed by their truth."""

import io
import json
import uuid
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from core.storage import ObjectMissing, StoreError, reading, store
from learning.actions import example as examples
from learning.actions import review
from learning.actions.example_batch import add_many
from learning.actions.example_writing import Facts
from learning.models import ExampleStatus, LearningSample, ReviewSlot, SampleState, StoredObject, TrainingExample
from tests import people
from tests.factories.learning import gestures, npz
from tests.racing import race
from training.actions import dataset as datasets
from training.actions import version as versions
from training.models import DatasetMember
from training.rule import Rule

pytestmark = pytest.mark.django_db


def wave(number: int = 0, **said) -> tuple[TrainingExample, bool]:
    facts = {"user_id": "u-1", "label": "wave", **said}
    return examples.add(npz(number), by=people.ada(), module=gestures(), facts=Facts(**facts))


def test_an_example_is_a_sample_with_its_features_in_the_store():
    record_id = uuid.uuid4()
    example, is_new = wave(session_id="s-1", performer_id="p-1", record_id=record_id, source="wave/1.npz", consent_given=True)
    assert is_new
    sample, kept = example.sample, example.sample.object
    assert (sample.city.slug, sample.camera.camera_id, sample.event_id) == ("hub", "examples", "examples:u-1/wave/1.npz")
    assert (example.modality, example.encoding, example.dims, example.features_format) == ("gestures", "hand_v1", 6, "npz")
    assert example.features_hash == f"sha256:{kept.sha256}"
    assert (kept.kind, kept.encoding, kept.shape, kept.dtype) == ("features", "hand_v1", [4, 6], "float32")
    assert example.features_uri == store().reference(kept.name)
    with reading(kept.name) as stream:
        assert stream.read() == npz(0)
    with reading(kept.thumbnail.name) as stream:
        assert stream.read(4) == b"\x89PNG"
    assert Event.objects.filter(verb="add", object_id=str(example.pk)).exists()


@pytest.mark.parametrize(
    ("said", "status", "state"),
    [("unconfirmed", "unconfirmed", "pending"), ("confirmed", "confirmed", "settled"), ("corrected", "corrected", "settled")],
)
def test_what_is_known_of_the_label_is_the_samples_state(said, status, state):
    example, _ = wave(label_status=said)
    assert (example.label_status, example.sample.state) == (status, state)
    assert TrainingExample.objects.of_status(status).get() == example
    assert ReviewSlot.objects.filter(sample=example.sample).count() == (state == "pending")


def test_the_same_features_of_a_user_are_known_and_of_another_user_are_not():
    first, _ = wave()
    assert wave() == (first, False)
    assert wave(source="elsewhere.npz") == (first, False)
    assert wave(user_id="u-2")[1]
    assert TrainingExample.objects.count() == 2
    assert StoredObject.objects.filter(kind="features").count() == 2


def test_a_record_or_a_path_is_of_one_file():
    record_id = uuid.uuid4()
    wave(0, record_id=record_id, source="a.npz")
    with pytest.raises(Conflict, match="record_id"):
        wave(1, record_id=record_id)
    with pytest.raises(Conflict, match="path"):
        wave(1, source="a.npz")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"label": "jump"}, "jump"),
        ({"label": ""}, "label"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "a\nb"}, "user_id"),
        ({"session_id": "s" * 121}, "session_id"),
        ({"label_status": "odd"}, "label_status"),
    ],
)
def test_what_is_wrong_is_said(said, word):
    with pytest.raises(Invalid, match=word):
        wave(**said)
    assert not StoredObject.objects.exists()


def test_features_of_another_size_are_refused_and_leave_nothing():
    with pytest.raises(Invalid, match="6 numbers a row"):
        examples.add(npz(0, dims=5), by=people.ada(), module=gestures(), facts=Facts("u-1", "wave"))
    with pytest.raises(Invalid, match="no NPZ"):
        examples.add(b"PK", by=people.ada(), module=gestures(), facts=Facts("u-1", "wave"))
    assert not StoredObject.objects.exists()


@contextmanager
def refusing_examples():
    """The database refuses each new example, as a full disk would."""

    def refuse(execute, sql, params, many, context):
        if sql.startswith('INSERT INTO "training_examples"'):
            raise DatabaseError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def test_if_the_row_fails_the_objects_go(monkeypatch):
    put = []
    kept = store()
    original = kept.put_new
    monkeypatch.setattr(kept, "put_new", lambda name, *args, **named: (put.append(name), original(name, *args, **named))[1])
    with refusing_examples(), pytest.raises(DatabaseError):
        wave()
    assert len(put) == 2
    for name in put:
        with pytest.raises(ObjectMissing):
            kept.stat(name)
    assert not StoredObject.objects.exists()
    assert not LearningSample.objects.exists()


def test_only_curators_bring_examples():
    with pytest.raises(Refused):
        examples.add(npz(0), by=people.rhea(), module=gestures(), facts=Facts("u-1", "wave"))


def test_a_label_follows_the_truth_of_its_sample_wherever_it_is_said():
    example, _ = wave()
    lease = review.lease_next(gestures(), by=people.ann())
    facts = {"lease_token": lease.token, "client_uuid": str(uuid.uuid4()), "reason": "", "seconds": 1}
    review.decide(lease.slot, by=people.ann(), decision="change", correction={"label": "point"}, **facts)
    example = TrainingExample.objects.get()
    assert (example.label, example.label_status) == ("point", ExampleStatus.CORRECTED)
    examples.correct(example, by=people.ada(), label="wave")
    example = TrainingExample.objects.get()
    assert (example.label, example.label_status) == ("wave", ExampleStatus.CONFIRMED)


def test_confirming_twice_is_one_label():
    example, _ = wave()
    assert examples.confirm(example, by=people.ada()) is not None
    example = TrainingExample.objects.get()
    assert example.label_status == ExampleStatus.CONFIRMED
    assert examples.confirm(example, by=people.ada()) is None


def frozen(dataset, number):
    version = versions.create(dataset, by=people.ada(), version=number)
    versions.freeze(version.pk)
    version.refresh_from_db()
    return version


def test_without_consent_no_example_enters_a_version_and_withdrawn_consent_counts_from_then_on():
    given, _ = wave(0, label_status="confirmed", consent_given=True)
    other, _ = wave(1, label_status="confirmed", consent_given=True, user_id="u-2")
    wave(2, label_status="confirmed")
    assert set(Rule().samples(gestures(), None)) == {given.sample, other.sample}
    assert LearningSample.objects.may_be_trained_on().count() == 2
    dataset = datasets.add(by=people.ada(), name="gestures", module=gestures())
    datasets.refresh(dataset, by=people.ada())
    first = frozen(dataset, "v1.0.0")
    assert set(DatasetMember.objects.filter(version=first).values_list("sample", flat=True)) == {
        given.sample_id,
        other.sample_id,
    }
    assert examples.set_consent("u-2", by=people.ada(), given=False) == 1
    second = frozen(dataset, "v1.1.0")
    assert list(DatasetMember.objects.filter(version=second).values_list("sample", flat=True)) == [given.sample_id]


def test_features_in_the_store_are_named_by_their_reference():
    example, _ = wave()
    facts = Facts("u-2", "wave")
    again, is_new = examples.add_stored(example.features_uri, by=people.ada(), module=gestures(), facts=facts)
    assert is_new
    assert again.sample.object == example.sample.object
    for wrong in ("s3://other/x.npz", "", example.features_uri.replace(".npz", ".jpg")):
        with pytest.raises(Invalid, match="reference"):
            examples.add_stored(wrong, by=people.ada(), module=gestures(), facts=facts)


def test_a_folder_is_imported_once(tmp_path, capsys):
    module = gestures()
    for number, name in enumerate(("wave/1.npz", "wave/2.npz", "point/1.npz", "jump/1.npz", "wave/bad.npz")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(npz(number) if "bad" not in name else b"no zip")
    told = []
    for _ in range(2):
        call_command("import_examples", str(tmp_path), module=module.slug, user="u-1", consent=True, json=True)
        told.append(json.loads(capsys.readouterr().out))
    assert (told[0]["found"], told[0]["added"], told[0]["labels"]) == (5, 3, {"wave": 2, "point": 1})
    assert told[0]["reasons"] == {"label_outside_schema": 1, "not_npz": 1}
    assert (told[1]["added"], told[1]["duplicates"]) == (0, 3)
    assert set(TrainingExample.objects.values_list("consent_given", "encoding")) == {(True, "hand_v1")}


def test_a_chunk_is_known_again_and_taken_or_refused_one_by_one(tmp_path):
    module, ada = gestures(), people.ada()
    record_id = uuid.uuid4()
    facts = Facts(user_id="u-1", label="wave")
    examples.add(npz(0), by=ada, module=module, facts=replace(facts, source="a.npz", record_id=record_id))
    told = add_many(
        [
            (npz(0), facts),
            (npz(1), facts),
            (npz(1), facts),
            (npz(2), replace(facts, source="a.npz")),
            (npz(3), replace(facts, record_id=record_id)),
            (npz(4), replace(facts, source="b.npz")),
            (npz(5), replace(facts, source="b.npz")),
            (npz(1), replace(facts, user_id="u-2", label_status="corrected")),
            (b"no zip", facts),
            (npz(6), replace(facts, label="jump")),
            (npz(7), replace(facts, user_id="")),
        ],
        by=ada,
        module=module,
    )
    said = [outcome if isinstance(outcome, bool) else outcome.code for outcome in told]
    assert said[:5] == [False, True, False, "event_id_conflict", "record_id_conflict"]
    assert said[5:] == [True, "event_id_conflict", True, "not_npz", "label_outside_schema", "invalid"]
    rows = list(TrainingExample.objects.select_related("sample__object__thumbnail").order_by("sample"))
    assert [(row.user_id, row.sample.state) for row in rows] == [
        ("u-1", "pending"), ("u-1", "pending"), ("u-1", "pending"), ("u-2", "settled"),
    ]  # fmt: skip
    for row in rows:
        assert row.sample.object.verified_at
        with reading(row.sample.object.thumbnail.name) as stream:
            assert stream.read(4) == b"\x89PNG"
        assert Event.objects.get(verb="add", object_id=str(row.pk)).facts["sample"] == row.sample.sample_id
    assert ReviewSlot.objects.count() == 3
    assert StoredObject.objects.count() == 8


def test_many_cost_as_many_statements_as_few(django_assert_max_num_queries):
    module = gestures()
    arrivals = [(npz(number), Facts(user_id="u-1", label="wave", label_status="confirmed")) for number in range(40)]
    add_many(arrivals[:1], by=None, module=module)
    with django_assert_max_num_queries(30):
        assert add_many(arrivals, by=None, module=module) == [False] + [True] * 39
    assert LearningSample.objects.settled().count() == 40


def test_if_a_row_of_a_chunk_fails_all_its_objects_go():
    module = gestures()
    kept, put = store(), []
    original = kept.put_new
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "put_new", lambda name, *args, **named: (put.append(name), original(name, *args, **named))[1])
        with refusing_examples(), pytest.raises(DatabaseError):
            add_many([(npz(number), Facts(user_id="u-1", label="wave")) for number in range(3)], by=None, module=module)
    assert len(put) == 6
    for name in put:
        with pytest.raises(ObjectMissing):
            kept.stat(name)
    assert not StoredObject.objects.exists()
    assert not LearningSample.objects.exists()


def test_if_the_store_fails_within_a_chunk_nothing_is_left(monkeypatch):
    module, kept, put = gestures(), store(), []
    original = kept.put_new

    def fails_at_the_third(name, *args, **named):
        put.append(name)
        if len(put) == 3:
            raise StoreError("The store does not answer.")
        return original(name, *args, **named)

    monkeypatch.setattr(kept, "put_new", fails_at_the_third)
    with pytest.raises(StoreError):
        add_many([(npz(number), Facts(user_id="u-1", label="wave")) for number in range(3)], by=None, module=module)
    for name in put:
        with pytest.raises(ObjectMissing):
            kept.stat(name)
    assert not StoredObject.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_examples_brought_twice_at_once_are_there_once():
    module, ada = gestures(), people.ada()
    arrivals = [(npz(number), Facts(user_id="u-1", label="wave")) for number in range(6)]
    told, refused = race(lambda _: add_many(arrivals, by=ada, module=module), threads=3)
    assert (TrainingExample.objects.count(), refused) == (6, [])
    assert sum(outcome is True for each in told for outcome in each) == 6
    assert StoredObject.objects.count() == 12


def test_rows_of_a_csv_become_examples_by_the_mapping_of_the_command_line(tmp_path, capsys):
    gestures()
    rows = tmp_path / "points.csv"
    numbers = [",".join(str(n / 8 + row) for n in range(12)) for row in range(4)]
    rows.write_text(f"0,{numbers[0]}\n1,{numbers[1]}\n1,{numbers[1]}\n0,{numbers[2]},\n1,x,{numbers[3][2:]}\n0,1,2\n")
    names = tmp_path / "names.csv"
    names.write_text("\ufeffWave\nPoint\n")
    options = {"module": "gestures", "user": "u-1", "features": "1-12", "rows": 2, "labels": names, "json": True}
    call_command("import_examples", str(rows), rename=["Wave=wave", "Point=point"], label_status="confirmed", **options)
    told = json.loads(capsys.readouterr().out)
    assert (told["found"], told["added"], told["duplicates"]) == (6, 3, 1)
    assert told["reasons"] == {"not_numbers": 1, "row_too_short": 1}
    first = TrainingExample.objects.get(sample__event_id="examples:u-1/points.csv#1")
    assert (first.label, first.sample.state, first.sample.object.shape) == ("wave", SampleState.SETTLED, [2, 6])
    with reading(first.sample.object.name) as stream, np.load(io.BytesIO(stream.read())) as archive:
        assert archive["features"].tolist() == (np.arange(12).reshape(2, 6) / 8).tolist()
