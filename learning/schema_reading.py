"""What a label schema may hold: labels, attributes, text, reasons and guide as people, files and requests give them.

Answers them as the columns of a LabelSchema keep them, or raises Invalid. Knows values, not the database.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import Invalid
from learning import patterns, shortcuts
from learning.annotation import MAX_TEXT, NORMALISERS
from learning.renaming import names_of

COLORS = ("#3b76d1", "#d1603b", "#3ba55d", "#9b59b6", "#c9a227", "#16a2a8", "#c0397b", "#6b7a8f", "#8a6d3b")
COLOR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
ATTRIBUTE_TYPES = ("select", "checkbox", "number", "text")
MAX_LABELS = 1_000
MAX_NAME = 60
MAX_ATTRIBUTES = 50
MAX_VALUES = 200
MAX_REASONS = 20
MAX_LENGTH = 2_000
MAX_GUIDE, MAX_LABEL_GUIDE, MAX_EXAMPLES = 20_000, 2_000, 12
Labels = Sequence[str | Mapping[str, Any]]


def read_labels(given: Labels, before: Sequence[Mapping[str, Any]] = (), *, first_id: int = 1) -> list[dict[str, Any]]:
    """Answer labels in their order, each with an id that stays; new ones count from `first_id`.

    A label is a name, or {id?, name, color?, shortcut?, retired?, guide?, examples?: [sample_id]}. One of `before` is known
    again by its id, else by its name; what is not said of it stays, and under another name it keeps the former one, which goes
    on meaning it.
    """
    if not isinstance(given, list | tuple) or len(given) > MAX_LABELS:
        raise Invalid(f"The labels of a schema are a list of {MAX_LABELS} at most.")
    if not all(isinstance(label, str | Mapping) for label in given):
        raise Invalid("A label is a name, or an object with a name.")
    asked = [{"name": label} if isinstance(label, str) else dict(label) for label in given]
    read_names([label.get("name") for label in asked], "A label")
    known = _Known(before)
    labels = [_read_label(label, known.of(label)) for label in asked]
    _number(labels, first_id)
    _dress(labels)
    _check_names(labels, before)
    shortcuts.check_clashes(labels)
    return labels


class _Known:
    """The labels or attributes of the revision before, each claimed once."""

    def __init__(self, before: Sequence[Mapping[str, Any]], noun: str = "label") -> None:
        self.noun = noun
        self.by_id = {label["id"]: label for label in before}
        self.by_name = {label["name"]: label for label in before}
        self.claimed: set[int] = set()

    def of(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if asked.get("id") is None:
            found = self.by_name.get(asked["name"], {})
        elif isinstance(asked["id"], bool) or not isinstance(asked["id"], int) or asked["id"] not in self.by_id:
            raise Invalid(f"There is no {self.noun} with the id {str(asked['id'])[:20]}; a new one comes without an id.")
        else:
            found = self.by_id[asked["id"]]
        if found:
            if found["id"] in self.claimed:
                raise Invalid(f"{found['name']} is there twice.")
            self.claimed.add(found["id"])
        return found


def _read_label(asked: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(asked) - {"id", "name", "color", "shortcut", "retired", "formerly", "guide", "examples"}:
        raise Invalid(f"A label has no {', '.join(sorted(map(str, unknown)))}.")
    name, color = asked["name"], asked.get("color") or known.get("color") or ""
    if color and not (isinstance(color, str) and COLOR.fullmatch(color)):
        raise Invalid(f"The colour of {name} is written like #3b76d1.")
    key = asked.get("shortcut") if asked.get("shortcut") is not None else known.get("shortcut")
    former = [said for said in (names_of(known) if known else ()) if said != name]
    retired = asked.get("retired", known.get("retired", False))
    guide = _prose(asked.get("guide", known.get("guide", "")), MAX_LABEL_GUIDE, f"What the guide says of {name}")
    examples = _read_examples(asked.get("examples", known.get("examples", ())))
    return {
        "id": known.get("id"),
        "name": name,
        "color": color.lower(),
        "shortcut": None if key is None else shortcuts.check(key),
        **({"formerly": former} if former else {}),
        **({"retired": True} if retired else {}),
        **({"guide": guide} if guide else {}),
        **({"examples": examples} if examples else {}),
    }


def _number(labels: list[dict[str, Any]], first_id: int) -> None:
    """Give each new label or attribute the next id."""
    number = max([first_id, *(label["id"] + 1 for label in labels if label["id"])])
    for label in labels:
        if label["id"] is None:
            label["id"], number = number, number + 1


def _dress(labels: list[dict[str, Any]]) -> None:
    """Give a colour and a key to those that ask for none: digits are their own keys, else the first nine have 1 to 9."""
    taken = {label["shortcut"] for label in labels if label["shortcut"]}
    are_digits = all(len(label["name"]) == 1 and label["name"] in "0123456789" for label in labels)
    for place, label in enumerate(labels, start=1):
        label["color"] = label["color"] or COLORS[(label["id"] - 1) % len(COLORS)]
        if label["shortcut"] is None:
            key = label["name"] if are_digits else str(place) if place <= 9 else ""
            label["shortcut"] = "" if key in taken else key


def _check_names(labels: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]], noun: str = "label") -> None:
    """Raise Invalid where a name means two labels or attributes: what was said under it once would change its meaning."""
    meaning = {name: label["id"] for label in before for name in names_of(label)}
    for label in labels:
        for name in names_of(label):
            if meaning.setdefault(name, label["id"]) != label["id"]:
                raise Invalid(f"{name} is the name of another {noun}, or was: what was said under it would change its meaning.")


def read_attributes(
    given: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]] = (), *, first_id: int = 1
) -> list[dict[str, Any]]:
    """Answer attributes, each {id, name, type, values, required, per, retired?, formerly?, values_formerly?}.

    One of `before` is known again by its id, else by its name, as a label is; under another name it keeps the former one.
    `values_formerly` says former value → value: what was said as the former goes on meaning the value.
    """
    if not isinstance(given, list | tuple) or len(given) > MAX_ATTRIBUTES:
        raise Invalid(f"The attributes of a schema are a list of {MAX_ATTRIBUTES} at most.")
    if not all(isinstance(attribute, Mapping) for attribute in given):
        raise Invalid("An attribute is an object with a name and a type.")
    read_names([attribute.get("name") for attribute in given], "An attribute")
    known = _Known(before, "attribute")
    attributes = [_read_attribute(attribute, known.of(attribute)) for attribute in given]
    _number(attributes, first_id)
    _check_names(attributes, before, "attribute")
    return attributes


def _read_attribute(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("type") not in ATTRIBUTE_TYPES:
        raise Invalid(f"An attribute is an object whose type is one of {', '.join(sorted(ATTRIBUTE_TYPES))}.")
    if unknown := set(given) - {"id", "name", "type", "values", "required", "per", "retired", "formerly", "values_formerly"}:
        raise Invalid(f"An attribute has no {', '.join(sorted(map(str, unknown)))}.")
    if given.get("per", "sample") not in {"sample", "box"}:
        raise Invalid("An attribute is per sample or per box.")
    name = given["name"]
    values = read_names(given.get("values") or [], "A value")
    if len(values) > MAX_VALUES:
        raise Invalid(f"The attribute {name} may have {MAX_VALUES} values at most.")
    if (given["type"] == "select") is not bool(values):
        raise Invalid(
            f"The attribute {name} is a select, so it says its values."
            if not values
            else f"The attribute {name} is no select, so it has no values."
        )
    former = [said for said in (names_of(known) if known else ()) if said != name]
    renamed = _read_renamed_values(given, known, values)
    return {
        "id": known.get("id"),
        "name": name,
        "type": given["type"],
        "values": values,
        "required": bool(given.get("required")),
        "per": given.get("per", "sample"),
        **({"retired": True} if given.get("retired") else {}),
        **({"formerly": former} if former else {}),
        **({"values_formerly": renamed} if renamed else {}),
    }


def _read_renamed_values(given: Mapping[str, Any], known: Mapping[str, Any], values: Sequence[str]) -> dict[str, str]:
    """Answer former value → value, with the renames of earlier revisions led on; raises Invalid for one that leads nowhere."""
    asked = given.get("values_formerly") or {}
    if not isinstance(asked, Mapping):
        raise Invalid("values_formerly says former value → value.")
    renamed = {former: asked.get(now, now) for former, now in known.get("values_formerly", {}).items()} | dict(asked)
    renamed = {former: now for former, now in renamed.items() if former not in values}
    if strangers := [former for former in asked if former not in {*known.get("values", ()), *known.get("values_formerly", ())}]:
        raise Invalid(f"{given['name']} never had the value {str(strangers[0])[:MAX_NAME]}.")
    if lost := [now for now in renamed.values() if now not in values]:
        kept = {former: now for former, now in renamed.items() if now in values}
        if any(now not in values for now in asked.values()):
            raise Invalid(f"{given['name']} has no value {str(lost[0])[:MAX_NAME]} that another could be called now.")
        return kept
    return renamed


def read_text(given: Mapping[str, Any]) -> dict[str, Any]:
    """Answer what a text must look like: {pattern?, normalise?, max_length?, unreadable?}."""
    if not isinstance(given, Mapping):
        raise Invalid("The rule of a text is an object.")
    if unknown := set(given) - {"pattern", "normalise", "max_length", "unreadable"}:
        raise Invalid(f"A text rule has no {', '.join(sorted(map(str, unknown)))}.")
    length = given.get("max_length", MAX_TEXT)
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= MAX_LENGTH:
        raise Invalid(f"max_length must be from 1 to {MAX_LENGTH:,}.", errors={"max_length": ["is out of bounds"]})
    if given.get("normalise", "space") not in NORMALISERS:
        raise Invalid(f"normalise must be one of {', '.join(NORMALISERS)}.")
    if given.get("pattern"):
        patterns.check(given["pattern"], length)
    mark = given.get("unreadable", "")
    if not isinstance(mark, str) or len(mark) > 1 or mark.isalnum() or mark.isspace() or not mark.isprintable():
        raise Invalid("An unreadable character is marked by one sign that is no letter, digit or blank, like ? or *.")
    return dict(given)


def read_reasons(given: Sequence[Any]) -> list[str]:
    """Answer reasons in their order; the first nine have the keys 1 to 9."""
    reasons = read_names(given, "A reason")
    if len(reasons) > MAX_REASONS:
        raise Invalid(f"There may be {MAX_REASONS} reasons at most.")
    return reasons


def read_guide(given: Any) -> str:
    """Answer what annotators read of the whole module, in plain text."""
    return _prose(given, MAX_GUIDE, "The guide")


def _prose(said: Any, most: int, noun: str) -> str:
    if not isinstance(said, str) or len(said) > most or any(not c.isprintable() and c not in "\r\n\t" for c in said):
        raise Invalid(f"{noun} is text of at most {most:,} characters.")
    return "\n".join(said.split("\r\n")).strip()


def _read_examples(given: Any) -> list[str]:
    wrong = not isinstance(given, list | tuple) or len(given) > MAX_EXAMPLES
    if wrong or not all(isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable() for name in given):
        raise Invalid(f"A label is shown by {MAX_EXAMPLES} samples at most, named by their ids.")
    return list(dict.fromkeys(given))


def read_names(given: Sequence[Any], noun: str) -> list[str]:
    """Answer names that people can read and tell apart."""
    if not isinstance(given, list | tuple):
        raise Invalid(f"{noun} stands in a list.")
    for name in given:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise Invalid(f"{noun} has a printable name of at most {MAX_NAME} characters.")
    if len(set(given)) < len(given):
        raise Invalid(f"{noun} is named twice.")
    return list(given)
