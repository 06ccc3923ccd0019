"""Counting many things at once: one statement for a page of cards, each count bounded, each with its oldest where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, QuerySet

from core.paging import COUNT_LIMIT


@dataclass(frozen=True)
class Counted:
    """How many there are, as "37" or "1,000+", and since when the oldest is there."""

    number: str
    oldest: datetime | None = None

    @property
    def is_none(self) -> bool:
        """Tell whether there is nothing."""
        return self.number == "0"


NONE = Counted("0")


def count_together(asked: Sequence[tuple[QuerySet[Any], str]], limit: int = COUNT_LIMIT) -> list[Counted]:
    """Answer for each (rows, column) how many rows there are, reading no more than `limit`, and the earliest `column` among them.

    An empty column asks for no moment. The moment is that of the counted ones where these are all, and looked for in a second
    walk only where there are more.
    """
    spelled = [(place, *_spelled(rows, since, limit)) for place, (rows, since) in enumerate(asked)]
    parts = [(place, sql, parameters) for place, sql, parameters in spelled if sql]
    found = [NONE] * len(asked)
    if not parts:
        return found
    with connection.cursor() as cursor:
        statement = " UNION ALL ".join(f"SELECT {place} AS place, n, {sql}" for place, sql, _ in parts)
        cursor.execute(statement, [value for _, _, parameters in parts for value in parameters])
        for place, number, oldest in cursor.fetchall():
            found[place] = Counted(f"{limit:,}+" if number > limit else f"{number:,}", _moment(oldest))
    return found


def _spelled(rows: QuerySet[Any], since: str, limit: int) -> tuple[str, tuple[Any, ...]]:
    """Spell one question as the end of a SELECT; empty where it is known that nothing can be found."""
    try:
        if not since:
            counted, values = rows.order_by().values("pk")[: limit + 1].query.sql_with_params()
            return f"{_no_moment()} AS oldest FROM (SELECT COUNT(*) AS n FROM ({counted}) AS found) AS counted", values  # noqa: S608
        counted, values = rows.order_by().values(counted_since=F(since))[: limit + 1].query.sql_with_params()
        first, more = rows.order_by(since).values(since)[:1].query.sql_with_params()
    except EmptyResultSet:
        return "", ()
    both = f"SELECT COUNT(*) AS n, MIN(counted_since) AS least FROM ({counted}) AS found"  # noqa: S608  # Django's own SQL
    return f"CASE WHEN n > {limit} THEN ({first}) ELSE least END AS oldest FROM ({both}) AS counted", (*more, *values)


def _no_moment() -> str:
    return "CAST(NULL AS timestamp with time zone)" if connection.vendor == "postgresql" else "NULL"


def _moment(value: Any) -> datetime | None:
    """Read a moment as the database answers it; SQLite's are texts in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
