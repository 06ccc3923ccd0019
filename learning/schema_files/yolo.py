"""YOLO: the names of a data.yaml, or the lines of a classes.txt or obj.names; a class is its place."""

import re
from typing import Any

import yaml

from core.errors import Invalid
from learning.schema_files.draft import Draft

NUMBERS = re.compile(r"\s*\d+(\s+-?\d+(\.\d+)?(e-?\d+)?){4,}\s*")
MAX_LETTERS = 300_000
"""A list of names is never longer; YAML is slow to read."""


def read(text: str, name: str) -> Draft:
    """Answer the draft of a list of names; raises Invalid for what is none."""
    if len(text) > MAX_LETTERS:
        raise Invalid("A list of class names is never so long: choose data.yaml, classes.txt or obj.names.")
    if "\0" in text:
        raise Invalid("This is no text: choose the JSON, XML, YAML or list of names of an export.")
    if name.lower().endswith((".yaml", ".yml")) or _has_names(text):
        return _read_yaml(text)
    return _read_lines(text)


def _has_names(text: str) -> bool:
    return any(line.startswith("names:") for line in text.splitlines())


def _read_yaml(text: str) -> Draft:
    try:
        # the loader that knows no tags and leaves every word a text: `no` is a name, and not false
        value: Any = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Invalid(f"The file is no YAML that can be read: {' '.join(str(error).split())[:200]}.") from error
    names = value.get("names", value) if isinstance(value, dict) else None
    if isinstance(names, dict):
        names = _in_order(names)
    if not isinstance(names, list):
        raise Invalid("A data.yaml of YOLO has names: a list, or number: name.")
    draft = Draft("YOLO")
    if "kpt_shape" in value:
        draft.note("Key points are left out: this hub draws boxes.")
    if str(value.get("nc", len(names))) != str(len(names)):
        draft.note(f"The file says nc: {str(value['nc'])[:20]} and names {len(names)} classes; the names count.")
    _add_all(draft, names)
    return draft


def _in_order(names: dict[str, Any]) -> list[Any]:
    """Answer the names of a mapping in the order of their numbers."""
    if not all(key.isascii() and key.isdigit() and len(key) < 9 for key in names):
        raise Invalid("A data.yaml of YOLO has names: a list, or number: name.")
    return [names[key] for key in sorted(names, key=int)]


def _read_lines(text: str) -> Draft:
    lines = text.rstrip().splitlines()
    if any(line.strip().startswith(("train =", "train=", "names =", "names=")) for line in lines):
        raise Invalid("This file only says where others are: choose obj.names, which it leads to.")
    if all(NUMBERS.fullmatch(line) for line in lines):
        raise Invalid("These are boxes, not names: choose data.yaml, classes.txt or obj.names of the same export.")
    draft = Draft("YOLO")
    _add_all(draft, lines)
    return draft


def _add_all(draft: Draft, names: list[Any]) -> None:
    for number, name in enumerate(names):
        if isinstance(name, str) and not name.strip():
            draft.note(f"Class {number} has no name: it is class_{number}.")
            draft.add_label(f"class_{number}")
        else:
            draft.add_label(name)
