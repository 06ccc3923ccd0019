"""Counting many things at once: one statement for a page of cards, each count bounded, each with its oldest where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

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

    An empty column asks for no moment. The moment is looked for only where something was counted: to look for what is not
    there would walk the column's index from end to end.
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
        counted, values = rows.order_by().values("pk")[: limit + 1].query.sql_with_params()
        first, more = rows.order_by(since).values(since)[:1].query.sql_with_params() if since else ("", ())
    except EmptyResultSet:
        return "", ()
    moment = f"CASE WHEN n > 0 THEN ({first}) END" if first else _no_moment()
    end = f"{moment} AS oldest FROM (SELECT COUNT(*) AS n FROM ({counted}) AS found) AS counted"  # noqa: S608  # Django's own SQL
    return end, (*more, *values)


def _no_moment() -> str:
    return "CAST(NULL AS timestamp with time zone)" if connection.vendor == "postgresql" else "NULL"


def _moment(value: Any) -> datetime | None:
    """Read a moment as the database answers it; SQLite's are texts in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
