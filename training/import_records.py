"""What a record of another tool says in the words of a module: categories become labels, boxes lie inside their image.

Knows values and schemas, not the database.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.canonical import canonical_sha256
from core.errors import Invalid
from learning import annotation
from learning.annotation import Rules, Size
from learning.models import LabelSchema
from training.formats import Notes, Record
from training.formats.base import NOTES as FORMAT_NOTES
from training.formats.base import REASONS as FORMAT_REASONS
from training.formats.base import Wrong
from training.formats.boxes import fitted
from training.formats.values import typed_attribute
from training.models import Empty, RecordFate

Value = dict[str, Any]
MOST_CATEGORIES = 2_000
REASONS = {
    **FORMAT_REASONS,
    "category_dropped": "Its category is left out by the mapping.",
    "duplicate": "The same image comes twice.",
    "erased": "This was erased, and is not taken again.",
    "in_other_import": "Another import is bringing the same image; import it again when that is done.",
    "in_work": "The person who imports has this sample open for review.",
    "judged_already": "Somebody judged this sample already.",
    "sample_excluded": "Review excluded this sample.",
}
"""Why a record was not taken, as sentences; what is wrong with an image says so itself."""
NOTES = {
    **FORMAT_NOTES,
    "category_dropped": "A box of a category that the mapping leaves out was left out.",
    "older_dropped": "An older annotation, or a prediction, that does not fit the schema was left out.",
}
"""What was changed on the way, as sentences."""
UNDECIDED = object()


@dataclass
class Terms:
    """How records are read: category → label or None (left out), the schema's rules, what an empty one and a value are worth.

    `categories` counts what was met, `notes` what was changed on the way. In a dry run `guess` answers what a category that nobody
    has decided may mean; where it cannot tell, the category passes.
    """

    mapping: dict[str, Any]
    rules: Rules
    fate: str
    empty: str
    guess: Callable[[str], Mapping[str, str | None]] | None = None
    notes: Notes = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Ready:
    """A record in the schema's words; `misfits` are boxes that were left out."""

    record: Record
    fate: str
    value: Value | None
    sha256: str
    earlier: list[Value]
    prediction: Value | None
    misfits: list[Wrong]


def guessed(schema: LabelSchema, categories: Any, last: Mapping[str, str | None]) -> dict[str, str | None]:
    """Answer what categories mean, as far as that can be told: as in the last import, else by the same name in any case."""
    labels = {name: label["name"] for label in schema.labels for name in [label["name"], *label.get("formerly", ())]}
    folded = {name.casefold(): label for name, label in labels.items()}
    in_use = set(schema.names)
    found: dict[str, str | None] = {}
    for category in categories:
        if category in last and (last[category] is None or last[category] in in_use):
            found[category] = last[category]
        elif (label := labels.get(category) or folded.get(category.casefold())) in in_use:
            found[category] = label
    return found


def ready(record: Record, size: Size | None, terms: Terms) -> Ready:
    """Answer a record in the module's words, with its boxes inside an image of `size`; raises Wrong."""
    if size is None and record.width and record.height:
        size = (record.width, record.height)
    value = record.value
    if value is None and terms.fate == RecordFate.PREDICTION:
        value = record.prediction
    misfits: list[Wrong] = []
    if size is not None:
        value, misfits = fitted(value, size, terms.notes, relative=record.relative)
    elif record.relative and value and value.get("boxes"):
        raise Wrong("size_unknown", REASONS["size_unknown"])
    said = _translated(value, terms, counted=True) if value else value
    if value is not None and said is None:
        raise Wrong("category_dropped", REASONS["category_dropped"])
    if annotation.is_empty(said):
        is_said = value is not None and terms.empty == Empty.VERIFIED
        fate, said = (terms.fate, {"boxes": []}) if is_said else (RecordFate.NOTHING.value, None)
    else:
        fate = terms.fate
        _check(said, size, terms)
    earlier = [old for each in record.earlier if (old := _older(each, size, record.relative, terms)) is not None]
    predicted = _older(record.prediction, size, record.relative, terms) if record.prediction else None
    return Ready(record, fate, said, canonical_sha256(said) if said is not None else "", earlier, predicted, misfits)


def _check(value: Value | None, size: Size | None, terms: Terms) -> None:
    try:
        annotation.check(value, terms.rules, size=size)
    except annotation.BadValue as wrong:
        raise Wrong(wrong.code, wrong.detail) from wrong


def _older(value: Value, size: Size | None, relative: bool, terms: Terms) -> Value | None:
    """Answer a value beside the one that counts, or None where it cannot be kept."""
    kept = fitted(value, size, Counter(), relative=relative)[0] if size else None if relative else value
    said = _translated(kept, terms, counted=False) if kept else kept
    try:
        _check(said, size, terms)
    except Wrong:
        said = None
    if said is None:
        terms.notes["older_dropped"] += 1
    return said


def _translated(value: Value, terms: Terms, *, counted: bool) -> Value | None:
    """Answer a value in the schema's labels; None where all it said was left out."""
    said = dict(value)
    if (category := value.get("label")) is not None:
        label = _label(category, terms, counted=counted)
        if label is None or label is UNDECIDED:
            del said["label"]
            if label is UNDECIDED:
                said.setdefault("boxes", [])
        else:
            said["label"] = label
    if boxes := value.get("boxes"):
        said["boxes"] = [kept for box in boxes if (kept := _box(box, terms, counted=counted)) is not None]
    if attributes := value.get("attributes"):
        said["attributes"] = _attributes(attributes, "sample", terms)
        if not said["attributes"]:
            del said["attributes"]
    return said or None


def _box(box: Value, terms: Terms, *, counted: bool) -> Value | None:
    label = _label(box["label"], terms, counted=counted)
    if label is None or label is UNDECIDED:
        if label is None:
            terms.notes["category_dropped"] += counted
        return None
    if box.get("attributes"):
        attributes = _attributes(box["attributes"], "box", terms)
        box = {name: part for name, part in box.items() if name != "attributes"}
        if attributes:
            box["attributes"] = attributes
    return box if label == box["label"] else {**box, "label": label}


def _label(category: str, terms: Terms, *, counted: bool) -> Any:
    if counted:
        terms.categories[category] += 1
        if len(terms.categories) > MOST_CATEGORIES:
            raise Invalid(f"The file has more than {MOST_CATEGORIES:,} categories; is the right column named as the category?")
    if category not in terms.mapping:
        if terms.guess is None:
            raise Wrong("category_unknown", f"Nobody has said what {category[:60]!r} is here.")
        terms.mapping[category] = terms.guess(category).get(category, UNDECIDED)
    return terms.mapping[category]


def _attributes(values: Value, per: str, terms: Terms) -> Value:
    """Answer those that the schema knows."""
    known = terms.rules.attributes
    kept = {
        name: typed_attribute(value, known[name]["type"])  # many files can spell it as text only
        for name, value in values.items()
        if name in known and known[name].get("per", "sample") == per
    }
    terms.notes["attribute_dropped"] += len(values) - len(kept)
    return kept
