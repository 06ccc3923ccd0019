"""Annotation values: what a prediction, a correction and a truth look like, when one is valid, and when two agree.

A value is `{"label"?, "text"?, "boxes"? [{"label", "bbox" [x, y, width, height], "text"?, "attributes"?}], "attributes"?}`;
boxes are in pixels of the upright image, from its top left. `{}` and `{"boxes": []}` say that there is nothing.
Knows values and schemas, not the database.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import Invalid

MAX_BOXES = 1_000
MAX_TEXT = 500
IOU = 0.9
VALUE_KEYS = frozenset({"label", "text", "boxes", "attributes"})
BOX_KEYS = frozenset({"label", "bbox", "text", "attributes"})
Size = tuple[int, int]


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
    """A schema made ready for checking many values."""

    names: frozenset[str]
    retired: frozenset[str]
    attributes: Mapping[str, Mapping[str, Any]]
    pattern: re.Pattern[str] | None
    max_length: int
    normalise: str

    @classmethod
    def of(cls, schema: Schema) -> "Rules":
        """Read them from a schema."""
        text = schema.text or {}
        return cls(
            names=frozenset(label["name"] for label in schema.labels),
            retired=frozenset(label["name"] for label in schema.labels if label.get("retired")),
            attributes={attribute["name"]: attribute for attribute in schema.attributes or ()},
            pattern=re.compile(text["pattern"]) if text.get("pattern") else None,
            max_length=text.get("max_length") or MAX_TEXT,
            normalise=text.get("normalise") or "space",
        )


def check(value: Any, schema: Schema | Rules, *, size: Size | None = None, allow_retired: bool = False) -> None:
    """Raise BadValue unless `value` is an annotation of this schema (and its boxes lie in an image of `size`).

    `allow_retired` is for predictions of older models, which may know labels nobody uses any more.
    """
    rules = schema if isinstance(schema, Rules) else Rules.of(schema)
    _check_keys(value, VALUE_KEYS, "An annotation")
    if value.get("label") is not None:
        _check_label(value["label"], rules, allow_retired=allow_retired)
    if value.get("text") is not None:
        _check_text(value["text"], rules)
    _check_attributes(value.get("attributes"), rules, per="sample", needed=bool(value))
    boxes = value.get("boxes")
    if boxes is None:
        return
    if not isinstance(boxes, list) or len(boxes) > MAX_BOXES:
        raise BadValue(f"boxes must be a list of at most {MAX_BOXES}.", code="wrong_type")
    for box in boxes:
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


def _check_keys(value: Any, known: frozenset[str], noun: str) -> None:
    if not isinstance(value, dict):
        raise BadValue(f"{noun} must be an object.", code="wrong_type")
    if not known.issuperset(value):
        raise BadValue(f"{noun} has no field {min(set(map(str, value)) - known)[:60]!r}.", code="wrong_type")


def _check_label(label: Any, rules: Rules, *, allow_retired: bool) -> None:
    if not isinstance(label, str):
        raise BadValue("A label must be text.", code="wrong_type")
    if label not in rules.names or (label in rules.retired and not allow_retired):
        raise BadValue(f"There is no label {label[:60]!r} in the schema.", code="label_outside_schema")


def _check_text(text: Any, rules: Rules) -> None:
    if not isinstance(text, str) or not _is_storable(text):
        raise BadValue("text must be text.", code="wrong_type")
    if len(text) > rules.max_length:
        raise BadValue(f"text may have {rules.max_length} characters at most.", code="text_outside_schema")
    if rules.pattern and text and not rules.pattern.fullmatch(text):
        raise BadValue("text does not have the form the schema asks for.", code="text_outside_schema")


def _check_box(box: Any, rules: Rules, size: Size | None, *, allow_retired: bool) -> None:
    _check_keys(box, BOX_KEYS, "A box")
    _check_label(box.get("label"), rules, allow_retired=allow_retired)
    bbox = box.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(is_number, bbox)):
        raise BadValue("bbox must be four numbers: x, y, width, height.", code="wrong_type")
    if bbox[0] < 0 or bbox[1] < 0 or bbox[2] <= 0 or bbox[3] <= 0:
        raise BadValue("A box begins inside the image and has a width and a height.", code="box_outside_image")
    if size:
        _check_within(bbox, size)
    if box.get("text") is not None:
        _check_text(box["text"], rules)
    _check_attributes(box.get("attributes"), rules, per="box", needed=True)


def _check_within(bbox: Sequence[float], size: Size) -> None:
    if bbox[0] + bbox[2] > size[0] or bbox[1] + bbox[3] > size[1]:
        raise BadValue(f"A box leaves the image of {size[0]} × {size[1]} pixels.", code="box_outside_image")


def _check_attributes(given: Any, rules: Rules, *, per: str, needed: bool) -> None:
    if given is not None and not isinstance(given, dict):
        raise BadValue("attributes must be an object.", code="wrong_type")
    values = given or {}
    for name, value in values.items():
        definition = rules.attributes.get(name)
        if definition is None or definition.get("per", "sample") != per:
            raise BadValue(f"There is no attribute {str(name)[:60]!r} in the schema.", code="attribute_outside_schema")
        if not _fits(value, definition):
            raise BadValue(f"The attribute {name!r} cannot have this value.", code="attribute_outside_schema")
    for name, definition in rules.attributes.items() if needed else ():
        if definition.get("required") and definition.get("per", "sample") == per and name not in values:
            raise BadValue(f"The attribute {name!r} is required.", code="attribute_missing")


def _fits(value: Any, definition: Mapping[str, Any]) -> bool:
    match definition["type"]:
        case "select":
            return value in definition.get("values", ())
        case "checkbox":
            return isinstance(value, bool)
        case "number":
            return is_number(value)
        case _:
            return isinstance(value, str) and len(value) <= MAX_TEXT and _is_storable(value)


def is_number(value: Any) -> bool:
    """Tell whether this is a finite number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _same_words(a: Mapping[str, Any], b: Mapping[str, Any], rules: Rules) -> bool:
    texts = [normalise_text(value.get("text") or "", rules.normalise) for value in (a, b)]
    labels = [value.get("label") or None for value in (a, b)]
    attributes = [value.get("attributes") or {} for value in (a, b)]
    return labels[0] == labels[1] and attributes[0] == attributes[1] and texts[0] == texts[1]


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
