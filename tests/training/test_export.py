"""Exports: what is written under which name, how one is taken back, killed and begun again, and what an erasure leaves of them."""

import io
import json
import zipfile
from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from core.errors import Conflict, Invalid, Refused
from core.storage import StoreError, reading, store
from learning.actions import erasing, erasure, lifecycle
from learning.models import LearningSample, StoredObject
from tests import people
from tests.factories import training as make
from training import local
from training.actions import exporting, exporting_rows
from training.models import DatasetExport, ExportState

pytestmark = pytest.mark.django_db

BOXES = {"boxes": [{"label": "1", "bbox": [1, 2, 10, 5]}, {"label": "2", "bbox": [3.5, 4, 8, 8.25]}]}


def boxed(ada, count=6, **fields):
    of, place = make.module(ada), make.city(ada)
    return [
        make.sample(of, place, number, truth=BOXES if number % 2 else {"boxes": []}, source_name=f"road/{number}.png", **fields)
        for number in range(count)
    ]


def built(dataset, ada, **options):
    done = exporting.build(exporting.ask(dataset, by=ada, **{"format": "coco", **options}).pk)
    assert done is not None
    done.refresh_from_db()
    assert (done.state, done.error_message) == (ExportState.DONE, "")
    return done


def content(export) -> bytes:
    with reading(export.object.name, export.object.alias) as stream:
        return stream.read()


def scratch() -> list:
    return list(local.scratch().iterdir())


def is_stored(kept) -> bool:
    kept.refresh_from_db()
    return kept.deleted_at is None and kept.name in {listed.name for listed in store().listing()}


def test_live_samples_are_written_as_they_are_and_the_file_goes_after_its_days():
    ada = people.ada()
    pending, *_, unnamed = boxed(ada)
    LearningSample.objects.filter(pk=unnamed.pk).update(source_name="")
    dataset = make.dataset_of(ada)
    LearningSample.objects.filter(pk=pending.pk).update(state="pending")
    export = built(dataset, ada)
    said = json.loads(content(export))
    assert [image["file_name"] for image in said["images"]] == [*(f"road/{n}.png" for n in range(1, 5)), "city_pune-5.png"]
    assert len(said["annotations"]) == 6
    assert (export.done, export.bytes, export.notes) == (5, export.object.size, {})
    assert exporting.file_name(export) == f"meter-digits-{export.created_at:%Y-%m-%d}-coco.json"
    assert exporting.file_name(export) in exporting.link(export, by=ada).url
    assert not scratch()
    assert "example.org" not in content(export).decode()  # nobody's address
    StoredObject.objects.filter(pk=export.object_id).update(delete_at=timezone.now() - timedelta(minutes=1))
    DatasetExport.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    export.refresh_from_db()
    with pytest.raises(Conflict, match="its days are over"):
        exporting.link(export, by=ada)
    lifecycle.run(by=None)
    assert not is_stored(export.object)


def test_json_lines_say_what_a_version_says_of_each():
    ada = people.ada()
    boxed(ada, 2, captured_at=make.NOON.replace(microsecond=500_000))
    boxed_later = make.sample(make.module(ada), make.city(ada), 2)
    live = built(make.dataset_of(ada), ada, format="jsonl")
    frozen = make.frozen(ada, live.dataset)
    lines = [orjson.loads(line) for line in content(live).splitlines()]
    assert lines == [
        orjson.loads(line)
        for line in content(built(live.dataset, ada, format="jsonl", version=frozen, by_split=False)).splitlines()
    ]
    assert [line["captured_at"] for line in lines[1:]] == ["2026-11-20T12:00:00.500000+00:00", "2026-11-20T12:00:02+00:00"]
    assert lines[2]["sample_id"] == boxed_later.sample_id
    assert lines[2]["object"]["sha256"] == boxed_later.object.sha256


def test_a_version_with_images_is_a_zip_of_the_same_bytes_whatever_came_since(monkeypatch):
    ada = people.ada()
    samples = boxed(ada, 7)
    version = make.frozen(ada, seed=7)
    monkeypatch.setattr(exporting_rows, "CHUNK", 3)
    first = built(version.dataset, ada, version=version, with_images=True)
    LearningSample.objects.update(truth={"boxes": []}, source_name="other.png")
    second = built(version.dataset, ada, version=version, with_images=True)
    assert content(first) == content(second)
    with zipfile.ZipFile(io.BytesIO(content(first))) as archive:
        assert archive.testzip() is None
        for sample in samples:
            with reading(sample.object.name) as stream:
                assert archive.read(f"images/{sample.source_name}") == stream.read()
        [name] = [name for name in archive.namelist() if name.endswith(".json")]
        images = json.loads(archive.read(name))["images"]
    assert {image["sample_id"]: image["split"] for image in images} == {
        member.sample.sample_id: member.split for member in version.members.select_related("sample")
    }
    plain = json.loads(content(built(version.dataset, ada, version=version, by_split=False)))
    assert not any("split" in image for image in plain["images"])


def test_names_that_several_have_or_that_lead_elsewhere_become_ids():
    ada = people.ada()
    of, place = make.module(ada), make.city(ada)
    sources = ["a.png", "twice.png", "twice.png", "../up.png", "/etc/passwd", "C:\\x.png", "ä b.png", "city_pune-2.png"]
    for number, source in enumerate(sources):
        make.sample(of, place, number, source_name=source)
    make.sample(of, place, 8, sample_id="../../9", source_name="")
    export = built(make.dataset_of(ada), ada)
    names = [image["file_name"] for image in json.loads(content(export))["images"]]
    assert len(set(names)) == len(names) == 9
    assert names[:2] == ["a.png", "city_pune-1.png"]
    assert names[3:7] == ["city_pune-3.png", "city_pune-4.png", "city_pune-5.png", "ä b.png"]
    assert not any(name.startswith(("/", ".", "C:")) or ".." in name for name in names)
    assert export.notes == {"renamed": 6}


