"""Importing a dataset: a dry run, an import that nobody sees before it is whole, and what becomes of one that is not."""

import csv
import io
import json
import zipfile
from functools import cache

import pytest
from PIL import Image

from accounts.actions import announcing
from core.errors import Conflict, Invalid, Refused
from core.storage import reading, store
from learning.actions import module as modules
from learning.actions import review
from learning.models import (
    DiscardedObject,
    HitlLabel,
    LearningSample,
    ReviewSlot,
    SampleState,
    SlotState,
    StoredObject,
)
from tests import people
from tests.factories import learning as learning_factory
from training.actions import dataset as dataset_verbs
from training.actions import importing, importing_publishing, importing_taking
from training.models import DatasetImport, ImportedRecord, ImportState, TrainingDataset, TrainingSample

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = (64, 48)


def told_of_imports(person):
    announcing.announce()
    return list(person.notifications.filter(topic__startswith="import.").order_by("id").values_list("topic", flat=True))


def empty(by, **options):
    of = modules.add(
        "street",
        by=by,
        name="Street",
        task="detection",
        labels=["car", "bus"],
        review_policy={"first_check_share": 0, "later_check_share": 0, **options.pop("policy", {})},
    )
    return dataset_verbs.add(by=by, name="street", module=of, **options)


def coco(images, boxes, categories=("Car", "tree")):
    """A COCO file: images by name, boxes as (image's place, category's place, bbox)."""
    return {
        "images": [{"id": n, "file_name": name, "width": SIZE[0], "height": SIZE[1]} for n, name in enumerate(images, 1)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(categories, 1)],
        "annotations": [
            {"id": n, "image_id": image + 1, "category_id": category + 1, "bbox": bbox, "area": 1, "iscrowd": 0}
            for n, (image, category, bbox) in enumerate(boxes, 1)
        ],
    }


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return out.getvalue()


@cache
def picture(number):
    return learning_factory.picture(number, SIZE)


def pictures(count):
    return {f"images/p{number}.png": picture(number) for number in range(count)}


def brought(dataset, by, files, **terms):
    """Bring an archive, and have it looked at."""
    job = importing.bring(dataset, archive(files), by=by, file_name="street.zip", **terms)
    return importing.run(job.pk)


def imported(dataset, by, files, mapping=None, **terms):
    job = brought(dataset, by, files, **terms)
    assert job.state == ImportState.CHECKED, job.error_message
    importing.confirm(job, by=by, mapping=mapping)
    done = importing.run(job.pk)
    assert done.state == ImportState.DONE, done.error_message
    return DatasetImport.objects.select_related("report", "dataset").get(pk=job.pk)


def counts(dataset):
    row = TrainingDataset.objects.with_counts().get(pk=dataset.pk)
    return row.sample_count, row.labeled_count


def street():
    """Three pictures: one with a car and a tree, one with a box that leaves it, one with nothing; a fourth is not there."""
    boxes = [(0, 0, [4, 4, 20, 10]), (0, 1, [30, 4, 8, 30]), (1, 0, [50, 40, 30, 30]), (3, 0, [1, 1, 5, 5])]
    names = [*pictures(3), "images/absent.png"]
    return {"annotations.json": coco(names, boxes), **pictures(3)}


def test_a_dry_run_tells_what_is_there_and_writes_nothing():
    ada = people.ada()
    dataset = empty(ada)
    job = brought(dataset, ada, street())
    assert (job.state, job.format, job.categories) == (ImportState.CHECKED, "coco", {"Car": 2, "tree": 1})
    assert (job.mapping, job.undecided) == ({"Car": "car"}, ["tree"])
    told = job.counts
    assert (told["records"], told["accepted"], told["rejected"], told["reasons"]) == (4, 3, 1, {"image_missing": 1})
    assert told["notes"]["clipped"] == 1
    assert sorted(one["name"] for one in job.drawn) == sorted(pictures(3))
    assert all(StoredObject.objects.filter(pk=one["object"]).exists() for one in job.drawn)
    assert not LearningSample.objects.exists()
    assert not ImportedRecord.objects.exists()
    with pytest.raises(Invalid, match="tree"):
        importing.confirm(job, by=ada)


