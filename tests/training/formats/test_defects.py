"""What real files have wrong: read where it can be, told with file and line where not, and never more lost than the record."""

import json
from pathlib import Path

import orjson
import pytest

from learning.annotation import Rules
from tests.training.formats.memory import SCHEMA, Files, exported, one, read
from training.formats import FORMATS, Bad, ExportMember, FolderSource, Notes, Record, detected
from training.formats.base import NOTES, REASONS, cleaned
from training.formats.boxes import fitted
from training.import_records import Terms, ready

VOC = "<annotation><filename>{name}</filename><path>{path}</path><size><width>100</width><height>80</height></size>{objects}</annotation>"
OBJECT = (
    "<object><name>{label}</name><bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)
CATEGORIES = [{"id": 0, "name": "car"}, {"id": 7, "name": "bus"}]


def coco(images, annotations, **more):
    rows = [{"id": n, "file_name": name, "width": 100, "height": 80} for n, name in enumerate(images)]
    return {"a.json": json.dumps({"images": rows, "annotations": annotations, "categories": CATEGORIES, **more}, indent=1)}


def ann(image_id, bbox, category=0, **more):
    return {"id": 1, "image_id": image_id, "category_id": category, "bbox": bbox, **more}


def boxes(record):
    return [(box["label"], box["bbox"]) for box in record.value["boxes"]]


def test_coco_keeps_category_0_and_annotations_that_share_an_id():
    notes = Notes()
    record = one("coco", coco(["a.jpg"], [ann(0, [1, 2, 3, 4]), ann(0, [5, 6, 7, 8], 7)], licenses=["CC"], extra=[1]), notes)
    assert boxes(record) == [("car", [1, 2, 3, 4]), ("bus", [5, 6, 7, 8])]
    assert notes["duplicate_id"] == 1


def test_boxes_are_cut_at_the_edge_and_left_out_where_nothing_is_left():
    notes = Notes()
    given = [
        ann(0, [-1, -1, 11, 11]),
        ann(0, [90, 70, 20, 20]),
        ann(0, [5, 5, 0, 4]),
        ann(0, [100, 5, 4, 4]),
        ann(1, [9, 9, -3, 3]),
    ]
    found = read("coco", coco(["a.jpg", "b.jpg"], given), notes)
    bad = [(thing.name, thing.reason, thing.box) for thing in found if isinstance(thing, Bad)]
    assert bad == [("a.jpg", "box_zero_size", True), ("a.jpg", "box_outside_image", True), ("b.jpg", "box_zero_size", True)]
    first, second = (thing for thing in found if isinstance(thing, Record))
    assert boxes(first) == [("car", [0, 0, 10, 10]), ("car", [90, 70, 10, 10])]
    assert second.value is None, "an image whose only box is wrong is not an empty one"
    assert notes["clipped"] == 2


def test_a_bare_nan_makes_its_record_bad_and_not_the_file():
    text = coco(["a.jpg", "b.jpg", "c.jpg"], [ann(0, [1, 2, 3, 4]), ann(1, [9, 9, 9, 987654]), ann(2, [1, 1, 1, 1])])["a.json"]
    for word in ("NaN", "Infinity", "-Infinity"):
        first, second, third = read("coco", {"a.json": text.replace("987654", word)})
        assert (second.name, second.reason, second.file) == ("b.jpg", "bad_number", "a.json")
        assert f"Line {text[: text.index('987654')].count(chr(10)) - 7}" in second.detail
        assert boxes(first) == [("car", [1, 2, 3, 4])]
        assert boxes(third) == [("car", [1, 1, 1, 1])]
    lines = '{"name": "a.jpg", "truth": {"boxes": []}, "weight": NaN}\n{"name": "b.jpg", "truth": {"label": "x"}}\n'
    bad, good = read("jsonl", {"f.jsonl": lines})
    assert (bad.line, bad.reason, good.value) == (1, "bad_number", {"label": "x"})


def test_masks_and_polygons_become_boxes_and_crowds_are_dropped():
    notes = Notes()
    mask = {"size": [4, 5], "counts": [5, 2, 2, 2, 9]}  # two columns of two pixels, from the second of each
    packed = {"size": [4, 5], "counts": "5224"}  # the same, compressed: the fourth is told as the difference to the second
    shapes = [
        ann(0, None, segmentation=mask), ann(0, [], segmentation=[[1, 1, 9, 2, 5, 8]]), ann(0, [1, 1, 2, 2], iscrowd=1),
        ann(0, None, segmentation={**packed, "counts": "52209"}),
    ]  # fmt: skip
    record = one("coco", coco(["a.jpg"], shapes), notes)
    assert boxes(record) == [("car", [1, 1, 2, 2]), ("car", [1, 1, 8, 7]), ("car", [1, 1, 2, 2])]
    assert (notes["mask_to_box"], notes["polygon_to_box"], notes["crowd_dropped"]) == (2, 1, 1)


def test_coco_tells_of_annotations_without_image_and_of_unknown_categories():
    unknown, orphan = read("coco", coco(["a.jpg"], [ann(0, [1, 2, 3, 4], 5), ann(9, [1, 2, 3, 4])]))
    assert (unknown.name, unknown.reason) == ("a.jpg", "category_unknown")
    assert (orphan.reason, orphan.line > 1) == ("image_unknown", True)


def test_coco_takes_ids_that_are_numbers_here_and_texts_there():
    (record,) = read("coco", coco(["a.jpg"], [ann("0", [1, 2, 3, 4], "7"), ann(0.0, [5, 6, 7, 8], 7)]))
    assert boxes(record) == [("bus", [1, 2, 3, 4]), ("bus", [5, 6, 7, 8])]


def test_yolo_reads_empty_files_unnamed_classes_polygons_and_other_machines_lists():
    notes = Notes()
    files = {
        "data.yaml": "train: /home/someone/train\nval: C:\\x\nnames: ['car']\n",
        "images/train/b (1).png": b"", "images/train/nobody.png": b"",
        "labels/train/a.txt": b"", "labels/train/b (1).txt": "\ufeff0 0.5 0.5 1 1\r\n3 0.5 0.5 0.2 0.4\r\n",
        "labels/train/c.txt": "0 0.1 0.2 0.3 0.2 0.3 0.4\n0 .1 .1 .2 .1 .2 .3 .1 .3\n", "labels/train/d.txt": "0 0.5 0.5 1\n",
        "labels/train/e.txt": "0 320 240 10 10\n", "labels/train/f.txt": "0 nan 0.5 0.1 0.1\n", "labels/train/g.txt": b"\xff\xfe\x00",
    }  # fmt: skip
    found = {thing.name: thing for thing in read("yolo", files, notes)}
    assert found["a"].value == {"boxes": []}
    assert "a.jpg" in found["a"].also
    assert [box["label"] for box in found["b (1).png"].value["boxes"]] == ["car", "class_3"]
    assert found["b (1).png"].path == "images/train/b (1).png"
    assert found["nobody.png"].value is None
    assert (notes["polygon_to_box"], notes["rotated_to_box"]) == (1, 1)
    assert fitted(found["c"].value, (100, 200), notes, relative=True)[0]["boxes"][0]["bbox"] == [10, 40, 20, 40]
    reasons = {name: found[name].reason for name in "defg"}
    assert reasons == {"d": "bad_shape", "e": "no_share", "f": "bad_number", "g": "not_readable"}


def test_voc_names_the_image_by_its_own_place_and_takes_decimals_and_no_entities():
    notes = Notes()
    twice = OBJECT.format("1.5", "2,5", "10", "12", label="car") * 2
    windows = VOC.format(name="other.jpg", path="C:\\Users\\me\\other.jpg", objects=twice)
    bomb = '<!DOCTYPE a [<!ENTITY x "y">]><annotation><filename>&x;</filename></annotation>'
    files = {"x/real one.xml": windows, "x/real one.JPG": b"", "bomb.xml": bomb, "cut.xml": windows[:-40]}
    found = read("voc", files, notes)
    record = next(thing for thing in found if isinstance(thing, Record))
    assert (record.name, record.path, record.also) == ("real one.JPG", "x/real one.JPG", ("other.jpg",))
    assert boxes(record) == [("car", [1.5, 2.5, 8.5, 9.5])] * 2
    assert {thing.file: thing.reason for thing in found if isinstance(thing, Bad)} == {
        "bomb.xml": "not_readable",
        "cut.xml": "not_readable",
    }
    assert notes["absolute_path"] >= 1


def test_csv_understands_semicolons_commas_marks_and_rows_apart():
    text = "\ufefffilename;class;xmin;ymin;xmax;ymax\r\na b.jpg;car;1,5;2;3,5;4\r\nc.jpg;bus;1;1;2;x\r\n\r\na b.jpg;bus;0;0;1;1\r\n"
    good, bad = sorted(read("csv", {"t.csv": text}), key=lambda thing: thing.name)
    assert boxes(good) == [("car", [1.5, 2, 2, 2]), ("bus", [0, 0, 1, 1])]
    assert (bad.name, bad.reason, bad.line) == ("c.jpg", "bad_number", 3)
    assert one("csv", {"t.csv": "file,text\n1.png,MH 12\n"}).value == {"text": "MH 12"}
    assert one("csv", {"t.csv": "1.png,car\n"}).value == {"label": "car"}
    assert one("csv", {"t.csv": "image,x,y,width,height,label\n1.png,1,2,3,4,car\n"}).value["boxes"][0]["bbox"] == [1, 2, 3, 4]
    assert one("csv", {"t.csv": "filename,text\n1.png,'=1+1\n"}).value == {"text": "=1+1"}


def task(*results, **more):
    answer = {"id": 1, "result": list(results), "updated_at": "2026-01-01", "completed_by": {"email": "a@b.org"}, **more}
    return {"data": {"image": "/data/upload/1/0a1b2c3d-my%20car.jpg?x=1"}, "annotations": [answer]}


def region(kind="rectanglelabels", key="k", **value):
    value.setdefault(kind, ["car"])
    return {"id": key, "type": kind, "value": value, "original_width": 200, "original_height": 100}


def ls(*tasks, notes=None):
    return read("labelstudio", {"e.json": json.dumps(tasks)}, notes)


def test_label_studio_counts_in_percent_and_turns_about_the_corner():
    notes = Notes()
    turned = region(x=50, y=50, width=10, height=10, rotation=90)
    text = {"id": "k2", "type": "textarea", "value": {"text": ["AB 1"], "x": 1}}
    (record,) = ls(task(region(x=10, y=20, width=50, height=30, rotation=0, key="k2"), turned, text), notes=notes)
    assert record.value["boxes"] == [
        {"label": "car", "bbox": [20, 20, 100, 30], "text": "AB 1"},
        {"label": "car", "bbox": [90, 50, 10, 20]},
    ]
    assert (notes["rotated_to_box"], notes["email_dropped"]) == (1, 1)
    assert "my car.jpg" in record.also
    assert "a@b.org" not in str(record)


def test_label_studio_takes_the_newest_answer_and_keeps_older_ones_but_not_skipped_ones():
    notes = Notes()
    choice = lambda word: {"type": "choices", "from_name": "q", "value": {"choices": [word]}}  # noqa: E731
    given = task(choice("old"))
    given["annotations"] += [
        {"id": 3, "result": [choice("new")], "updated_at": "2026-03-01"},
        {"id": 4, "result": [choice("skipped")], "updated_at": "2026-04-01", "was_cancelled": True},
        {"id": 2, "result": [choice("older")], "updated_at": "2026-02-01"},
    ]
    given["predictions"] = [{"result": [choice("guess")], "score": 0.5}]
    (record,) = ls(given, notes=notes)
    assert record.value == {"label": "new"}
    assert record.earlier == ({"label": "old"}, {"label": "older"})
    assert (record.prediction, record.confidence) == ({"label": "guess"}, 0.5)
    assert notes["cancelled_dropped"] == 1


def test_label_studio_reads_polygons_brushes_points_and_the_short_form():
    notes = Notes()
    shapes = [
        region("polygonlabels", points=[[10, 10], [30, 20], [20, 60]]),
        region("keypointlabels", x=1, y=1, width=1),
        region("brushlabels", format="rle", rle=brush(200, 100, (5, 6, 30, 20))),
    ]
    (record,) = ls(task(*shapes), notes=notes)
    assert [box["bbox"] for box in record.value["boxes"]] == [[20, 10, 40, 50], [5, 6, 30, 20]]
    assert (notes["polygon_to_box"], notes["mask_to_box"], notes["point_dropped"]) == (1, 1, 1)
    short = {"image": "x/a.jpg", "id": 1, "label": [region(x=10, y=10, width=10, height=10)["value"]], "lead_time": 1.5}
    (record,) = ls(short)
    assert record.relative
    assert fitted(record.value, (200, 100), notes, relative=True)[0]["boxes"][0]["bbox"] == [20, 10, 20, 10]


def brush(across, down, box):
    """Pack a painted rectangle as Label Studio does: each line in runs of four channels."""
    x, y, width, height = box
    bits = f"{across * down * 4:032b}" + f"{7:05b}" + "".join(f"{size:04b}" for size in (3, 7, 9, 15))
    runs = []
    for line in range(down):
        painted = y <= line < y + height
        runs += [(0, 4 * x), (255, 4 * width), (0, 4 * (across - x - width))] if painted else [(0, 4 * across)]
    for value, length in runs:
        bits += f"1{3:02b}{length - 1:016b}{value:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def test_cvat_turns_shapes_into_boxes_and_leaves_out_what_is_none():
    notes = Notes()
    text = """<annotations><image id="0" name="a [1].jpg" width="100" height="80" subset="Validation">
      <box label="car" xtl="10.00" ytl="10.00" xbr="30.00" ybr="20.00" rotation="90.00"/>
      <polygon label="car" points="1,1;9,2;5,8"/><points label="car" points="1,1"/><polyline label="car" points="1,1;2,2"/>
      <mask label="bus" rle="1" left="5" top="6" width="7" height="8"/><box label="car" outside="1" xtl="0" ytl="0" xbr="1" ybr="1"/>
      <ellipse label="bus" cx="50" cy="40" rx="10" ry="5"/></image>
      <image id="1" name="b.jpg" width="9" height="9"><points label="car" points="1,1"/></image>
      <image id="2" name="c.jpg" width="9" height="9"/><image id="3" name="d.jpg" width="9" height="9"><box label="car" xtl="x"/></image>
    </annotations>"""
    first, second, third, fourth = read("cvat", {"a.xml": text}, notes)
    assert [box["bbox"] for box in first.value["boxes"]] == [[15, 5, 10, 20], [1, 1, 8, 7], [5, 6, 7, 8], [40, 35, 20, 10]]
    assert (first.split, second.value, third.value) == ("validation", None, {"boxes": []})
    assert (fourth.reason, fourth.line) == ("bad_number", 7)
    for note in ("rotated_to_box", "polygon_to_box", "mask_to_box", "ellipse_to_box", "line_dropped", "outside_dropped"):
        assert notes[note] == 1, note
    assert notes["point_dropped"] == 2


def test_class_folders_know_a_split_from_a_class():
    assert {thing.name: (thing.split, thing.value["label"]) for thing in read("class_folders", {"train/cat/a.jpg": b"", "val/dog/b.jpg": b""})} == {
        "a.jpg": ("train", "cat"), "b.jpg": ("validation", "dog")
    }  # fmt: skip
    assert {thing.value["label"] for thing in read("class_folders", {"d/train/a.jpg": b"", "d/bus/b.jpg": b""})} == {
        "train",
        "bus",
    }


@pytest.mark.parametrize("raw", ["/home/me/a.jpg", "C:\\me\\a.jpg", "\\\\host\\a.jpg", "../../a.jpg"])
def test_paths_of_other_machines_are_names_and_never_opened(raw, tmp_path):
    (tmp_path / "f.jsonl").write_bytes(orjson.dumps({"image": raw, "truth": {"label": "x"}}))
    (tmp_path / "link.jsonl").symlink_to("/etc/hostname")
    notes = Notes()
    (record,) = FORMATS["jsonl"].read(FolderSource(tmp_path), notes)
    assert record.name in {"home/me/a.jpg", "me/a.jpg", "host/a.jpg", "a.jpg"}
    assert record.path is None
    assert notes["absolute_path"] == 1
    assert cleaned("a\0.jpg", notes) == cleaned("", notes) == cleaned(None, notes) == cleaned("x" * 5000, notes) == ""


def test_what_is_too_much_is_bad_and_not_read_on():
    many = coco(["a.jpg", "b.jpg"], [ann(0, [1, 1, 2, 2])] * 1001)
    bad, good = read("coco", many)
    assert (bad.reason, good.value) == ("too_many_boxes", {"boxes": []})
    deep = '{"name": "a.jpg", "truth": ' + "[" * 100_000 + "]" * 100_000 + "}"
    assert read("jsonl", {"f.jsonl": '{"name": "b", "truth": {}}\n' + deep})[1].reason == "too_deep"
    assert read("cvat", {"a.xml": "<annotations>" + "<image>" * 100})[0].reason == "too_deep"
    assert read("jsonl", {"f.jsonl": '{"name": "b", "truth": {"text": "' + "x" * 501 + '"}}'})[0].reason == "text_too_long"


@pytest.mark.parametrize("slug", ["voc", "labelstudio", "cvat", "csv", "coco", "jsonl"])
def test_attributes_that_a_format_spells_as_text_come_in_with_the_types_of_the_schema(slug):
    said = {"colour": "red", "parked": True, "doors": 4, "note": "12"}
    value = {"boxes": [{"label": "car", "bbox": [1, 2, 30, 40], "attributes": said}]}
    written = exported(slug, [ExportMember(name="a.jpg", sample_id="s", width=100, height=80, value=value)])
    (record,) = FORMATS[slug].read(written, Notes())
    terms = Terms({"car": "car"}, Rules.of(SCHEMA), "truth", "unlabelled")
    assert ready(record, (100, 80), terms).value == value


def test_a_file_that_is_not_of_the_named_format_says_so():
    for slug, name, content in (
        ("coco", "a.json", "{}"), ("coco", "a.json", "["), ("labelstudio", "a.json", "{}"), ("cvat", "a.xml", "<a/>"),
        ("cvat", "a.xml", "hello"), ("csv", "a.csv", "a,b\n1,2\n"), ("jsonl", "a.jsonl", "hello"),
    ):  # fmt: skip
        (bad,) = read(slug, {name: content})
        assert bad.reason in {"bad_shape", "not_readable"}, (slug, content)
        assert bad.file == name


def test_a_source_is_recognised_and_all_words_for_people_are_there():
    assert [form.slug for form in detected(Files(coco(["a.jpg"], [])))] == ["coco"]
    assert [form.slug for form in detected(Files({"a/1.xml": VOC.format(name="a", path="", objects="")}))] == ["voc"]
    assert detected(Files({"a.txt": "hello", "b.json": "{}", "c.csv": "a,b\n1,2\n"})) == []
    texts = "".join(path.read_text() for path in Path(FORMATS["coco"].read.__code__.co_filename).parent.glob("*.py"))
    for code in (*NOTES, *REASONS):
        assert texts.count(f'"{code}"') > 1 or code.endswith("_dropped") or code.startswith("image_"), code
