"""Every real set of the named formats, read: a table of what came in, what was taken and why not, against a plain count.

The sets are the folders boxes-* and tool-exports-* of ../shared/data, or of the folder CC_DATA. Then the same files with bytes
changed by chance: whatever they hold, a reader answers records and what is bad, and nothing else.
"""

import csv
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings

from tests.training.formats.memory import SCHEMA, Files, exported
from tests.training.formats.test_round_trip import members as round_members
from training.formats import FORMATS, Bad, ExportMember, FolderSource, Notes, Record
from training.formats.base import NOTES, REASONS
from training.formats.boxes import fitted

pytestmark = pytest.mark.long
DATA = Path(os.environ.get("CC_DATA", settings.BASE_DIR.parent / "shared" / "data"))
LABEL_STUDIO = "tool-exports-labelstudio/label-studio-sdk"
DATUMARO = "tool-exports-datumaro"
MUTATIONS = int(os.environ.get("FUZZ", "400"))
SETS = [
    # format, folder, records taken, of them without an answer, of them empty, boxes taken, what was bad
    ("coco", "boxes-coco-sahi", 10, 0, 0, 307, {}),
    ("coco", "boxes-coco-taco", 1500, 0, 0, 4784, {}),
    ("coco", "tool-exports-roboflow/car-views-coco", 3762, 0, 0, 3764, {}),
    ("coco", "tool-exports-roboflow/plates-id-coco", 780, 0, 30, 892, {}),
    ("coco", "tool-exports-sameboxes", 100, 0, 0, 273, {}),
    ("coco", f"{DATUMARO}/coco_dataset", 17, 6, 2, 8, {"several_labels": 1}),
    ("coco", f"{DATUMARO}/roboflow_dataset/coco", 3, 0, 0, 3, {}),
    ("coco", f"{LABEL_STUDIO}/test_import_coco", 2, 2, 0, 0, {}),
    ("voc", "boxes-voc-bccd", 250, 0, 0, 3378, {"box_zero_size": 2}),
    ("voc", "boxes-voc-cards", 60, 0, 0, 116, {}),
    ("voc", "boxes-voc-raccoon", 155, 0, 0, 166, {}),
    ("voc", "tool-exports-sameboxes", 100, 0, 0, 273, {}),
    ("voc", f"{DATUMARO}/voc_dataset", 1, 0, 0, 1, {}),
    ("csv", "boxes-voc-bccd", 250, 0, 0, 3378, {"box_zero_size": 2}),
    ("csv", "boxes-voc-cards", 255, 0, 0, 472, {}),
    ("csv", "boxes-voc-raccoon", 310, 0, 0, 332, {}),
    ("csv", f"{DATUMARO}/vott_csv_dataset/dataset", 4, 0, 0, 5, {}),
    ("yolo", "tool-exports-roboflow/plates-us-yolo", 785, 0, 43, 1113, {}),
    ("yolo", "tool-exports-sameboxes/gts/yolo_format", 100, 0, 0, 273, {}),
    ("yolo", f"{LABEL_STUDIO}/test_import_yolo_data", 7, 0, 0, 25, {}),
    ("yolo", "tool-exports-labelstudio/label-studio-converter/test_import_yolo_data", 7, 0, 0, 25, {}),
    ("yolo", f"{DATUMARO}/yolo_dataset/strict", 1, 0, 0, 2, {}),
    ("yolo", f"{DATUMARO}/yolo_dataset/labels", 2, 0, 0, 4, {}),
    ("yolo", f"{DATUMARO}/yolo_dataset/annotations", 1, 0, 0, 2, {}),
    ("yolo", f"{DATUMARO}/roboflow_dataset/yolo", 3, 0, 0, 4, {}),
    ("yolo", f"{DATUMARO}/roboflow_dataset/yolo_obb", 3, 0, 0, 4, {}),
    ("labelstudio", LABEL_STUDIO, 4, 1, 0, 3, {"bad_name": 2}),
    ("cvat", f"{DATUMARO}/cvat_dataset", 1, 0, 0, 1, {"label_missing": 1}),
    ("class_folders", f"{DATUMARO}/explore_dataset", 18, 0, 0, 0, {}),
    ("class_folders", f"{DATUMARO}/imagenet_subsets_dataset", 4, 1, 0, 0, {}),
]
"""The two tasks without an image are about texts; the polygon without a label is so in CVAT's file; two boxes of BCCD have no size."""