def test_as_truth_settles_and_the_file_goes():
    ada = people.ada()
    dataset = empty(ada)
    job = imported(dataset, ada, street(), {"tree": None})
    assert (told_of_imports(ada), told_of_imports(people.bo())) == (["import.completed"], [])
    samples = {sample.source_name: sample for sample in LearningSample.objects.select_related("object", "city", "camera")}
    assert samples.keys() == pictures(3).keys()
    first, second, third = (samples[name] for name in sorted(samples))
    assert (first.truth, first.state) == ({"boxes": [{"label": "car", "bbox": [4, 4, 20, 10]}]}, SampleState.SETTLED)
    assert second.truth["boxes"][0]["bbox"] == [50, 40, 14, 8]
    assert third.truth == {"boxes": []}
    assert (first.city.slug, first.camera.camera_id, first.event_id) == (
        "hub",
        "import",
        f"import:street:{first.object.sha256}",
    )
    assert (first.object.verified_at is None, first.object.thumbnail is None, first.object.archive_at is None) == (
        False,
        False,
        False,
    )
    assert store().stat(first.object.name).size == first.object.size
    label = HitlLabel.objects.get(sample=first)
    assert (label.annotator, label.label_source, label.label_status, label.correction) == (
        ada,
        "correction",
        "changed",
        first.truth,
    )
    assert (counts(dataset), ReviewSlot.objects.count(), ImportedRecord.objects.count()) == ((3, 3), 0, 0)
    assert (job.counts["accepted"], job.counts["rejected"], job.counts["new_images"]) == (3, 1, 3)
    assert job.source_id is None
    with store().open_object(job.report.name) as stream:
        [line] = csv.DictReader(stream.read().decode().splitlines())
    assert (line["file"], line["name"], line["reason"]) == ("annotations.json", "images/absent.png", "image_missing")


def test_again_it_is_known_and_the_mapping_is_remembered():
    ada = people.ada()
    dataset = empty(ada)
    imported(dataset, ada, street(), {"tree": "bus"})
    files = street()
    files["annotations.json"] = coco(list(pictures(1)), [(0, 1, [1, 1, 5, 5])])
    again = imported(dataset, ada, files)
    assert (again.mapping, again.counts["known_images"], again.counts["new_images"]) == ({"tree": "bus"}, 1, 0)
    sample = LearningSample.objects.get(source_name="images/p0.png")
    assert sample.truth == {"boxes": [{"label": "bus", "bbox": [1, 1, 5, 5]}]}
    assert [row.correction for row in HitlLabel.objects.standing().filter(sample=sample)] == [sample.truth]
    assert (counts(dataset), StoredObject.objects.filter(kind="image").count()) == ((3, 3), 3)


def test_labels_alone_are_for_the_images_of_the_dataset():
    ada = people.ada()
    dataset = empty(ada)
    imported(dataset, ada, pictures(3) | {"a.json": coco(list(pictures(3)), [])}, empty="unlabelled")
    assert (counts(dataset), ReviewSlot.objects.filter(state=SlotState.OPEN).count()) == ((3, 0), 3)
    known = LearningSample.objects.get(source_name="images/p1.png")
    names = ["p0.png", f"{known.sample_id}.png", "elsewhere/p2.png", "p2.png", "p9.png"]
    said = coco(names, [(0, 0, [1, 1, 5, 5]), (1, 0, [2, 2, 5, 5]), (2, 0, [3, 3, 5, 5]), (3, 0, [4, 4, 5, 5])])
    LearningSample.objects.filter(source_name="images/p0.png").update(source_name="p0.png")
    LearningSample.objects.filter(source_name="images/p2.png").update(source_name="p2.png")
    job = importing.bring(dataset, json.dumps(said).encode(), by=ada, file_name="labels.json")
    job = importing.run(job.pk)
    assert job.counts["reasons"] == {"duplicate": 1, "image_missing": 1}
    importing.confirm(job, by=ada)
    assert importing.run(job.pk).state == ImportState.DONE
    truths = {sample.source_name: sample.truth["boxes"][0]["bbox"][0] for sample in LearningSample.objects.all()}
    assert truths == {"p0.png": 1, "images/p1.png": 2, "p2.png": 3}
    assert counts(dataset) == (3, 3)
    assert not ReviewSlot.objects.exclude(state=SlotState.VOID).exists()


def test_as_prediction_waits_for_review_and_as_judgement_counts_once():
    ada, rhea = people.ada(), people.rhea()
    dataset = empty(ada, policy={"overlap": 2})
    files = pictures(2) | {"a.json": coco(list(pictures(2)), [(0, 0, [1, 1, 9, 9]), (1, 0, [1, 1, 9, 9])])}
    imported(dataset, ada, files, taken_as="prediction")
    waiting = LearningSample.objects.first()
    assert (waiting.state, waiting.predicted_by["model"], waiting.prediction["boxes"][0]["label"]) == (
        "pending",
        "import",
        "car",
    )
    imported(dataset, ada, files, taken_as="judgement")
    assert set(LearningSample.objects.values_list("state", flat=True)) == {"pending"}
    [label, _] = HitlLabel.objects.order_by("id")
    assert (label.label_source, label.decision, label.annotator) == ("review", "correct", ada)
    assert review.lease_next(dataset.module, by=ada) is None
    lease = review.lease_next(dataset.module, by=rhea)
    review.decide(lease.slot, by=rhea, lease_token=lease.token, client_uuid=label.sample_id and "7" * 32, decision="correct")
    assert sorted(LearningSample.objects.values_list("state", flat=True)) == ["pending", "settled"]
    again = imported(dataset, ada, files, taken_as="judgement")
    assert (again.counts["accepted"], again.counts["reasons"]) == (0, {"judged_already": 2})


