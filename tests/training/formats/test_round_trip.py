"""Export → import → export is byte-identical for every format, up to what it says it cannot carry."""

import orjson
import pytest

from tests.training.formats.memory import SCHEMA, exported, imported, opener
from training.formats import FORMATS, ExportMember, Notes

THIRD = 1 / 3
VALUES = [
    {"boxes": [{"label": "car", "bbox": [0, 0, 640, 480]}]},
    {"boxes": [{"label": "no", "bbox": [10.5, 20.25, 100.125, 50]}, {"label": "car", "bbox": [THIRD, 2 * THIRD, 639.5, 479]}]},
    {"boxes": []},
    {
        "boxes": [
            {
                "label": "plate: 1/2, “über”",
                "bbox": [639.9, 479.9, 0.1, 0.1],
                "text": "B:Ä 12, “3”",
                "attributes": {"colour": "dark blue", "parked": True, "doors": 4, "note": "=1+1 <b>&amp;"},
            },
            {"label": "car", "bbox": [1e-3, 0.0004, 12, 34.56789], "text": "", "attributes": {"doors": 2.5, "parked": False}},
        ],
    },
    {"label": "car"},
    {"label": "no", "text": "@said so", "attributes": {"weather": "1"}},
    {"text": "MH 12\u2028AB, 1234"},
    None,
    {"label": "car", "boxes": [{"label": "no", "bbox": [1, 2, 3, 4]}]},
]
NAMES = [
    "a.jpg", "cam 1 (north) [2].png", "straße/größe 東京.jpg", "a.png", "A.JPG", "-x.jpeg", "two.dots.rf.abc.jpg", "=b.webp",
    "cam/a.jpg",
]  # fmt: skip
SPLITS = ["train", "validation", "test", "train", "train", "train", "validation", "test", "train"]
CARRIES = {
    "jsonl": {"label", "text", "boxes", "attributes", "box text", "box attributes", "unlabelled"},
    "coco": {"label", "text", "boxes", "attributes", "box text", "box attributes", "unlabelled"},
    "labelstudio": {"label", "text", "boxes", "attributes", "box text", "box attributes", "unlabelled"},
    "cvat": {"label", "text", "boxes", "attributes", "box text", "box attributes"},
    "csv": {"label", "text", "boxes", "attributes", "box text", "box attributes"},
    "voc": {"boxes", "box text", "box attributes"},
    "yolo": {"boxes", "unlabelled"},
    "class_folders": {"label"},
}


def members(*, images: bool, raw: bool = False, splits: bool = True) -> list[ExportMember]:
    return [
        ExportMember(
            name=name,
            sample_id=f"0000-{number}",
            width=640,
            height=480,
            split=split if splits else None,
            value=orjson.dumps(value) if raw else value,
            image=opener(f"image {number}".encode()) if images else None,
            facts={"event_id": f"e-{number}", "group": "g", "weight": 1.0, "city": "city_pune"},
        )
        for number, (name, split, value) in enumerate(zip(NAMES, SPLITS, VALUES, strict=True))
    ]


def sizes(files) -> dict[str, tuple[int, int]]:
    return {name.rpartition("/")[2]: (640, 480) for name in [*NAMES, *(f"0000-{n}.{s}" for n in range(9) for s in SUFFIXES)]}


SUFFIXES = ("jpg", "png", "JPG", "jpeg", "webp")


@pytest.mark.parametrize("splits", [True, False])
@pytest.mark.parametrize("images", [True, False])
@pytest.mark.parametrize("slug", FORMATS)
def test_what_was_exported_and_imported_is_exported_as_the_same_bytes(slug, images, splits):
    form = FORMATS[slug]
    if form.needs_images and not images:
        return
    first = exported(slug, members(images=images, splits=splits))
    assert form.detect(first)
    assert images or form.single is None or first.names() == [form.single]
    again = imported(slug, first, sizes(first))
    assert exported(slug, again).files == first.files
    assert len(again) >= 3


@pytest.mark.parametrize("slug", FORMATS)
def test_a_value_that_comes_as_json_is_written_as_one_that_comes_as_value(slug):
    written = exported(slug, members(images=True, raw=True)).files
    assert written == exported(slug, members(images=True)).files


@pytest.mark.parametrize("slug", FORMATS)
def test_what_a_format_says_it_carries_comes_back(slug):
    carried, told = CARRIES[slug], Notes()
    first = exported(slug, members(images=True), told)
    back = {member.image().read(): member for member in imported(slug, first, sizes(first))}
    for number, (value, split) in enumerate(zip(VALUES, SPLITS, strict=True)):
        expected = reduced(value, carried)
        member = back.get(f"image {number}".encode())
        if member is None:  # left out, and counted
            assert told["unlabelled_dropped"] > 0
            assert expected is None, value
            continue
        assert member.split == split
        assert near(member.value, expected), (value, member.value)


def reduced(value, carried):
    """Answer what of a value is left where only this is carried; None where nothing was said."""
    if value is None:
        return None
    kept = {key: part for key, part in value.items() if key in carried}
    if "boxes" in kept:
        drop = {"text", "attributes"} - {part.removeprefix("box ") for part in carried if part.startswith("box ")}
        kept["boxes"] = [{key: part for key, part in box.items() if key not in drop} for box in kept["boxes"]]
    return kept or None


def near(one, two):
    """Tell whether two values are the same, boxes to the ten-thousandth of a pixel; an empty text of a box is none in CSV."""
    if not one or not two or not two.get("boxes"):
        return one == two
    pairs = list(zip(one["boxes"], two["boxes"], strict=True))
    for said, meant in pairs:
        assert said["bbox"] == pytest.approx(meant["bbox"], abs=1.1e-4)
        rest = [{key: part for key, part in box.items() if key != "bbox" and part != ""} for box in (said, meant)]
        assert rest[0] == rest[1]
    return {key: part for key, part in one.items() if key != "boxes"} == {
        key: part for key, part in two.items() if key != "boxes"
    }


def test_each_format_says_in_a_sentence_what_it_cannot_carry():
    for form in FORMATS.values():
        assert "carr" in form.cannot_carry
        assert form.cannot_carry.endswith(".")
    assert set(FORMATS) == set(CARRIES)
    assert SCHEMA.labels
