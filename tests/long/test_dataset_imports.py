"""Every real set of the named formats through the real import, into a dataset: a table of records in, taken, refused and why.

The sets are those of tests/long/test_formats.py, in ../shared/data or the folder CC_DATA. Records whose photo a set does not have
are refused as image_missing; then such a set is brought once more, with patterns of the right size in their place. The table is
docs/imports-of-real-sets.md, which is written anew with WRITE=1 (SETS=words takes a part of the sets, and no page).

Of the set of the same boxes plain images of the right sizes are made; it comes in from every format as the same boxes. And what
is exported, imported and exported again is the same, byte for byte.
"""

import hashlib
import io
import json
import os
import sys
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from core.storage import reading
from learning.actions import module as modules
from learning.actions import object as stored_object
from learning.models import LearningSample
from tests import people
from tests.factories import learning as learning_factory
from tests.long.test_formats import DATA, SETS, corners, members, needs, read_boxes
from tests.training.formats.memory import SCHEMA, Files
from training.actions import dataset as dataset_verbs
from training.actions import exporting, importing
from training.formats import FORMATS, Bad, FolderSource, Notes, Record
from training.formats.base import is_image
from training.models import ImportState

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
SAME = "tool-exports-sameboxes"
LABELS = 200
PAGE = settings.BASE_DIR / "docs" / "imports-of-real-sets.md"
HEAD = """\
# Imports of real sets

Label sets that people have published, each brought as a ZIP of its files into a dataset of its own, by the import that everybody uses.
This page is written by `WRITE=1 CC_DATA=folder python -m pytest -m long tests/long/test_dataset_imports.py`, and held against what
comes out whenever that runs; `tests/long/test_drawn_imports.py` draws what came in.

A record is what a set says of one picture. Many sets are published without their photos (`image_missing`): these are brought once more
with a pattern of the right size for each picture, to see what becomes of their labels. `duplicate`: another record was about the same
picture (sets that repeat it per task or split). What a picture says of who took it and where is taken out of it.
Lines with *(box)* count boxes that were left out of a record that was taken.

| format | set | records in | taken | refused | new pictures | why |
|---|---|---:|---:|---:|---:|---|
"""


@pytest.fixture(autouse=True)
def _own_var(tmp_path, settings):
    settings.VAR = tmp_path / "var"


def zipped(files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FolderSource(folder).names()}


@cache
def plain(name: str, size: tuple[int, int]) -> bytes:
    """An image of one colour, of each name another."""
    out = io.BytesIO()
    Image.new("RGB", size, tuple(hashlib.sha256(name.encode()).digest()[:3])).save(out, "PNG")
    return out.getvalue()


def labels_in(slug: str, files: dict[str, bytes]) -> list[str]:
    """The categories that a source names, as a module's labels."""
    found = Counter()
    for record in FORMATS[slug].read(Files(files), Notes()):
        value = (record.value if isinstance(record, Record) else None) or {}
        found.update([value["label"]] if value.get("label") else [])
        found.update(box["label"] for box in value.get("boxes") or ())
    return [name for name, _ in found.most_common(LABELS)] or ["thing"]


def brought(ada, slug: str, name: str, files: dict[str, bytes], **options):
    """Import files into a new dataset of a new module that knows their categories; answers the ended import."""
    of = modules.add(name, by=ada, name=name, task="detection", labels=labels_in(slug, files))
    dataset = dataset_verbs.add(by=ada, name=name, module=of)
    return imported(ada, dataset, slug, files, **options)


def imported(ada, dataset, slug, files, **options):
    kept = stored_object.store_bytes(
        zipped(files), kind="export", media_type="application/zip", metadata={"uploaded_at": "now"}
    )
    job = importing.begin(dataset, kept, by=ada, file_name="set.zip", format=slug, **options)
    job = importing.run(job.pk)
    assert job.state == ImportState.CHECKED, job.error_message
    importing.confirm(job, by=ada, mapping=dict.fromkeys(job.undecided))
    job = importing.run(job.pk)
    assert job.state == ImportState.DONE, job.error_message
    return job


def pattern(name: str, size: tuple[int, int]) -> bytes:
    """A picture of 64 fields, for each name others: it takes a moment to make, and looks like no other."""
    out = io.BytesIO()
    fields = hashlib.shake_128(name.encode()).digest(64)
    Image.frombytes("L", (8, 8), fields).resize(size, Image.Resampling.NEAREST).save(out, "PNG", compress_level=1)
    return out.getvalue()


