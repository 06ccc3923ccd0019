"""Typed reading by msgspec: the types that all shapes share, and what is wrong with a value in our own words."""

import re
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

LARGEST = 2**53
"""The largest whole number that JSON's readers agree on."""
Number = Annotated[int, Meta(ge=-LARGEST, le=LARGEST)] | float

NUL = rb"\u0000"
"""As JSON spells it."""
RANGE = re.compile(r"Expected `(?:int|float)` [<>]|Number out of range")
FIELD = re.compile(r"(?:missing required|contains unknown) field `(.*)`", re.DOTALL)


class Told(NamedTuple):
    """Where a value is wrong (a path like file.md5, "" for the whole), what is wrong, and whether it is a number out of range."""

    where: str
    what: str
    out_of_range: bool

    def sentence(self, whole: str) -> str:
        """Say it; `whole` is what to call the value itself."""
        return f"{self.where or whole}: {self.what}."


def told(error: msgspec.ValidationError) -> Told:
    """Read what msgspec says of the first wrong thing that it met."""
    what, _, path = str(error).partition(" - at `$")
    where = path.rstrip("`").removeprefix(".")
    if field := FIELD.search(what):
        where = ".".join(part for part in (where, field[1][:60]) if part)
        what = "is missing" if "missing" in what else "there is no such field"
    elif "matching regex" in what:
        what = "has characters, or a form, that it may not have"
    return Told(
        where, what.replace("`", "").replace(" | null", "").replace("Expected", "expected")[:300], bool(RANGE.match(what))
    )


def unstorable(value: Any) -> str | None:
    """Answer where in a value of JSON a text stands that databases do not keep: with a NUL, or half of a surrogate pair."""
    try:
        if NUL not in msgspec.json.encode(value):  # a hundred times as fast as to look at each text
            return None
    except (ValueError, TypeError):
        pass
    return _unstorable(value, "")


def _unstorable(value: Any, where: str) -> str | None:
    match value:
        case str():
            return where if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value) else None
        case dict():
            parts = [(str(name), part) for pair in value.items() for name, part in ((pair[0], pair[0]), pair)]
        case list() | tuple():
            parts = [(str(index), part) for index, part in enumerate(value)]
        case _:
            return None
    found = (_unstorable(part, f"{where}.{name}" if where else name) for name, part in parts)
    return next((path for path in found if path is not None), None)
