"""Tables as CSV, streamed row by row; a spreadsheet runs nothing of what they hold."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet takes for a formula."""


class _Echo:
    def write(self, text: str) -> str:
        """Answer what was written instead of keeping it."""
        return text


def csv_lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Spell rows as lines of CSV."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield str(writer.writerow([harmless(value) for value in row]))


def harmless(value: Any) -> Any:
    """Answer a cell's value; text that a spreadsheet would run gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value


def csv_response(rows: Iterable[Sequence[Any]], filename: str) -> StreamingHttpResponse:
    """Answer rows (the first is the head) as a file to keep; `filename` is our own word."""
    response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