def test_taken_back_it_leaves_nothing(monkeypatch):
    ada = people.ada()
    boxed(ada)
    dataset = make.dataset_of(ada)
    export = exporting.ask(dataset, by=ada, format="coco")
    assert exporting.ask(dataset, by=ada, format="coco") == export  # asked twice is once
    real = exporting.write

    def interrupted(row, path, *, tick):
        exporting.cancel(DatasetExport.objects.get(pk=row.pk), by=ada)
        return real(row, path, tick=tick)

    monkeypatch.setattr(exporting, "write", interrupted)
    assert exporting.build(export.pk) is None
    export.refresh_from_db()
    assert (export.state, export.object) == (ExportState.CANCELLED, None)
    assert not StoredObject.objects.filter(kind="export").exists()
    assert not scratch()
    assert exporting.build(export.pk) is None


def test_killed_in_the_middle_it_begins_again_and_is_whole():
    ada = people.ada()
    boxed(ada)
    export = exporting.ask(make.dataset_of(ada), by=ada, format="coco")
    killed = exporting._claim(export.pk)
    assert killed.state == ExportState.RUNNING
    assert exporting.sweep() == 0  # it may still be alive
    assert exporting.build(export.pk) is None
    half = local.scratch() / f"{exporting._scratch_of(killed)}x"
    half.mkdir()
    (half / "export").write_bytes(b"half")
    metadata = {"dataset_export": str(export.pk)}
    stray = exporting.stored_object.store_bytes(b"[]", kind="export", media_type="application/json", metadata=metadata)
    DatasetExport.objects.update(beat_at=timezone.now() - timedelta(minutes=2))
    assert exporting.sweep() == 1
    done = exporting.build(export.pk)
    assert not scratch()
    assert not is_stored(stray)
    assert len(json.loads(content(done))["images"]) == 6
    with pytest.raises(exporting.LostExport):  # whoever comes back from the dead does not get in between
        exporting.Beat(killed).now(1, 1)
    for _ in range(exporting.MOST_TRIES):
        again = exporting.ask(done.dataset, by=ada, format="coco")
        assert exporting._claim(again.pk) is not None
        DatasetExport.objects.update(beat_at=None)
    assert exporting.build(again.pk) is None
    again.refresh_from_db()
    assert (again.state, again.done) == (ExportState.FAILED, 0)
    assert "lost 3 times" in again.error_message


def test_a_store_that_is_out_is_tried_again(monkeypatch):
    ada = people.ada()
    boxed(ada)
    export = exporting.ask(make.dataset_of(ada), by=ada, format="coco")

    def refuse(*_, **__):
        raise StoreError("The object store does not answer.")

    with monkeypatch.context() as out:
        out.setattr(exporting.stored_object, "store_bytes", refuse)
        assert exporting.build(export.pk) is None
    export.refresh_from_db()
    assert (export.state, export.tries) == (ExportState.RUNNING, 1)
    DatasetExport.objects.update(beat_at=timezone.now() - timedelta(minutes=2))
    assert exporting.build(export.pk).state == ExportState.DONE


def test_an_erasure_destroys_what_holds_the_sample_and_has_what_runs_begun_anew():
    ada = people.ada()
    gone, *_ = boxed(ada)
    version = make.frozen(ada)
    dataset = version.dataset
    held = built(dataset, ada, version=version)
    running = exporting.ask(dataset, by=ada, format="coco")
    claimed = exporting._claim(running.pk)
    made = erasure.gather(erasure.draft("samples", {"samples": [gone.sample_id]}, by=ada).pk)
    erasing.run(erasure.confirm(made, by=ada, confirmation=erasure.phrase(made)).pk)
    assert not is_stored(held.object)
    with pytest.raises(exporting.LostExport):
        exporting.Beat(claimed).now(1, 1)
    anew = built(dataset, ada)
    assert anew == running
    for export in (anew, built(dataset, ada, version=version)):
        assert gone.sample_id not in content(export).decode()
        assert export.done == 5


def test_what_does_not_fit_is_refused():
    ada = people.ada()
    boxed(ada)
    dataset = make.dataset_of(ada)
    version = make.frozen(ada, dataset)
    other = make.dataset_of(ada, name="other")
    for options in ({"format": "pdf"}, {"by_split": True}):
        with pytest.raises(Invalid):
            exporting.ask(dataset, by=ada, **{"format": "coco", **options})
    with pytest.raises(Invalid, match="another dataset"):
        exporting.ask(other, by=ada, format="coco", version=version)
    for person in (people.rhea(), people.olga()):
        with pytest.raises(Refused):
            exporting.ask(dataset, by=person, format="coco")
    for images in (True, False):
        for number in (None, version):
            exporting.ask(dataset, by=ada, format="coco", version=number, with_images=images)
    exporting.ask(dataset, by=ada, format="coco", version=version, by_split=False)
    with pytest.raises(Conflict, match="wait already"):
        exporting.ask(dataset, by=ada, format="coco", version=version, by_split=False, with_images=True)
