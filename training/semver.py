"""Semantic version numbers: how they are spelled, ordered and counted on."""

import re

from core.errors import Invalid

SPELLING = re.compile(r"v?(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")

Numbers = tuple[int, int, int]


def numbers_of(text: str) -> Numbers | None:
    """Read "v1.2.3" or "1.2.3"; None for anything else."""
    found = SPELLING.fullmatch(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def checked(text: str) -> str:
    """Answer a dataset version's number as "v1.2.3"; raises Invalid."""
    numbers = numbers_of(text)
    if numbers is None:
        sentence = "A version is three numbers, like v1.0.0."
        raise Invalid(sentence, errors={"version": [sentence]})
    return "v" + spelled(numbers)


def spelled(numbers: Numbers) -> str:
    """Spell "1.2.3"."""
    return ".".join(map(str, numbers))


def following(numbers: Numbers | None, *, part: str) -> Numbers:
    """Answer the next number: `part` (major, minor or patch) goes up, what stands behind it begins anew; 1.0.0 is the first."""
    if numbers is None:
        return (1, 0, 0)
    major, minor, patch = numbers
    return {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}[part]
