"""Label Studio: a labelling configuration, or what was said in an export, from which the configuration is guessed."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from learning.schema_files.draft import Draft
from learning.schema_files.markup import Tree

BOXES = "RectangleLabels"
BOXED = ("PolygonLabels", "BrushLabels", "EllipseLabels", "BitmaskLabels", "VectorLabels")
DROPPED = ("KeyPointLabels", "TimeSeriesLabels", "HyperTextLabels", "ParagraphLabels", "TimelineLabels", "Labels")
NUMBERS = ("Number", "Rating")
FEW = 200


def read_config(tree: Tree) -> Draft:
    """Answer the draft of a labelling configuration, from its <View> on."""
    draft = Draft("Label Studio")
    for group in tree.all(BOXES, *BOXED, *DROPPED):
        _say_shape(draft, group.tag)
        for label in group.all("Label"):
            _add_label(draft, label)
    chooses = tree.all("Choices", "Taxonomy")
    if not draft.labels and chooses:
        _classify(draft, chooses.pop(0))
    for choices in chooses:
        _add_choices(draft, choices)
    for number in tree.all(*NUMBERS):
        draft.add_attribute(number.attributes.get("name"), "number", per=_per(number), required=_is(number, "required"))
    _add_texts(draft, tree.all("TextArea"))
    return draft


def _classify(draft: Draft, choices: Tree) -> None:
    """Take the answers of the first question as labels, where there are no boxes."""
    draft.task = "classification"
    if choices.attributes.get("choice", "single").startswith("multiple"):
        draft.note("Several choices at once are not possible: a sample has one label.")
    for choice in choices.all("Choice"):
        _add_label(draft, choice)


def _add_label(draft: Draft, label: Tree) -> None:
    said = label.attributes
    draft.add_label(
        said.get("alias") or said.get("value"),
        color=said.get("background", ""),
        shortcut=said.get("hotkey", ""),
        guide=said.get("hint", ""),
    )


def _add_choices(draft: Draft, choices: Tree) -> None:
    said = [choice.attributes.get("alias") or choice.attributes.get("value") for choice in choices.all("Choice")]
    if choices.attributes.get("choice", "single").startswith("multiple"):
        draft.note(f"{choices.attributes.get('name', '')} may have several answers: each is a check box of its own.")
        for name in said:
            draft.add_attribute(name, "checkbox", per=_per(choices))
    else:
        draft.add_attribute(
            choices.attributes.get("name"), "select", said, per=_per(choices), required=_is(choices, "required")
        )


def _add_texts(draft: Draft, areas: list[Tree]) -> None:
    for area in areas:
        if _per(area) == "box":
            draft.note("The text of a box needs no attribute: every box can have one.")
        elif not draft.labels and draft.task != "text":
            draft.task = "text"
        else:
            draft.add_attribute(area.attributes.get("name"), "text", per="sample", required=_is(area, "required"))


def _say_shape(draft: Draft, tag: str) -> None:
    if tag in BOXED:
        draft.note("Polygons, brushes and ellipses become upright boxes.")
    elif tag in DROPPED:
        draft.note(f"{tag} mark points or stretches; here their labels are labels of boxes.")


def _per(element: Tree) -> str:
    return "box" if _is(element, "perRegion") else "sample"


def _is(element: Tree, name: str) -> bool:
    return element.attributes.get(name, "").lower() == "true"


class _Result(Struct):
    type: str = ""
    from_name: Any = None
    value: Any = None


class _Annotation(Struct):
    result: list[_Result] = msgspec.field(default_factory=list)


class _Task(Struct):
    annotations: list[_Annotation] | None = None
    completions: list[_Annotation] | None = None


def read_export(content: bytes) -> Draft | None:
    """Answer the draft of a JSON export, or None where it is none."""
    try:
        tasks = msgspec.json.decode(content, type=list[_Task])
    except (msgspec.DecodeError, RecursionError):
        return None
    results = list(_results(tasks))
    if not results:
        return None
    draft = Draft("Label Studio")
    draft.note("An export names only what was used: what nobody chose yet is not in it.")
    said = _Said(draft)
    for result in results:
        said.take(result)
    return said.finished()


def _results(tasks: list[_Task]) -> Iterator[_Result]:
    for task in tasks:
        for annotation in task.annotations or task.completions or ():
            yield from annotation.result


class _Said:
    """What was said in an export, by the kind of question."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.labels: dict[str, None] = {}
        self.choices: dict[str, dict[str, None]] = {}
        self.texts: dict[str, None] = {}

    def take(self, result: _Result) -> None:
        value = result.value if isinstance(result.value, dict) else {}
        name = result.from_name if isinstance(result.from_name, str) else ""
        kind = result.type
        if kind.endswith("labels"):
            tag = next((known for known in (*BOXED, *DROPPED) if known.lower() == kind), BOXES)
            _say_shape(self.draft, tag)
            self.labels.update(dict.fromkeys(_texts(value.get(kind))))
        elif kind == "choices":
            self.choices.setdefault(name, {}).update(dict.fromkeys(_texts(value.get("choices"))))
        elif kind in {"number", "rating"}:
            self.draft.add_attribute(name, "number", per="box" if "x" in value else "sample")
        elif kind == "textarea" and "x" not in value:
            self.texts[name] = None

    def finished(self) -> Draft:
        questions = list(self.choices.items())
        if not self.labels and questions:
            self.draft.task = "classification"
            self.labels = questions.pop(0)[1]
        if not self.labels and self.texts:
            self.draft.task = "text"
            self.texts.pop(next(iter(self.texts)))
        for label in self.labels:
            self.draft.add_label(label)
        for name, values in questions:
            self.draft.add_attribute(name, "select", list(values)[:FEW], per="sample")
        for name in self.texts:
            self.draft.add_attribute(name, "text", per="sample")
        return self.draft


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