def needs(folder: str) -> Path:
    path = DATA / folder
    if not path.exists():
        pytest.skip(f"There is no {folder} in {DATA}.")
    return path


def test_every_set_comes_in_as_a_plain_count_says(capsys):
    needs("boxes-coco-taco")
    lines, wrong = [], []
    for slug, folder, *expected in SETS:
        notes = Notes()
        found = list(FORMATS[slug].read(FolderSource(DATA / folder), notes))
        taken = [record for record in found if isinstance(record, Record)]
        reasons = Counter(bad.reason for bad in found if isinstance(bad, Bad))
        values = [record.value for record in taken]
        boxes = sum(len((value or {}).get("boxes") or ()) for value in values)
        counts = [len(taken), values.count(None), values.count({"boxes": []}), boxes, dict(reasons)]
        told = ", ".join(f"{name} {count}" for name, count in sorted(notes.items()))
        lines.append(f"{slug:13} {folder:68} {len(taken):5} {boxes:5}  {dict(reasons) or ''!s:28} {told}")
        if counts != expected:
            wrong.append((slug, folder, counts))
        if (plain := PLAIN.get(slug)) and (counted := plain(DATA / folder)) is not None:
            bad_boxes = sum(bad.box for bad in found if isinstance(bad, Bad))
            assert counted == (len(found) - bad_boxes, boxes + bad_boxes), folder
    with capsys.disabled():
        sys.stdout.write(f"\n{'format':13} {'set':68} taken boxes  bad\n" + "\n".join(lines) + "\n")
    assert not wrong


def plain_coco(folder: Path) -> tuple[int, int] | None:
    """Count images and boxes; None where a file has what is no plain box."""
    images = boxes = 0
    for path in folder.rglob("*.json"):
        whole = json.loads(path.read_bytes())
        if not isinstance(whole, dict) or "images" not in whole:
            continue
        if any(row.get("iscrowd") or "bbox" not in row for row in whole["annotations"]):
            return None
        images, boxes = images + len(whole["images"]), boxes + len(whole["annotations"])
    return images, boxes


def plain_voc(folder: Path) -> tuple[int, int]:
    roots = [ET.parse(path).getroot() for path in folder.rglob("*.xml")]  # noqa: S314
    return len(roots), sum(len(root.findall("object")) for root in roots)


def plain_csv(folder: Path) -> tuple[int, int]:
    tables = []
    for path in folder.rglob("*.csv"):
        with path.open(newline="") as stream:
            tables.append([row[0] for row in list(csv.reader(stream))[1:]])
    return sum(len(set(rows)) for rows in tables), sum(map(len, tables))


def plain_yolo(folder: Path) -> tuple[int, int]:
    numeric = re.compile(r"(\s*(-?[\d.]+\s+){4}.*\n?)*")
    texts = [path.read_text() for path in folder.rglob("*.txt") if not re.match(r"README|classes|train\.txt", path.name)]
    texts = [text for text in texts if numeric.fullmatch(text)]
    return len(texts), sum(bool(line.strip()) for text in texts for line in text.splitlines())


PLAIN = {"coco": plain_coco, "voc": plain_voc, "csv": plain_csv, "yolo": plain_yolo}


