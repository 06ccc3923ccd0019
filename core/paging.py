"""Keyset paging: a page costs the same at any depth, and a count is never exact past a thousand."""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from core.errors import Malformed

MAX_PAGE_SIZE = 500
DEFAULT_PAGE_SIZE = 100
COUNT_LIMIT = 1_000

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows, and the cursor of the next or None."""

    results: Sequence[Row]
    next: str | None


def keyset_page(rows: QuerySet[Row], *, order: str = "-pk", cursor: str = "", size: int = DEFAULT_PAGE_SIZE) -> Page[Row]:
    """Answer up to `size` rows after `cursor`, ordered by `order` and then by primary key.

    `order` is one non-null column, with "-" for descending; where the primary key is of several columns, each value of `order`
    is in `rows` once. Raises Malformed for a cursor we did not make.
    """
    size = max(1, min(size, MAX_PAGE_SIZE))
    column, descending = order.removeprefix("-"), order.startswith("-")
    last = "pk" if len(rows.model._meta.pk_fields) == 1 else column
    if cursor:
        rows = _behind(rows, _after(column, descending, last, *_read_cursor(cursor)))
    sign = "-" if descending else ""
    found = list(rows.order_by(*dict.fromkeys([f"{sign}{column}", f"{sign}{last}"]))[: size + 1])
    more = len(found) > size
    found = found[:size]
    return Page(found, _write_cursor(found[-1], column, last) if more else None)


@dataclass(frozen=True)
class ValuesPage:
    """One page of plain rows, and the cursor of the next or None."""

    results: Sequence[dict[str, Any]]
    next: str | None


def values_page(
    rows: QuerySet[Any],
    columns: Sequence[str],
    *,
    cursor: str = "",
    size: int = DEFAULT_PAGE_SIZE,
    key: str = "pk",
    narrow: Q | None = None,
    **expressions: Any,
) -> ValuesPage:
    """Answer up to `size` rows as dictionaries of `columns`, `expressions` and `key`, newest first: the cheap page of hot endpoints.

    `key` is a whole number, once in `rows`, that an index orders them by. `narrow` is what has no index: the next SCAN rows are
    looked through for it, so that a page may be short and have a next one all the same. Raises Malformed for a cursor we did
    not make.
    """
    size = max(1, min(size, MAX_PAGE_SIZE))
    if cursor:
        after = _read_cursor(cursor)[1]
        if not isinstance(after, int) or abs(after) >= 2**63:
            raise Malformed("This cursor was not made by us; start from the first page.")
        rows = rows.filter(**{f"{key}__lt": after})
    end = None
    if narrow:
        end = rows.order_by(f"-{key}").values_list(key, flat=True)[SCAN - 1 : SCAN].first()
        rows = (rows.filter(**{f"{key}__gte": end}) if end is not None else rows).filter(narrow)
    chosen = rows.order_by(f"-{key}")[: size + 1]
    if key != "pk":  # found before anything is joined: a planner that joins first may walk the other table from its end to here
        chosen = rows.model._base_manager.filter(pk__in=chosen.values("pk")).order_by(f"-{key}")
    found = list(chosen.values(key, *columns, **expressions))
    last = found[size - 1][key] if len(found) > size else end
    return ValuesPage(found[:size], _spell([last, last]) if last is not None else None)


def bounded_count(rows: QuerySet[Any], limit: int = COUNT_LIMIT) -> str:
    """Answer "37" or "1,000+": the count of `rows`, reading no more than `limit` of them."""
    found = rows.order_by().values("pk")[: limit + 1].count()
    return f"{limit:,}+" if found > limit else f"{found:,}"


def page_size(text: str | None) -> int:
    """Read a `page_size` parameter; raises Malformed for what is no number from 1 to 500."""
    if not text:
        return DEFAULT_PAGE_SIZE
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise Malformed(f"page_size must be a number from 1 to {MAX_PAGE_SIZE}.")
    return int(text)


def _behind(rows: QuerySet[Row], condition: Q) -> QuerySet[Row]:
    try:
        return rows.filter(condition)
    except (ValidationError, ValueError, TypeError) as error:  # values of another column's type
        raise Malformed("This cursor was not made by us; start from the first page.") from error


def _after(column: str, descending: bool, last: str, value: Any, key: Any) -> Q:
    step = "lt" if descending else "gt"
    if column == last:
        return Q(**{f"{last}__{step}": key})
    return Q(**{f"{column}__{step}": value}) | Q(**{column: value, f"{last}__{step}": key})


def _write_cursor(row: Model, column: str, last: str) -> str:
    return _spell([getattr(row, column), getattr(row, last)])


def _spell(parts: list[Any]) -> str:
    text = json.dumps(parts, default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[Any, Any]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise Malformed("This cursor was not made by us; start from the first page.") from error
    if not (_is_kept(value) and _is_kept(key)):
        raise Malformed("This cursor was not made by us; start from the first page.")
    return value, key


def _is_kept(part: Any) -> bool:
    """Tell whether a column may hold this: no list, no number without end, and no text that PostgreSQL refuses."""
    if isinstance(part, str):
        return "\x00" not in part
    return isinstance(part, int) or (isinstance(part, float) and math.isfinite(part))


SCAN = 10_000
"""How many rows a page looks through at most, where its filters have no index of their own."""


def scanned_page(rows: QuerySet[Row], narrow: Q, *, cursor: str = "", size: int = DEFAULT_PAGE_SIZE) -> Page[Row]:
    """Answer up to `size` rows that `narrow` leaves of the next SCAN of `rows`, newest first.

    `rows` is narrowed by what has an index already. A page may be short, even empty, and have a next one all the same.
    """
    size = max(1, min(size, MAX_PAGE_SIZE))
    if cursor:
        rows = _behind(rows, _after("pk", True, "pk", *_read_cursor(cursor)))
    last = _nth(rows, "-pk", SCAN) if narrow else None
    within = rows.filter(pk__gte=last) if last is not None else rows
    # keys first, apart: what a page shows would else be joined for all that was looked through, and sorted with it
    keys = list(within.filter(narrow).order_by("-pk").values_list("pk", flat=True)[: size + 1])
    found = list(rows.filter(pk__in=keys).order_by("-pk")) if keys else []
    if len(found) > size:
        return Page(found[:size], _write_cursor(found[size - 1], "pk", "pk"))
    return Page(found, _spell([last, last]) if last is not None and rows.filter(pk__lt=last).exists() else None)


def scanned_count(rows: QuerySet[Any], narrow: Q, limit: int = COUNT_LIMIT) -> str:
    """Answer "37", or "37+" and "1,000+" where more may follow: the count of what `narrow` leaves of the newest SCAN rows."""
    if not narrow:
        return bounded_count(rows, limit)
    last = _nth(rows, "-pk", SCAN)
    within = rows.filter(pk__gte=last) if last is not None else rows
    return spelled(within.filter(narrow).order_by().values("pk")[: limit + 1].count(), limit, is_all=last is None)


def spelled(found: int, limit: int = COUNT_LIMIT, *, is_all: bool = True) -> str:
    """Say a count that goes no further than `limit`, of all there are or only of those that were looked through."""
    if found > limit:
        return f"{limit:,}+"
    return f"{found:,}" if is_all else f"{found:,}+"


def scanned_keys(rows: QuerySet[Any], narrow: Q, *, after: int, until: int, size: int) -> tuple[list[int], int]:
    """Answer up to `size` keys in (after, until], oldest first, of the next SCAN rows; and how far that was: `until` at the end."""
    rows = rows.filter(pk__gt=after, pk__lte=until)
    last = _nth(rows, "pk", SCAN)
    within = rows.filter(pk__lte=last) if last is not None else rows
    found = list(within.filter(narrow).order_by("pk").values_list("pk", flat=True)[:size])
    if len(found) == size:
        return found, found[-1]
    return found, until if last is None else last


def _nth(rows: QuerySet[Any], order: str, number: int) -> Any:
    """Answer the key of the `number`-th row, or None where there are fewer."""
    return rows.order_by(order).values_list("pk", flat=True)[number - 1 : number].first()
