"""What was read from a file: labels and attributes made fit for a schema, and what had to be left out, in sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import Invalid
from learning import schema_reading, shortcuts

MAX_NOTES = 20


@dataclass
class Draft:
    """A schema to begin with: `origin` names the kind of file, `task` is what its answers look like."""

    origin: str
    task: str = "detection"
    labels: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Say once what was left out or understood otherwise."""
        if sentence not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(sentence)

    def add_label(self, name: Any, *, color: Any = "", shortcut: str = "", guide: str = "") -> None:
        """Take a label; one of the same name is the same label."""
        clean = self._clean(name)
        if not clean:
            return
        if any(label["name"] == clean for label in self.labels):
            self.note(f"{clean} is there more than once: it is one label.")
            return
        said = {"color": _color(color), "shortcut": self._key(shortcut, clean), "guide": " ".join(guide.split())[:2_000]}
        self.labels.append({"name": clean, **{part: value for part, value in said.items() if value}})

    def add_attribute(
        self, name: Any, kind: str, values: Iterable[Any] = (), *, per: str = "box", required: bool = False
    ) -> None:
        """Take an attribute; one of the same name has the values of both, and is a text where the types differ."""
        clean = self._clean(name)
        if not clean:
            return
        texts = list(dict.fromkeys(filter(None, (self._clean(value) for value in values)))) if kind == "select" else []
        kind = "text" if kind == "select" and not 0 < len(texts) <= schema_reading.MAX_VALUES else kind
        new = {"name": clean, "type": kind, "values": texts if kind == "select" else [], "required": required, "per": per}
        known = next((attribute for attribute in self.attributes if attribute["name"] == clean), None)
        if known is None:
            self.attributes.append(new)
        else:
            self._merge(known, new)

    def finished(self) -> "Draft":
        """Answer the draft, cut to what a schema can hold; raises Invalid where nothing was found."""
        if not self.labels and self.task != "text":
            raise Invalid(f"This looks like {self.origin}, but it names no label.")
        if len(self.labels) > schema_reading.MAX_LABELS:
            self.note(f"Of {len(self.labels):,} labels the first {schema_reading.MAX_LABELS:,} are taken.")
        if len(self.attributes) > schema_reading.MAX_ATTRIBUTES:
            self.note(f"Of {len(self.attributes)} attributes the first {schema_reading.MAX_ATTRIBUTES} are taken.")
        del self.labels[schema_reading.MAX_LABELS :], self.attributes[schema_reading.MAX_ATTRIBUTES :]
        schema_reading.read_labels(self.labels)
        schema_reading.read_attributes(self.attributes)
        return self

    def _merge(self, known: dict[str, Any], new: Mapping[str, Any]) -> None:
        values = list(dict.fromkeys([*known["values"], *new["values"]]))
        if known["type"] != new["type"] or len(values) > schema_reading.MAX_VALUES:
            self.note(f"{known['name']} is of different types with different labels: it is a text here.")
            known.update(type="text", values=[])
        elif values != known["values"] or new["values"] != known["values"]:
            self.note(f"{known['name']} has different values with different labels: here all of them may be chosen.")
            known["values"] = values
        known["per"] = "sample" if {known["per"], new["per"]} == {"sample"} else "box"

    def _clean(self, name: Any) -> str:
        """Answer a name as a schema can keep it: one line, printable, 60 characters."""
        if isinstance(name, bool) or not isinstance(name, str | int | float):
            self.note("Something without a name was left out.")
            return ""
        said = " ".join("".join(letter if letter.isprintable() else " " for letter in str(name)).split())
        if not said:
            self.note("Something without a name was left out.")
        if len(said) > schema_reading.MAX_NAME:
            said = said[: schema_reading.MAX_NAME].strip()
            self.note(f"{said[:30]}… is cut to {schema_reading.MAX_NAME} characters.")
        return said

    def _key(self, shortcut: str, name: str) -> str:
        """Answer the shortcut if it can be one here."""
        if not shortcut:
            return ""
        try:
            key = shortcuts.check(shortcut)
        except Invalid as refusal:
            self.note(f"The shortcut of {name} is left out. {refusal.detail}")
            return ""
        if any(label.get("shortcut") == key for label in self.labels):
            self.note(f"The shortcut of {name} is left out: another label has it.")
            return ""
        return key


def _color(given: Any) -> str:
    """Answer a colour as #rrggbb: from a name, a CSS colour or [r, g, b]; empty where it is none."""
    if (
        isinstance(given, list | tuple)
        and len(given) >= 3
        and all(isinstance(part, int) and 0 <= part <= 255 for part in given[:3])
    ):
        red, green, blue = given[:3]
    elif isinstance(given, str) and 0 < len(given) <= 40:
        try:
            from PIL import ImageColor

            red, green, blue = ImageColor.getrgb(given.strip())[:3]
        except ValueError:
            return ""
    else:
        return ""
    return f"#{red:02x}{green:02x}{blue:02x}"