def test_the_same_boxes_come_from_every_format_within_half_a_pixel():
    folder = needs("tool-exports-sameboxes") / "gts"
    meant = read_boxes("voc", FolderSource(folder / "pascalvoc_format"), {})
    sizes = {name: size for name, (size, _) in meant.items()}
    assert sum(len(boxes) for _, boxes in meant.values()) == 273
    given = {"coco": folder / "coco_format_v1", "yolo": folder / "yolo_format"}
    sources = {slug: FolderSource(path) for slug, path in given.items()}
    assert all(FORMATS[slug].detect(source) for slug, source in sources.items())
    for slug, form in FORMATS.items():  # those the set does not have, from our own writers
        if slug not in {*sources, "class_folders"}:
            sources[slug] = written = Files()
            form.write(iter(members(meant)), written, SCHEMA, Notes())
    for slug, source in sources.items():
        said = read_boxes(slug, source, sizes)
        assert said.keys() == meant.keys(), slug
        for name, (_, boxes) in said.items():
            assert [label for label, _ in boxes] == [label for label, _ in meant[name][1]], (slug, name)
            for (_, one), (_, two) in zip(boxes, meant[name][1], strict=True):
                edges = zip(corners(one), corners(two), strict=True)
                assert max(abs(a - b) for a, b in edges) <= 0.5, (slug, name, one, two)


def read_boxes(slug, source, sizes):
    """Answer image → its size and its boxes in one order."""
    found = {}
    for record in FORMATS[slug].read(source, Notes()):
        assert isinstance(record, Record), record
        name = record.name.rpartition("/")[2]
        size = sizes.get(name) or (record.width, record.height)
        value, wrong = fitted(record.value, size, Notes(), relative=record.relative)
        assert not wrong
        found[name] = (
            size,
            sorted((box["label"], [round(number) for number in box["bbox"]], box["bbox"]) for box in value["boxes"]),
        )
    return {name: (size, [(label, bbox) for label, _, bbox in boxes]) for name, (size, boxes) in found.items()}


def corners(bbox):
    return bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]


def members(meant):
    for name, (size, boxes) in meant.items():
        value = {"boxes": [{"label": label, "bbox": bbox} for label, bbox in boxes]}
        yield ExportMember(name=name, sample_id=name, width=size[0], height=size[1], value=value)


REAL = {
    "coco": ["boxes-coco-sahi/coco_utils/combined_coco.json", f"{DATUMARO}/coco_dataset/coco/annotations/stuff_val.json"],
    "voc": ["tool-exports-sameboxes/gts/pascalvoc_format/2007_001027.xml", "boxes-voc-cards/test/IMG_2585.xml"],
    "yolo": [f"{LABEL_STUDIO}/test_import_yolo_data/labels/img_1.txt", f"{DATUMARO}/roboflow_dataset/yolo/data.yaml"],
    "csv": [f"{DATUMARO}/vott_csv_dataset/dataset/train-export.csv", "boxes-voc-cards/test_labels.csv"],
    "labelstudio": [f"{LABEL_STUDIO}/test_export_yolo/data_polygons.json", f"{LABEL_STUDIO}/test_export_doclang/data.json"],
    "cvat": [f"{DATUMARO}/cvat_dataset/for_images/export_task/train.xml"],
}
WORDS = [
    b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 400, b'"', b"\\", b"\\ud800", b"[" * 3000, b"{", b"]", b"}", b",", b":", b";",
    b"\0", b"\xff\xfe", b"\n", b"\r\n", b"<!DOCTYPE a>", b"<!ENTITY x 'y'>", b"<box", b"/>", b"&amp;", b"&x;", b"null", b"true",
    b"'", b"../", b"C:\\", b"x" * 5000, "é".encode(), b"&a", b"*a", b"!!python/object", b"\t", b"=", b" ",
]  # fmt: skip