def left_behind():
    """What an import that came to nothing must not leave."""
    kinds = StoredObject.objects.filter(kind__in=["image", "thumbnail"])
    return LearningSample.objects.count(), ImportedRecord.objects.count(), kinds.count(), TrainingSample.objects.count()


class Killed(BaseException):
    """As if the process had been ended."""


def killed_at(monkeypatch, place, name, after):
    """End the worker at the `after`-th call of a function."""
    real, left = getattr(place, name), [after]

    def die(*arguments, **named):
        left[0] -= 1
        if not left[0]:
            raise Killed
        return real(*arguments, **named)

    monkeypatch.setattr(place, name, die)


@pytest.mark.parametrize(
    ("place", "name", "after"),
    [
        (importing_taking.image_import, "begin", 2),
        (importing_taking.image_import, "put", 2),
        (importing_taking.image_import, "finish", 2),
        (importing_taking, "store_report", 1),
        (importing_publishing, "begin", 1),
        (importing_publishing, "_place", 2),
        (importing_publishing, "_finish", 1),
    ],
)
def test_whoever_is_killed_is_followed_and_the_end_is_the_same(monkeypatch, place, name, after):
    ada = people.ada()
    dataset = empty(ada)
    monkeypatch.setattr(importing_taking, "MOST_PICTURES", 2)
    monkeypatch.setattr(importing_publishing, "CHUNK_OF_NEW", 2)
    job = brought(dataset, ada, street())
    importing.confirm(job, by=ada, mapping={"tree": None})
    with monkeypatch.context() as patched:
        killed_at(patched, place, name, after)
        with pytest.raises(Killed):
            importing.run(job.pk)
    assert importing.run(job.pk) is None, "the dead worker is believed alive for a while"
    DatasetImport.objects.update(beat_at=None)
    assert importing.run(job.pk).state == ImportState.DONE
    assert counts(dataset) == (3, 3)
    assert (HitlLabel.objects.count(), StoredObject.objects.filter(kind="image").count()) == (3, 3)
    assert left_behind() == (3, 0, 6, 3)
    assert not LearningSample.objects.filter(object__verified_at=None).exists()
    assert all(not _is_there(name) for name in DiscardedObject.objects.values_list("name", flat=True))


@pytest.mark.parametrize("place", ["finish", "begin"])
def test_cancelled_in_the_middle_nothing_stays(monkeypatch, place):
    ada = people.ada()
    dataset = empty(ada)
    monkeypatch.setattr(importing_taking, "MOST_PICTURES", 2)
    job = brought(dataset, ada, street())
    importing.confirm(job, by=ada, mapping={"tree": None})
    real = getattr(importing_taking.image_import, place)

    def cancelled(*arguments, **named):
        if DatasetImport.objects.get(pk=job.pk).state == ImportState.IMPORTING and LearningSample.objects.exists():
            DatasetImport.objects.filter(pk=job.pk).update(state="cancelled", token="", beat_at=None, must_clear=True)
        return real(*arguments, **named)

    monkeypatch.setattr(importing_taking.image_import, place, cancelled)
    importing.run(job.pk)
    importing.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.must_clear, left_behind()) == (ImportState.CANCELLED, False, (0, 0, 0, 0))
    assert all(not _is_there(name) for name in DiscardedObject.objects.values_list("name", flat=True))


def _is_there(name):
    try:
        store().stat(name)
    except Exception:  # noqa: BLE001
        return False
    return True


def test_what_cannot_be_read_fails_with_a_sentence_and_leaves_nothing():
    ada = people.ada()
    dataset = empty(ada)
    job = importing.run(importing.bring(dataset, b"no annotations", by=ada, file_name="x.bin").pk)
    assert (job.state, job.source_id) == (ImportState.FAILED, job.source_id)
    assert "format" in job.error_message
    assert told_of_imports(ada) == ["import.failed"]
    with pytest.raises(Conflict):
        importing.confirm(job, by=ada)
    for options in ({"format": "fax"}, {"taken_as": "gospel"}, {"empty": "maybe"}, {"mapping": {"Car": "lorry"}}):
        with pytest.raises(Invalid):
            importing.bring(dataset, b"x", by=ada, file_name="x", **options)
    for person in (people.rhea(), people.olga(), people.cy()):
        with pytest.raises(Refused):
            importing.bring(dataset, b"x", by=person, file_name="x")


def test_what_a_picture_says_of_who_and_where_is_taken_out_of_it():
    ada, out = people.ada(), io.BytesIO()
    image = Image.new("RGB", SIZE, "red")
    tags = image.getexif()
    tags[0x013B] = "Rita"
    tags.get_ifd(0x8825)[1] = "N"
    image.save(out, "JPEG", exif=tags)
    imported(empty(ada), ada, {"p0.jpg": out.getvalue(), "annotations.json": coco(["p0.jpg"], [])})
    kept = LearningSample.objects.get().object
    assert kept is not None
    with reading(kept.name) as stream:
        content = stream.read()
    assert b"Rita" not in content
    assert not Image.open(io.BytesIO(content)).getexif()
