"""CVAT: the labels of an XML export's head, or the list of labels that CVAT shows as Raw."""

from collections.abc import Sequence
from typing import Any

from learning.schema_files.draft import Draft
from learning.schema_files.markup import Tree

KINDS = {"select": "select", "radio": "select", "checkbox": "checkbox", "number": "number", "text": "text"}
BOXES = {"", "any", "rectangle"}
BOXED = {"polygon", "ellipse", "mask", "cuboid"}
DROPPED = {"points", "polyline", "skeleton"}


def read(tree: Tree) -> Draft:
    """Answer the draft of an XML export, read to the end of its <meta>."""
    draft = Draft("CVAT")
    for labels in tree.all("labels"):
        for label in labels.children:
            shape = label.said("type")
            _add(draft, label.said("name"), label.said("color"), shape, is_part=bool(label.said("parent")))
            for attribute in label.all("attribute"):
                values = attribute.said("values").splitlines()
                _add_attribute(draft, attribute.said("name"), attribute.said("input_type"), values, shape)
    return _with_task(draft, {label.said("type") for labels in tree.all("labels") for label in labels.children})


def is_raw(value: Any) -> bool:
    """Tell whether this is the list of labels that CVAT shows as Raw."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and "name" in row and "attributes" in row for row in value)
    )


def read_raw(rows: Sequence[dict[str, Any]]) -> Draft:
    """Answer the draft of that list."""
    draft = Draft("CVAT")
    for row in rows:
        shape = str(row.get("type") or "")
        _add(draft, row["name"], row.get("color"), shape)
        for attribute in row["attributes"] if isinstance(row["attributes"], list) else ():
            if isinstance(attribute, dict):
                values = attribute.get("values")
                _add_attribute(
                    draft,
                    attribute.get("name"),
                    str(attribute.get("input_type")),
                    values if isinstance(values, list) else [],
                    shape,
                )
    return _with_task(draft, {str(row.get("type") or "") for row in rows})


def _add(draft: Draft, name: Any, color: Any, shape: str, *, is_part: bool = False) -> None:
    if is_part:
        draft.note("The parts of skeletons are left out: this hub draws boxes.")
        return
    if shape in DROPPED:
        draft.note(f"{str(name)[:60]} is drawn as {shape} in CVAT; here it is a box.")
    elif shape in BOXED:
        draft.note("Polygons, masks, ellipses and cuboids become upright boxes.")
    draft.add_label(name, color=color)


def _add_attribute(draft: Draft, name: Any, kind: str, values: Sequence[Any], shape: str) -> None:
    if kind == "number" and values:
        draft.note("The least, the most and the step of numbers are left out.")
    draft.add_attribute(name, KINDS.get(kind, "text"), values, per="sample" if shape == "tag" else "box")


def _with_task(draft: Draft, shapes: set[str]) -> Draft:
    draft.task = "classification" if shapes == {"tag"} else "detection"
    if "tag" in shapes and len(shapes) > 1:
        draft.note("Tags of whole images and boxes share their labels here.")
    return draft
