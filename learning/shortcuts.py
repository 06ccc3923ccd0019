"""Keys of the review page: which a label may have, and which are taken by the page itself or by the browser."""

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import Invalid

PAGE_KEYS = {
    "n": "Nothing",
    "u": "Unsure",
    "s": "Skip",
    "r": "Reject",
    "z": "Undo",
    "x": "Nothing where boxes are drawn",
    "?": "Guide",
    "+": "Nearer",
    "=": "Nearer",
    "-": "Farther",
}
"""What static/js/review-keys.js does with a single key, whatever the module."""
ANSWER_KEYS = "abcdefgh"
"""The answers people gave to a disputed sample; there, labels do without these keys."""
BROWSER_KEYS = {" ": "Space scrolls the page", "/": "Firefox searches with it", "'": "Firefox searches links with it"}
DIGITS = "123456789"


def check(key: Any) -> str:
    """Answer a label's shortcut as it is kept, in small letters; raises Invalid where the page or a browser uses it."""
    if not isinstance(key, str) or len(key) > 1:
        raise Invalid("A shortcut is one character.", errors={"labels": ["shortcut is one character"]})
    key = str(key).lower()
    if not key:
        return ""
    if key in PAGE_KEYS:
        raise Invalid(f"The key {key.upper()} means {PAGE_KEYS[key]} on the review page: choose another one.")
    if key in BROWSER_KEYS:
        raise Invalid(f"The key {key!r} belongs to the browser ({BROWSER_KEYS[key]}): choose another one.")
    if not key.isascii() or not key.isprintable():
        raise Invalid(f"The key {key!r} is not on every keyboard: choose a letter from A to Z, a digit or a sign.")
    return str(key)


def check_clashes(labels: Iterable[Mapping[str, Any]]) -> None:
    """Raise Invalid where two labels in use have the same key."""
    holders: dict[str, str] = {}
    for label in labels:
        key = label["shortcut"]
        if key and not label.get("retired"):
            if key in holders:
                raise Invalid(f"{holders[key]} and {label['name']} have the same key {key.upper()}: one press means one label.")
            holders[key] = label["name"]


def shown_keys(labels: Iterable[Mapping[str, Any]], taken: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Answer the labels in use, each with its key: that of the schema, else the next free digit; none where all are given."""
    used = {*PAGE_KEYS, *taken}
    rows = []
    for label in labels:
        if label.get("retired"):
            continue
        own = str(label.get("shortcut") or "").lower()
        key = own if len(own) == 1 and own not in used else ""
        used.add(key)
        rows.append({"name": label["name"], "color": label.get("color", ""), "key": key})
    for row in rows:
        if not row["key"]:
            row["key"] = next((digit for digit in DIGITS if digit not in used), "")
            used.add(row["key"])
    return rows
