"""Putting an annotation value together from what a file says, within bounds, and taking one apart to write it."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from core.typed import LARGEST, unstorable
from learning import annotation
from learning.annotation import MAX_BOXES, MAX_TEXT, Schema
from training.formats.base import (
    MAX_ATTRIBUTES,
    MAX_ID,
    MAX_LABEL,
    Bad,
    ExportMember,
    Notes,
    Record,
    Value,
    Wrong,
    bad,
)
from training.formats.boxes import fitted

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}\.[^@\s]{2,63}")
ENDLESS = (2**53, 2**53)
"""The size of an image of which nobody knows it."""
WHOLE = (1, 1)


class Answer:
    """What a file says of one image, while it is being read; raises Wrong for what no value may hold."""

    __slots__ = ("attributes", "boxes", "dropped", "label", "text")

    def __init__(self) -> None:
        self.label: str | None = None
        self.text: str | None = None
        self.attributes: dict[str, Any] | None = None
        self.boxes: list[dict[str, Any]] = []
        self.dropped = False
        """Something was there that could not be carried: without boxes the image is not empty, nobody knows what it is."""

    def say_label(self, label: object) -> None:
        """Take what the image as a whole is; raises Wrong where it was said to be something else."""
        name = label_of(label)
        if self.label is not None and self.label != name:
            raise Wrong("several_labels", f"{self.label[:60]} and {name[:60]}")
        self.label = name

    def say_text(self, text: object) -> None:
        """Take the text of the image as a whole."""
        self.text = text_of(text)

    def add_box(self, label: object, bbox: list[float], text: object = None, attributes: dict[str, Any] | None = None) -> None:
        """Take a box."""
        if len(self.boxes) >= MAX_BOXES:
            raise Wrong("too_many_boxes")
        box: dict[str, Any] = {"label": label_of(label), "bbox": bbox}
        if text is not None:
            box["text"] = text_of(text)
        if attributes:
            box["attributes"] = attributes
        self.boxes.append(box)

    def value(self) -> Value | None:
        """Answer the value; None where nothing was said that could be carried."""
        said: Value = {}
        if self.label is not None:
            said["label"] = self.label
        if self.text is not None:
            said["text"] = self.text
        if self.boxes or not (said or self.attributes or self.dropped):
            said["boxes"] = self.boxes
        if self.attributes:
            said["attributes"] = self.attributes
        return said or None


def finished(record: Record, notes: Notes) -> Iterator[Record | Bad]:
    """Yield a record with its boxes cut to the image, after those of them that were left out."""
    if record.relative:
        size: tuple[int, int] = WHOLE
    elif record.width and record.height:
        size = (record.width, record.height)
    else:
        size = ENDLESS
    record.value, wrongs = fitted(record.value, size, notes)
    for wrong in wrongs:
        yield bad(record, wrong.reason, wrong.detail, box=True)
    if record.prediction is not None:
        record.prediction, _ = fitted(record.prediction, size, notes)
    if record.earlier:
        cut = (fitted(value, size, notes)[0] for value in record.earlier)
        record.earlier = tuple(value for value in cut if value is not None)
    yield record


def label_of(label: object) -> str:
    """Answer the name of a category; raises Wrong."""
    if not isinstance(label, str) or not label.strip():
        raise Wrong("label_missing")
    if len(label) > MAX_LABEL or unstorable(label) is not None:
        raise Wrong("bad_shape", f"{label[:60]!r} is no name of a category.")
    return label.strip()


def text_of(text: object) -> str:
    """Answer a text; raises Wrong."""
    if not isinstance(text, str) or unstorable(text) is not None:
        raise Wrong("bad_shape", "A text is no text.")
    if len(text) > MAX_TEXT:
        raise Wrong("text_too_long", f"It has {len(text):,}.")
    return text


def id_of(value: object) -> str | None:
    """Answer the id of a sample, None where that is none."""
    if isinstance(value, str) and 0 < len(value) <= MAX_ID and unstorable(value) is None:
        return value
    return None


def number_of(value: object) -> float:
    """Answer a finite number of JSON; raises Wrong."""
    if (type(value) is int or type(value) is float) and -LARGEST <= value <= LARGEST:
        return value
    raise Wrong("bad_number", f"{str(value)[:40]!r} is no number.")


def number_in(text: object) -> float:
    """Answer the number that a text spells, with a point or a comma for the decimals; raises Wrong."""
    word = str(text).strip()
    if word.count(",") == 1 and "." not in word:
        word = word.replace(",", ".")
    try:
        value = float(word) if len(word) <= 40 and "_" not in word else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise Wrong("bad_number", f"{word[:40]!r} is no number.")
    return int(value) if value.is_integer() else value


def side_of(value: object) -> int | None:
    """Answer the width or height of an image that a file states, None where it says nothing useful."""
    try:
        number = number_in(value) if isinstance(value, str) else number_of(value)
    except Wrong:
        return None
    return int(number) if 0 < number <= 2**31 and float(number).is_integer() else None


def attributes_of(raw: object, notes: Notes) -> dict[str, Any]:
    """Answer the attributes of a mapping that a value may hold, and count the others; raises Wrong where there are too many."""
    if not isinstance(raw, Mapping):
        return {}
    if len(raw) > MAX_ATTRIBUTES:
        raise Wrong("too_many_attributes", f"There are {len(raw):,}.")
    kept = {}
    for name, value in raw.items():
        if isinstance(value, str) and EMAIL.fullmatch(value.strip()):
            notes["email_dropped"] += 1
        elif _may_be_kept(name, value):
            kept[name] = value
        elif value is not None:
            notes["attribute_dropped"] += 1
    return kept


def _may_be_kept(name: object, value: object) -> bool:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_LABEL or unstorable(name) is not None:
        return False
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and unstorable(value) is None
    return isinstance(value, bool) or annotation.is_number(value)


def with_types(value: Value | None, attributes: Sequence[Mapping[str, Any]]) -> Value | None:
    """Answer a value whose attributes have the types of a schema, where its file could only spell them as text."""
    if not value or not attributes:
        return value
    kinds = {row["name"]: row["type"] for row in attributes}
    typed = {**value, "attributes": _typed(value["attributes"], kinds)} if value.get("attributes") else value
    boxes = value.get("boxes")
    if boxes and any("attributes" in box for box in boxes):
        said = [{**box, "attributes": _typed(box["attributes"], kinds)} if "attributes" in box else box for box in boxes]
        typed = {**typed, "boxes": said}
    return typed


def _typed(said: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    return {name: typed_attribute(value, kinds.get(name, "")) for name, value in said.items()}


def typed_attribute(value: Any, kind: str) -> Any:
    """Answer the value of an attribute of a kind (select, checkbox, number, text); what does not fit stays as it is."""
    if isinstance(value, str) and kind == "checkbox":
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    if isinstance(value, str) and kind == "number":
        try:
            return number_in(value)
        except Wrong:
            return value
    if not isinstance(value, str) and kind in {"select", "text"}:
        return spelled_attribute(value)
    return value


def spelled_attribute(value: Any) -> str:
    """Spell the value of an attribute where a format knows texts only."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def taken_apart(member: ExportMember) -> annotation.Value | None:
    """Answer the value of a member, typed; None where nothing was said. `{}` and `{"boxes": []}` say that nothing is there."""
    if isinstance(member.value, bytes):
        return msgspec.json.decode(member.value, type=annotation.Value | None)
    return None if member.value is None else msgspec.convert(member.value, annotation.Value)


def boxes_said(said: annotation.Value | None) -> list[annotation.Box] | None:
    """Answer the boxes of a value for a format that knows nothing else; None where nothing was said of boxes."""
    if said is None or (said.boxes is None and (said.label or said.text or said.attributes)):
        return None
    return said.boxes or []


def left_out(said: annotation.Value, notes: Notes, *parts: str) -> None:
    """Count the parts of a value (label, text, boxes, attributes) that a format has no place for."""
    for part in parts:
        if getattr(said, part):
            notes[f"{part}_dropped"] += 1


def names_in(schema: Schema) -> list[str]:
    """Answer the labels of a schema in its order: a category's number is its place."""
    return [label["name"] for label in schema.labels]


class Categories:
    """The numbers of labels: those of the schema first, in its order, then others as they come."""

    def __init__(self, schema: Schema, first: int = 0) -> None:
        self.first = first
        self.numbers = {name: first + place for place, name in enumerate(names_in(schema))}

    def __getitem__(self, label: str) -> int:
        return self.numbers.setdefault(label, self.first + len(self.numbers))

    def names(self) -> list[str]:
        """Answer the labels in the order of their numbers."""
        return list(self.numbers)
