"""Samples as lines of a file, as many as there are, in the order in which they came."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from django.db.models import QuerySet

from core.csv_rows import csv_lines
from core.paging import scanned_keys
from learning.models import LearningSample
from learning.sample_filters import Found

CHUNK = 1_000
COLUMNS = (
    "sample_id", "event_id", "module__slug", "city__slug", "camera__camera_id", "batch_id", "captured_at", "received_at",
    "sample_type", "state", "label_status", "confidence", "image_quality_score", "prediction", "predicted_by", "truth",
)  # fmt: skip
NAMES = tuple(column.removesuffix("__slug").replace("camera__camera_id", "camera") for column in COLUMNS)


def lines(found: Found, *, until: int, spelling: str) -> Iterator[str]:
    """Answer the samples found up to the key `until` as lines; `spelling` is ids, csv or jsonl."""
    yield from SPELLINGS[spelling](_rows(found, until))


def _rows(found: Found, until: int) -> Iterator[dict[str, Any]]:
    at = 0
    while at < until:
        keys, at = scanned_keys(found.rows, found.narrow, after=at, until=until, size=CHUNK)
        rows: QuerySet[Any, Any] = LearningSample.objects.filter(pk__in=keys).order_by("pk").values_list(*COLUMNS)
        for row in rows:
            yield dict(zip(NAMES, row, strict=True))


def _ids(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    return csv_lines(_table(rows, ("sample_id", "event_id", "city")))


def _csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    return csv_lines(_table(rows, NAMES))


def _jsonl(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE, default=str).decode()


def _table(rows: Iterator[dict[str, Any]], names: Sequence[str]) -> Iterator[Sequence[Any]]:
    yield names
    for row in rows:
        yield [_cell(row[name]) for name in names]


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else "" if value is None else value


SPELLINGS: dict[str, Callable[[Iterator[dict[str, Any]]], Iterator[str]]] = {"ids": _ids, "csv": _csv, "jsonl": _jsonl}
