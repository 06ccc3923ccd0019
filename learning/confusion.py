"""What was said where something else was meant: classes, and characters of texts.

Knows values and schemas, not the database. No text of a sample leaves here whole: it may be somebody's number plate.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from learning import annotation
from learning.agreement import aligned, matched_boxes
from learning.annotation import Rules

Value = Mapping[str, Any]
UNSURE, NOTHING, TEXT = "unsure", "nothing", "text"
LONGEST = 120


def category(value: Value | None, rules: Rules) -> str:
    """Say an answer's class in a few words: its label, the labels of its boxes, or only that it is a text, nothing or unsure."""
    if value is None:
        return UNSURE
    if label := value.get("label"):
        return _named(label, rules)
    if boxes := value.get("boxes"):
        return " + ".join(sorted({_named(box["label"], rules) for box in boxes}))[:LONGEST]
    return TEXT if value.get("text") else NOTHING


def classes(said: Value, meant: Value, rules: Rules) -> Iterator[tuple[str, str]]:
    """Yield what class was said for which: of boxes one by one, "" where there is none on that side; of mere texts nothing."""
    boxes = said.get("boxes") or [], meant.get("boxes") or []
    if boxes[0] or boxes[1]:
        matched = matched_boxes(*boxes)
        for i, j, _ in matched:
            yield _named(boxes[0][i]["label"], rules), _named(boxes[1][j]["label"], rules)
        for side, rows in enumerate(boxes):
            alone = set(range(len(rows))) - {row[side] for row in matched}
            for at in sorted(alone):
                name = _named(rows[at]["label"], rules)
                yield ("", name) if side else (name, "")
    elif TEXT not in (pair := (category(said, rules), category(meant, rules))):
        yield pair


def characters(said: Value, meant: Value, rules: Rules) -> list[tuple[str, str]]:
    """Answer what character was written for which, in the spelling in which texts are compared; of boxes where they match."""
    pairs = [(said.get("text"), meant.get("text"))]
    boxes = said.get("boxes") or [], meant.get("boxes") or []
    for i, j, _ in matched_boxes(*boxes):
        pairs.append((boxes[0][i].get("text"), boxes[1][j].get("text")))
    spelled = [
        tuple(annotation.normalise_text(text or "", rules.normalise) for text in pair) for pair in pairs if pair[1] is not None
    ]
    return [letters for one, other in spelled for letters in aligned(one, other)]


def _named(label: str, rules: Rules) -> str:
    return str(rules.renames.label(label))[:LONGEST]
