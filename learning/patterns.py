"""Patterns of texts: a regular expression is taken only where no text can keep the matcher busy for long.

Python's matcher goes back and tries another way wherever a repetition could have ended earlier or a choice been made otherwise.
Multiplied out over the pattern, that is the most ways it can ever try on a text of a given length; a pattern with too many is
refused. It is a bound, not a guess: `(a+)+` has more ways than there are atoms, `[A-Z]{2}[0-9]{1,2}[A-Z]{0,3}[0-9]{4}` has eight.
"""

import importlib
import re
from typing import Any

from core.errors import Invalid

MAX_PATTERN = 300
MAX_WAYS = 200_000
_parser: Any = importlib.import_module("re._parser")  # what re itself is made from; it has no public name since 3.11

_ONE = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "RANGE", "CATEGORY", "AT", "NEGATE"})
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


def check(pattern: str, length: int) -> None:
    """Raise Invalid unless this is a regular expression that is quick on every text of up to `length` characters."""
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN or not (pattern.isprintable() or not pattern):
        raise Invalid(f"A pattern is one line of text of at most {MAX_PATTERN} characters.", errors=_told("is too long"))
    try:
        tree = _parser.parse(pattern)
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(f"The pattern of the text is no regular expression: {error}.", errors=_told(str(error))) from error
    if _ways(tree, length) > MAX_WAYS:
        raise Invalid(
            f"The pattern could be tried in more than {MAX_WAYS:,} ways on a text of {length:,} characters, which may take for ever: "
            "repeat nothing that repeats itself, say how often ({1,3} instead of +), or set a smaller max_length.",
            errors=_told("may take for ever"),
        )


def _ways(tree: Any, length: int) -> int:
    """Answer the most ways in which a part of a pattern can be tried, no further than is needed to refuse it."""
    ways = 1
    for operator, argument in tree:
        ways *= _ways_of(str(operator), argument, length)
        if ways > MAX_WAYS:
            return MAX_WAYS + 1
    return ways


def _ways_of(operator: str, argument: Any, length: int) -> int:
    if operator in _ONE:
        return 1
    if operator in _REPEATS:
        least, most, part = argument
        return _ways_of_repeat(least, most, part, length)
    if operator == "BRANCH":
        return sum(_ways(branch, length) for branch in argument[1])
    if operator in {"SUBPATTERN", "ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"}:
        return _ways(argument if operator == "ATOMIC_GROUP" else argument[-1], length)
    raise Invalid("The pattern refers to what it found before, which this hub does not take.", errors=_told("has a reference"))


def _ways_of_repeat(least: int, most: int, part: Any, length: int) -> int:
    narrowest = max(1, part.getwidth()[0])
    most = min(int(most), length // narrowest)
    inside = _ways(part, length)
    if inside == 1:
        return max(1, most - min(int(least), most) + 1)
    ways = 0
    for times in range(min(int(least), most), most + 1):
        ways += inside**times
        if ways > MAX_WAYS:
            return MAX_WAYS + 1
    return max(1, ways)


def _told(sentence: str) -> dict[str, list[str]]:
    return {"pattern": [sentence]}
