"""Telling the files of other tools apart, and reading them within bounds."""

import json
from typing import Any

from core.errors import Invalid
from learning.schema_files import coco, cvat, label_studio, yolo
from learning.schema_files.draft import Draft
from learning.schema_files.markup import NotMarkup, Tree, first_tag, parse

MAX_BYTES = 64 * 1024 * 1024
MAX_LOOSE_BYTES = 5 * 1024 * 1024
"""How much is read by a parser that builds everything; the others skip what is not the schema."""


def read(content: bytes, name: str) -> Draft:
    """Answer the schema that a file holds; `name` only helps where the content could be either. Raises Invalid."""
    if len(content) > MAX_BYTES:
        raise Invalid(f"A file of a schema has {MAX_BYTES // 1024 // 1024} MB at most; the labels alone are enough.")
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        raise Invalid("The file is empty.")
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _read_markup(content)
    text = _text(content)
    if text.lstrip()[:1] in "{[" and not name.lower().endswith((".yaml", ".yml")):
        return _read_json(content.removeprefix(b"\xef\xbb\xbf")).finished()
    return yolo.read(text, name).finished()


def _read_markup(content: bytes) -> Draft:
    try:
        if first_tag(content) == "annotations":
            return cvat.read(parse(content, until="meta")).finished()
        return label_studio.read_config(_config(parse(content))).finished()
    except NotMarkup as wrong:
        raise Invalid(f"This is no XML that can be read: {wrong}.") from wrong


def _config(tree: Tree) -> Tree:
    if tree.tag != "View":
        raise Invalid(
            f"XML that begins with <{tree.tag[:40]}> holds no schema: CVAT's begins with <annotations>, Label Studio's with <View>."
        )
    return tree


def _read_json(content: bytes) -> Draft:
    for reader in (coco.read, label_studio.read_export):
        if (draft := reader(content)) is not None:
            return draft
    return _read_loose(content)


def _read_loose(content: bytes) -> Draft:
    """Read JSON of a shape that is known by looking at it, or that only Python takes (a bare NaN)."""
    if len(content) > MAX_LOOSE_BYTES:
        raise Invalid("This JSON is neither COCO nor an export of Label Studio; others may have 5 MB.")
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The file is no JSON that can be read: {error}.") from error
    if isinstance(value, dict) and isinstance(config := value.get("label_config"), str):
        return _read_markup(config.encode())
    if cvat.is_raw(value):
        return cvat.read_raw(value)
    if (draft := coco.read_value(value)) is not None:
        return draft
    raise Invalid("This JSON holds no schema: COCO has categories, CVAT a list of labels, Label Studio a list of tasks.")


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("The file is not UTF-8: save it so, then choose it again.") from error