def patterns_of(slug: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """A pattern for each picture that a source names and does not have."""
    named, there = {}, {name.rpartition("/")[2] for name in files}
    for record in FORMATS[slug].read(Files(files), Notes()):
        if isinstance(record, Record):
            name = record.name if is_image(record.name) else f"{record.name}.png"  # YOLO tells no more than where it would be
            if name.rpartition("/")[2] not in there:
                named.setdefault(name, (record.width or 640, record.height or 480))
    return {name: pattern(name, size) for name, size in named.items()}


def counted(ada, number: str, slug: str, files: dict[str, bytes]) -> dict[str, Any]:
    """Bring a set, and answer what became of it; each record is accounted for."""
    told = brought(ada, slug, f"set-{number}", files).counts
    assert told["records"] == told["accepted"] + told["rejected"]
    samples = LearningSample.objects.filter(module__slug=f"set-{number}")
    assert (samples.count(), samples.filter(state="received").count()) == (told["new_images"] + told["known_images"], 0)
    return told


def spelled(told: dict[str, Any]) -> str:
    boxes = {f"{name} (box)": count for name, count in told["box_reasons"].items()}
    why = ", ".join(f"{name} {count:,}" for name, count in sorted((told["reasons"] | boxes).items()))
    return f"{told['records']:,} | {told['accepted']:,} | {told['rejected']:,} | {told['new_images']:,} | {why}"


def test_every_set_comes_in_whole_or_is_told_of(capsys):
    needs("boxes-coco-taco")
    ada, rows = people.ada(), []
    wanted = os.environ.get("SETS", "")
    for number, (slug, folder, records, silent, *_) in enumerate(SETS):
        if wanted not in f"{slug} {folder}":
            continue
        files = files_of(DATA / folder)
        told = counted(ada, str(number), slug, files)
        rows.append(f"| `{slug}` | {folder} | {spelled(told)} |")
        read = [bad for bad in FORMATS[slug].read(Files(files), Notes()) if isinstance(bad, Bad) and not bad.box]
        # of a picture that another record is about, a record that says nothing says nothing new
        assert records + len(read) - silent <= told["records"] <= records + len(read)
        if told["reasons"].get("image_missing"):
            told = counted(ada, f"{number}-with-patterns", slug, patterns_of(slug, files) | files)
            rows.append(f"| | … with patterns | {spelled(told)} |")
            assert "image_missing" not in told["reasons"]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *rows, ""]))
    if wanted:
        return
    written = HEAD + "\n".join(rows) + "\n"
    if os.environ.get("WRITE"):
        PAGE.write_text(written)
    assert PAGE.read_text() == written


def test_the_same_boxes_are_in_the_dataset_whatever_the_format():
    folder = needs(SAME) / "gts"
    ada = people.ada()
    meant = read_boxes("voc", FolderSource(folder / "pascalvoc_format"), {})
    images = {name: plain(name, size) for name, (size, _) in meant.items()}
    given = {"voc": "pascalvoc_format", "coco": "coco_format_v1", "yolo": "yolo_format"}
    for slug, form in FORMATS.items():
        if slug == "class_folders":
            continue
        if slug in given:
            files = files_of(folder / given[slug])
        else:
            written = Files()
            form.write(iter(members(meant)), written, SCHEMA, Notes())
            files = written.files
        job = brought(
            ada,
            slug,
            f"same-{slug}".replace("_", "-"),
            {**files, **{f"photos/{name}": image for name, image in images.items()}},
        )
        assert (job.counts["accepted"], job.counts["rejected"]) == (100, 0), (
            slug,
            job.counts["reasons"],
            job.counts["box_reasons"],
        )
        rows = LearningSample.objects.filter(module=job.dataset.module).values_list("source_name", "truth")
        found = {name.rpartition("/")[2]: truth["boxes"] for name, truth in rows}
        assert sum(map(len, found.values())) == 273, slug
        for name, (_, boxes) in meant.items():
            order = sorted(found[name], key=lambda box: (box["label"], [round(number) for number in box["bbox"]]))
            assert [box["label"] for box in order] == [label for label, _ in boxes], (slug, name)
            for box, (_, bbox) in zip(order, boxes, strict=True):
                edges = zip(corners(box["bbox"]), corners(bbox), strict=True)
                assert max(abs(one - two) for one, two in edges) <= 0.5, (slug, name, box, bbox)


def test_what_is_exported_and_imported_again_is_exported_the_same():
    ada = people.ada()
    pictures = {f"road/bild {number} (ä).png": learning_factory.picture(number, (64, 48)) for number in range(6)}
    boxes = [(1, "car", [4, 4, 20.5, 10]), (1, "bus", [30, 4, 8, 30.25]), (2, "car", [1, 1, 9, 9]), (4, "bus", [0, 0, 64, 48])]
    names = ["car", "bus"]
    coco = {
        "images": [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(pictures)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
        "annotations": [
            {"id": n, "image_id": image, "category_id": names.index(label), "bbox": bbox}
            for n, (image, label, bbox) in enumerate(boxes)
        ],
    }
    first = brought(ada, "coco", "first", {"a.json": json.dumps(coco).encode(), **pictures})
    labelled = brought(
        ada, "class_folders", "kinds", {f"{names[n % 2]}/{n}.png": image for n, image in enumerate(pictures.values())}
    )
    for slug in FORMATS:
        origin = (labelled if slug == "class_folders" else first).dataset
        before = exported(ada, origin, slug)
        again = dataset_verbs.add(by=ada, name=f"again-{slug}", module=origin.module)
        job = imported(ada, again, slug, before)
        assert (job.counts["accepted"], job.counts["rejected"]) == (6, 0), (slug, job.counts)
        assert exported(ada, again, slug) == before, slug


def exported(ada, dataset, slug) -> dict[str, bytes]:
    export = exporting.build(exporting.ask(dataset, by=ada, format=slug, with_images=True).pk)
    with reading(export.object.name, export.object.alias) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