def changed(content: bytes, chance: random.Random) -> bytes:
    """Change a few places of a file: drop, double, swap or put something in, or end it early."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                del data[at : at + chance.randint(1, 40)]
            case 1:
                data[at:at] = data[at : at + chance.randint(1, 200)]
            case 2:
                data[at : at + chance.randint(0, 6)] = chance.choice(WORDS)
            case 3:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 4:
                numbers = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(data)))
                if numbers:
                    place = chance.choice(numbers)
                    data[place.start() : place.end()] = chance.choice(WORDS)
            case _:
                if chance.random() < 0.2:
                    del data[at:]
    return bytes(data)


@pytest.mark.parametrize("slug", REAL)
def test_whatever_a_file_holds_only_records_and_what_is_bad_come_out(slug):
    for path in REAL[slug]:
        content, chance = needs(path).read_bytes(), random.Random(f"{slug} {path}")
        for turn in range(MUTATIONS):
            files = Files({path: changed(content, chance), f"{path.rpartition('/')[0]}/images/img_1.jpg": b""})
            notes = Notes()
            try:
                FORMATS[slug].detect(files)
                records = [check(thing) for thing in FORMATS[slug].read(files, notes)]
            except Exception as error:  # whatever comes, it is wrong
                raise AssertionError(f"turn {turn} of {path}: {error!r}") from error
            assert set(notes) <= set(NOTES)
            kept = [record for record in records if record is not None]
            FORMATS["jsonl"].write(iter(kept), Files(), SCHEMA, Notes())


@pytest.mark.parametrize("slug", FORMATS)
def test_whatever_becomes_of_our_own_exports_only_records_and_what_is_bad_come_out(slug):
    written, chance = exported(slug, round_members(images=True)).files, random.Random(slug)
    for turn in range(MUTATIONS):
        names = [name for name in written if not written[name].startswith(b"image ")] or list(written)
        name = chance.choice(names)
        files = Files({**written, name: changed(written[name], chance)})
        try:
            records = [check(thing) for thing in FORMATS[slug].read(files, Notes())]
        except Exception as error:  # whatever comes, it is wrong
            raise AssertionError(f"turn {turn} in {name}: {error!r}") from error
        assert records or len(files.files[name]) < 200, f"turn {turn} in {name} says nothing"


LARGE = """
import sys, time
from pathlib import Path
from training.formats import FORMATS, FolderSource, Notes
used = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
source, before, begun = FolderSource(Path(sys.argv[1])), used(), time.process_time()
count = boxes = 0
for record in FORMATS["coco"].read(source, Notes()):
    count, boxes = count + 1, boxes + len(record.value["boxes"])
print(count, boxes, time.process_time() - begun, used() - before)
"""


def test_a_hundred_thousand_images_of_coco_take_little_time_and_room(tmp_path, capsys):
    images = [{"id": n, "file_name": f"batch/{n:06}.jpg", "width": 1920, "height": 1080} for n in range(100_000)]
    drawn = [
        {"id": n, "image_id": n % 100_000, "category_id": 1, "bbox": [n % 1000, 7, 90.5, 40], "area": 3620, "segmentation": []}
        for n in range(200_000)
    ]
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"images": images, "annotations": drawn, "categories": [{"id": 1, "name": "car"}]}))
    done = subprocess.run(
        [sys.executable, "-c", LARGE, path], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True, timeout=300
    )
    count, boxes, seconds, megabytes = map(float, done.stdout.split())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{count / seconds:,.0f} records a second of processor time, {megabytes:.0f} MB over what it began with\n"
        )
    assert (count, boxes) == (100_000, 200_000)
    assert count / seconds >= 20_000
    assert megabytes <= 120


def check(thing) -> ExportMember | None:
    """Hold what a reader said against its promises, and answer a record as a member."""
    if isinstance(thing, Bad):
        assert thing.reason in REASONS
        assert thing.file
        assert thing.line >= 0
        return None
    assert thing.name
    assert not thing.name.startswith("/")
    assert ".." not in thing.name.split("/")
    for value in (thing.value, thing.prediction, *thing.earlier):
        for box in (value or {}).get("boxes") or ():
            x, y, width, height = box["bbox"]
            known = (thing.width, thing.height) if thing.width and thing.height else (2**53, 2**53)
            limit = (1, 1) if thing.relative else known
            assert x >= 0
            assert y >= 0
            assert width > 0
            assert height > 0
            assert x + width <= limit[0]
            assert y + height <= limit[1]
            assert box["label"]
    return ExportMember(name=thing.name, sample_id="s", value=thing.value)
