"""Names that changed: labels, attributes and their values go on being known by what they were called before.

Knows schemas and values, not the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def names_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Answer the name of a schema's label or attribute, and those it had before."""
    return (row["name"], *row.get("formerly", ()))


@dataclass(frozen=True)
class Renames:
    """Former name → name of labels and of attributes, and attribute's name → former value → value."""

    labels: Mapping[str, str]
    attributes: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, labels: Rows, attributes: Rows | None) -> "Renames":
        """Read them from a schema's rows."""
        told = attributes or ()
        return cls(
            _names(labels), _names(told), {row["name"]: row["values_formerly"] for row in told if row.get("values_formerly")}
        )

    def __bool__(self) -> bool:
        return bool(self.labels or self.attributes or self.values)

    def label(self, name: str) -> str:
        """Answer the name that a label has now."""
        return self.labels.get(name, name)

    def spelled(self, said: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Answer attributes under the names and with the values they have now; the same ones where none changed."""
        if not said or not (self.attributes or self.values):
            return said or {}
        now = {}
        for name, value in said.items():
            current = self.attributes.get(name, name)
            now[current] = self.values[current].get(value, value) if current in self.values else value
        return now


def in_current_names(value: Mapping[str, Any] | None, renames: Renames) -> Mapping[str, Any] | None:
    """Answer an annotation value under the names that a schema's parts have now; the same one where none changed."""
    if not value or not renames:
        return value
    said = _part(value, renames)
    if said.get("boxes"):
        said["boxes"] = [_part(box, renames) for box in said["boxes"]]
    return said


def _part(value: Mapping[str, Any], renames: Renames) -> dict[str, Any]:
    said = dict(value)
    if said.get("label"):
        said["label"] = renames.label(said["label"])
    if said.get("attributes"):
        said["attributes"] = renames.spelled(said["attributes"])
    return said


def _names(rows: Rows) -> dict[str, str]:
    return {former: row["name"] for row in rows for former in row.get("formerly", ())}
