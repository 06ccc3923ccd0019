"""Writing YOLO: a label file per image, lists of the images, and data.yaml."""

import re
from collections.abc import Iterable

from learning import annotation
from learning.annotation import Schema
from training.formats.base import SHORT_SPLITS, ExportMember, Notes, Sink, split_of, stem_of
from training.formats.boxes import corners
from training.formats.naming import Names
from training.formats.spool import Spool
from training.formats.values import Categories, boxes_said, left_out, taken_apart

LABEL_FOLDERS = frozenset({"labels", "labeltxt", "annotations"})
DARKNET = re.compile(r"obj(_(?P<split>[A-Za-z]+))?_data|obj_(?P<other>[A-Za-z]+)_data")
"""The folders of label files: those of Ultralytics and Roboflow, and those of Darknet."""
ENOUGH = 12
"""Digits of a share: a place in any image comes out to the ten-thousandth of a pixel again."""


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Write a label file per image below `labels/`, lists of the images, and data.yaml."""
    categories, names = Categories(schema), Names(notes, _would_be_misread)
    lists = {split: Spool(b"") for split in ("", *SHORT_SPLITS.values())}
    try:
        for member in members:
            said = taken_apart(member)
            if not (member.width and member.height):
                notes["size_missing"] += 1
                continue
            split = SHORT_SPLITS.get(member.split or "", "")
            place = "/".join(part for part in (split, names.of(member)) if part)
            lists[split].add(f"./images/{place}\n".encode())
            if said is not None:
                left_out(said, notes, "label", "text", "attributes")
            if (boxes := boxes_said(said)) is not None:
                sink.write(f"labels/{stem_of(place)}.txt", _lines(boxes, member.width, member.height, categories, notes))
            if member.image is not None:
                sink.image(f"images/{place}", member.image)
        for split, listed in lists.items():
            if listed.count:
                with sink.stream(f"{split or 'images'}.txt") as stream:
                    listed.pour(stream)
        sink.write("data.yaml", _data(categories, [split for split, listed in lists.items() if listed.count]))
    finally:
        for listed in lists.values():
            listed.close()


def _would_be_misread(name: str, member: ExportMember) -> bool:
    folders = [part.lower() for part in name.split("/")[:-1]]
    if any(part in LABEL_FOLDERS or part == "images" or DARKNET.fullmatch(part) for part in folders):
        return True
    return bool(folders and split_of(folders[0]) and not member.split)


def _lines(boxes: list[annotation.Box], width: int, height: int, categories: Categories, notes: Notes) -> bytes:
    lines = []
    for box in boxes:
        if box.text:
            notes["text_dropped"] += 1
        if box.attributes:
            notes["attributes_dropped"] += 1
        left, top, right, bottom = corners(box.bbox)
        shares = ((left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height)
        lines.append(f"{categories[box.label]} " + " ".join(map(share, shares)) + "\n")
    return "".join(lines).encode()


def share(number: float) -> str:
    """Spell a share of a side, without zeros at its end."""
    return f"{number:.{ENOUGH}f}".rstrip("0").rstrip(".")


def _data(categories: Categories, splits: list[str]) -> bytes:
    lines = ["path: .\n"]
    told = [split for split in ("train", "val", "test") if split in splits or split != "test"]
    lines += [f"{split}: images{'/' + split if split in splits else ''}\n" for split in told]
    lines.append("names:\n")
    lines += [f"  {number}: {_quoted(name)}\n" for number, name in enumerate(categories.names())]
    return "".join(lines).encode()


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
