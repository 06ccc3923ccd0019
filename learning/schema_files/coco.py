"""COCO JSON: categories become labels, and what annotations say in `attributes` becomes attributes.

Images and the rest of the annotations are skipped while reading, so that a large export costs little more than its bytes.
"""

import math
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from learning.schema_files.draft import Draft

FEW = 20
"""Up to so many different texts of an attribute are the values of a select."""


class _Category(Struct):
    name: Any = None
    id: Any = None
    supercategory: Any = None
    color: Any = None
    keypoints: Any = None


class _Annotation(Struct):
    attributes: Any = None


class _Coco(Struct):
    categories: list[_Category]
    annotations: list[_Annotation] = msgspec.field(default_factory=list)


def read(content: bytes) -> Draft | None:
    """Answer the draft of a COCO file, or None where it is none."""
    try:
        return _draft(msgspec.json.decode(content, type=_Coco))
    except (msgspec.DecodeError, RecursionError):  # a ValidationError is one too
        return None


def read_value(value: Any) -> Draft | None:
    """Answer the draft of a COCO file that was parsed already, or None where it is none."""
    try:
        return _draft(msgspec.convert(value, _Coco))
    except msgspec.ValidationError:
        return None


def _draft(coco: _Coco) -> Draft:
    draft = Draft("COCO")
    _say_roboflow(draft, coco.categories)
    for category in coco.categories:
        above = category.supercategory if isinstance(category.supercategory, str) else ""
        guide = "" if above.lower() in {"", "none", str(category.name).lower()} else f"A kind of {above}."
        if guide:
            draft.note("Supercategories stand in the guide of each label.")
        if category.keypoints:
            draft.note("Key points are left out: this hub draws boxes.")
        draft.add_label(category.name, color=category.color, guide=guide)
    _add_attributes(draft, coco.annotations)
    return draft


def _say_roboflow(draft: Draft, categories: list[_Category]) -> None:
    first, others = (categories[0], categories[1:]) if categories else (None, [])
    if first and first.id == 0 and others and all(other.supercategory == first.name for other in others):
        draft.note(
            f"{first.name} looks like the name of the project, which Roboflow writes as the first category: take it out if so."
        )


def _add_attributes(draft: Draft, annotations: Iterable[_Annotation]) -> None:
    said: dict[str, dict[Any, None]] = {}
    for annotation in annotations:
        if isinstance(annotation.attributes, dict):
            for name, value in annotation.attributes.items():
                kept = said.setdefault(name, {})
                if isinstance(value, bool | int | float | str) and len(kept) <= FEW:
                    kept[value if not isinstance(value, bool) else str(value).lower(), type(value)] = None
    for name, values in said.items():
        kinds = {kind for _, kind in values}
        if kinds == {bool}:
            draft.add_attribute(name, "checkbox")
        elif kinds and kinds <= {int, float} and all(math.isfinite(value) for value, _ in values):
            draft.add_attribute(name, "number")
        elif kinds:
            few = len(values) <= FEW
            draft.add_attribute(name, "select" if few else "text", [value for value, _ in values] if few else ())
