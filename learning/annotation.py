"""Annotation values: what a prediction, a correction and a truth look like, when one is valid, and when two agree.

A value is `{"label"?, "text"?, "boxes"? [{"label", "bbox" [x, y, width, height], "text"?, "attributes"?}], "attributes"?}`;
boxes are in pixels of the upright image, from its top left. `{}` and `{"boxes": []}` say that there is nothing.
Knows values and schemas, not the database.
"""

import math
import re
import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct

from core import typed
from core.errors import Invalid
from core.typed import Number
from learning.renaming import Renames, names_of

MAX_BOXES = 1_000
MAX_TEXT = 500
IOU = 0.9
READABLE = string.digits + string.ascii_letters
Size = tuple[int, int]
Attribute = bool | Number | str


class Box(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """One box of a value: what is in it, and where (x, y, width, height)."""

    label: str
    bbox: tuple[Number, Number, Number, Number]
    text: str | None = None
    attributes: dict[str, Attribute] | None = None


class Value(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """An annotation value, read; written again it is as it was sent, but for what was null."""

    label: str | None = None
    text: str | None = None
    boxes: Annotated[list[Box], Meta(max_length=MAX_BOXES)] | None = None
    attributes: dict[str, Attribute] | None = None


NOTHING = Value()


class Schema(Protocol):
    """What a schema of answers holds; a LabelSchema row is one."""

    labels: Any
    attributes: Any
    text: Any


class BadValue(Invalid):
    """A value that breaks its schema; `code` says how in one word."""

    code = "bad_annotation"


@dataclass(frozen=True)
class Rules:
    """A schema made ready for checking many values; `asks` tells whether any attribute is required.

    `names`, `retired` and `attributes` hold former names too: those go on meaning the same, and `renames` leads to the name of
    today. `unreadable` is the character that stands for one that cannot be read, or empty.
    """

    names: frozenset[str]
    retired: frozenset[str]
    renames: Renames
    attributes: Mapping[str, Mapping[str, Any]]
    asks: bool
    pattern: re.Pattern[str] | None
    max_length: int
    normalise: str
    unreadable: str = ""

    @classmethod
    def of(cls, schema: Schema) -> "Rules":
        """Read them from a schema."""
        text = schema.text or {}
        return cls(
            names=frozenset(name for label in schema.labels for name in names_of(label)),
            retired=frozenset(name for label in schema.labels if label.get("retired") for name in names_of(label)),
            renames=Renames.of(schema.labels, schema.attributes),
            attributes={name: attribute for attribute in schema.attributes or () for name in names_of(attribute)},
            asks=any(attribute.get("required") for attribute in schema.attributes or () if not attribute.get("retired")),
            pattern=re.compile(text["pattern"]) if text.get("pattern") else None,
            max_length=text.get("max_length") or MAX_TEXT,
            normalise=text.get("normalise") or "space",
            unreadable=text.get("unreadable") or "",
        )


def check(value: Any, schema: Schema | Rules, *, size: Size | None = None, allow_retired: bool = False) -> None:
    """Raise BadValue unless `value` is an annotation of this schema (and its boxes lie in an image of `size`).

    `allow_retired` is for predictions of older models, which may know labels nobody uses any more.
    """
    rules = schema if isinstance(schema, Rules) else Rules.of(schema)
    read = value if isinstance(value, Value) else _read(value)
    if read.label is not None:
        _check_label(read.label, rules, allow_retired=allow_retired)
    if read.text is not None:
        _check_text(read.text, rules)
    if read.attributes or rules.asks:
        _check_attributes(read.attributes or {}, rules, per="sample", needed=read != NOTHING)
    for box in read.boxes or ():
        _check_box(box, rules, size, allow_retired=allow_retired)


def check_boxes_within(value: Mapping[str, Any] | None, size: Size) -> None:
    """Raise BadValue where a box of a valid value leaves the image."""
    for box in (value or {}).get("boxes") or ():
        _check_within(box["bbox"], size)


def is_empty(value: Mapping[str, Any] | None) -> bool:
    """Tell whether the value says that there is nothing to see."""
    return not value or not (value.get("label") or value.get("text") or value.get("boxes") or value.get("attributes"))


def agree(a: Mapping[str, Any], b: Mapping[str, Any], schema: Schema | Rules, *, iou: float = IOU) -> bool:
    """Tell whether two people said the same: label, attributes, normalised text, and boxes matched one to one."""
    rules = schema if isinstance(schema, Rules) else Rules.of(schema)
    if not _same_words(a, b, rules):
        return False
    first, second = a.get("boxes") or [], b.get("boxes") or []
    if len(first) != len(second):
        return False
    partners = [
        [j for j, two in enumerate(second) if _same_words(one, two, rules) and overlap(one["bbox"], two["bbox"]) >= iou]
        for one in first
    ]
    return _all_matched(partners)


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Answer the intersection over union of two boxes [x, y, width, height]."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return float(shared / (a[2] * a[3] + b[2] * b[3] - shared))


def normalise_text(text: str, how: str = "space") -> str:
    """Answer `text` in the one spelling in which it is compared; `how` is one of NORMALISERS."""
    return NORMALISERS[how](unicodedata.normalize("NFKC", text))


def _plate(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())


NORMALISERS: dict[str, Callable[[str], str]] = {
    "exact": lambda text: text,
    "space": lambda text: " ".join(text.split()),
    "upper": lambda text: " ".join(text.upper().split()),
    "plate": _plate,
}


def _read(value: Any) -> Value:
    try:
        read = msgspec.convert(value, Value)
    except msgspec.ValidationError as error:
        raise BadValue(typed.told(error).sentence("An annotation"), code="wrong_type") from error
    if (where := typed.unstorable(value)) is not None:
        raise BadValue(f"{where} holds what is no text.", code="wrong_type")
    return read


def _check_label(label: str, rules: Rules, *, allow_retired: bool) -> None:
    if label not in rules.names or (label in rules.retired and not allow_retired):
        raise BadValue(f"There is no label {label[:60]!r} in the schema.", code="label_outside_schema")


def _check_text(text: str, rules: Rules) -> None:
    if len(text) > rules.max_length:
        raise BadValue(f"text may have {rules.max_length} characters at most.", code="text_outside_schema")
    if rules.pattern and text and not rules.pattern.fullmatch(text) and not _reads_but_for_one(text, rules):
        raise BadValue("text does not have the form the schema asks for.", code="text_outside_schema")


def _reads_but_for_one(text: str, rules: Rules) -> bool:
    """Tell whether a letter or a digit in place of the one unreadable character gives the text its form."""
    if not rules.unreadable or text.count(rules.unreadable) != 1:
        return False
    assert rules.pattern is not None
    return any(rules.pattern.fullmatch(text.replace(rules.unreadable, letter)) for letter in READABLE)


def _check_box(box: Box, rules: Rules, size: Size | None, *, allow_retired: bool) -> None:
    _check_label(box.label, rules, allow_retired=allow_retired)
    x, y, width, height = box.bbox
    if not math.isfinite(x + y + width + height):  # JSON knows no such numbers, Python does
        raise BadValue("bbox must be four numbers: x, y, width, height.", code="wrong_type")
    if x < 0 or y < 0 or width <= 0 or height <= 0:
        raise BadValue("A box begins inside the image and has a width and a height.", code="box_outside_image")
    if size:
        _check_within(box.bbox, size)
    if box.text is not None:
        _check_text(box.text, rules)
    if box.attributes or rules.asks:
        _check_attributes(box.attributes or {}, rules, per="box", needed=True)


def _check_within(bbox: Sequence[float], size: Size) -> None:
    if bbox[0] + bbox[2] > size[0] or bbox[1] + bbox[3] > size[1]:
        raise BadValue(f"A box leaves the image of {size[0]} × {size[1]} pixels.", code="box_outside_image")


def _check_attributes(values: Mapping[str, Any], rules: Rules, *, per: str, needed: bool) -> None:
    for name, value in values.items():
        definition = rules.attributes.get(name)
        if definition is None or definition.get("per", "sample") != per:
            raise BadValue(f"There is no attribute {str(name)[:60]!r} in the schema.", code="attribute_outside_schema")
        if not _fits(value, definition):
            raise BadValue(f"The attribute {name!r} cannot have this value.", code="attribute_outside_schema")
    said = {rules.attributes[name]["name"] for name in values}
    if len(said) < len(values):
        raise BadValue("An attribute is there twice, under a former name and its name.", code="attribute_outside_schema")
    for name, definition in rules.attributes.items() if needed else ():
        asked = definition.get("required") and not definition.get("retired")
        if asked and definition.get("per", "sample") == per and definition["name"] not in said:
            raise BadValue(f"The attribute {name!r} is required.", code="attribute_missing")


def _fits(value: Any, definition: Mapping[str, Any]) -> bool:
    match definition["type"]:
        case "select":
            return value in definition.get("values", ()) or value in definition.get("values_formerly", ())
        case "checkbox":
            return isinstance(value, bool)
        case "number":
            return is_number(value)
        case _:
            return isinstance(value, str) and len(value) <= MAX_TEXT


def is_number(value: Any) -> bool:
    """Tell whether this is a finite number, and no truth value."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) <= typed.LARGEST
    return isinstance(value, float) and math.isfinite(value)


def _same_words(a: Mapping[str, Any], b: Mapping[str, Any], rules: Rules) -> bool:
    texts = [_normalised(value.get("text") or "", rules) for value in (a, b)]
    said = [value.get("label") or "" for value in (a, b)]
    labels = [rules.renames.label(label) for label in said]
    attributes = [rules.renames.spelled(value.get("attributes")) for value in (a, b)]
    return labels[0] == labels[1] and attributes[0] == attributes[1] and texts[0] == texts[1]


def _normalised(text: str, rules: Rules) -> str:
    """Normalise a text around the character that marks an unreadable one, which says something and so must stay."""
    parts = text.split(rules.unreadable) if rules.unreadable else [text]
    return rules.unreadable.join(normalise_text(part, rules.normalise) for part in parts)


def _all_matched(partners: Sequence[Sequence[int]]) -> bool:
    """Tell whether each row can have a partner of its own (Kuhn's augmenting paths)."""
    taken: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column in partners[row]:
            if column not in seen:
                seen.add(column)
                if column not in taken or place(taken[column], seen):
                    taken[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(partners)))
