"""Bodies of JSON as the API takes them: what the reader of the standard library lets through and no database keeps is refused."""

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MOST_LEVELS = 64
"""So deep a body may be nested; ours are a dozen levels deep at most."""


class JSONBody(JSONParser):
    """JSON of whole characters that is not nested without end."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Read it; raises ParseError."""
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise _too_deep() from error
        _check(value)
        return value


def _check(value: Any) -> None:
    """Walk without recursion, so that no depth is too much for the walk itself."""
    level = [value]
    for _ in range(MOST_LEVELS):
        texts = [part for part in level if isinstance(part, str)]
        texts += [key for part in level if isinstance(part, dict) for key in part]
        if any(not _is_whole(text) for text in texts):
            raise ParseError("The body holds half of a surrogate pair, which is no character.")
        dicts = [held for part in level if isinstance(part, dict) for held in part.values()]
        level = dicts + [held for part in level if isinstance(part, list) for held in part]
        if not level:
            return
    raise _too_deep()


def _is_whole(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _too_deep() -> ParseError:
    return ParseError(f"The body is nested more than {MOST_LEVELS} levels deep.")
