"""Many new rows at once: COPY on PostgreSQL, executemany elsewhere; columns, defaults and spelling come from the model.

Rows are spelled column by column, and what all rows share is spelled once: that is what makes it fast.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from itertools import islice, repeat
from queue import Queue
from threading import Thread
from typing import Any, Self

import msgspec
from django.db import connection, models
from django.utils import timezone

CHUNK = 1_000
"""Rows that are handed over at once: while the database takes them, the next are spelled."""
SELDOM = 100_000
"""So many more containers there are before Python looks for cycles, where many rows pass."""
WAITING = 3
"""Tables' rows that may wait for the database, spelled, where it is written behind."""
NULL = "\\N"
ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
ESCAPES = str.maketrans(ESCAPED)
Column = list[Any]
Spell = Callable[[Column], Column]


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for cycles seldom meanwhile: rows by the thousand go by themselves, and walking them again and again takes a fifth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class Table:
    """Rows on their way into the table of `model`: `add` each one by its columns' values, then `write` them all.

    All rows name the same columns; what is not given takes the field's default. Keys of whole numbers that are not given
    are left to the database. Nothing of `save` or its signals runs, as with bulk_create.
    """

    def __init__(self, model: type[models.Model]) -> None:
        self.model, self.rows = model, list[dict[str, Any]]()

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, **values: Any) -> None:
        """Note one row; names are the fields' attnames (`city_id`, not `city`)."""
        self.rows.append(values)

    def write(self) -> None:
        """Write the noted rows; raises django.db.IntegrityError like any insert."""
        if self.rows:
            write(self.model, len(self.rows), {name: [row[name] for row in self.rows] for name in self.rows[0]})
        self.rows = []


def write(model: type[models.Model], count: int, values: Mapping[str, Any]) -> None:
    """Write `count` rows: a list holds a value for each row, anything else is the value of all.

    Else like Table; raises django.db.IntegrityError like any insert.
    """
    if not count:
        return
    columns = _columns(model, count, values)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            _copy(cursor, connection.wrap_database_errors, *_lines(model, count, columns))
    else:
        _insert(model, count, columns)


class Behind:
    """Writes rows like `write`, but PostgreSQL takes them while the caller goes on: for requests of very many rows.

    Meanwhile nobody else may use the connection. What the database refuses is raised at the next call, or at the end.
    """

    def __init__(self) -> None:
        self.waiting: Queue[tuple[str, list[str]] | None] = Queue(maxsize=WAITING)
        self.refused: BaseException | None = None

    def __enter__(self) -> Self:
        if connection.vendor == "postgresql":
            self.cursor, self.errors = connection.cursor(), connection.wrap_database_errors
            self.thread = Thread(target=self._run, daemon=True)
            self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if connection.vendor == "postgresql":
            self.waiting.put(None)
            self.thread.join()
            self.cursor.close()
        if kind is None:
            self._raise()

    def write(self, model: type[models.Model], count: int, values: Mapping[str, Any]) -> None:
        """Write `count` rows of a table; the calls' order is kept."""
        if connection.vendor != "postgresql":
            write(model, count, values)
        elif count:
            self._raise()
            statement, lines = _lines(model, count, _columns(model, count, values))
            self.waiting.put((statement, list(lines)))

    def wait(self) -> None:
        """Return once all is written; the connection is the caller's until the next call of `write`."""
        self.waiting.join()
        self._raise()

    def _run(self) -> None:
        while (table := self.waiting.get()) is not None:
            try:
                if not self.refused:  # else the transaction is lost already, and the caller shall not wait for a place
                    _copy(self.cursor, self.errors, *table)
            except BaseException as error:  # noqa: BLE001  (raised where it is waited for)
                self.refused = error
            finally:
                self.waiting.task_done()

    def _raise(self) -> None:
        if self.refused:
            raise self.refused


def take_keys(model: type[models.Model], count: int) -> list[int]:
    """Reserve `count` integer keys, in ascending order, in the caller's transaction."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "WITH named AS MATERIALIZED (SELECT pg_get_serial_sequence(%s, %s)::regclass AS sequence)"
                " SELECT array_agg(nextval(sequence)) FROM named, generate_series(1, %s)",
                [connection.ops.quote_name(table), model._meta.pk.column, count],
            )
            return list(cursor.fetchone()[0] or ())
        # SQLite: the write lock of this transaction keeps others from taking the same
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
    last = row[0] if row else 0
    return list(range(last + 1, last + 1 + count))


def _columns(model: type[models.Model], count: int, values: Mapping[str, Any]) -> dict[Any, Any]:
    """Answer for each field that is written its column, or the one value of all rows."""
    columns, now = {}, timezone.now()
    for field in _fields(model):
        if field.attname in values:
            columns[field] = values[field.attname]
        elif getattr(field, "auto_now_add", False):
            columns[field] = now
        elif field.has_default() and callable(field.default):
            columns[field] = [field.default() for _ in range(count)]
        elif not isinstance(field, models.AutoField):
            columns[field] = field.get_default()
    return columns


def _lines(model: type[models.Model], count: int, columns: Mapping[Any, Any]) -> tuple[str, Iterator[str]]:
    """Answer the COPY statement, and what to send, in pieces that are spelled when they are asked for."""
    names, pieces, spelled = [], [], []
    for field, value in columns.items():
        if value is None:
            continue  # what COPY is not given is null
        names.append(connection.ops.quote_name(field.column))
        if isinstance(value, list):
            pieces.append("%s")
            spelled.append(_spelled(field, value, _COPY))
        else:
            pieces.append(_spelled(field, [value], _COPY)[0].replace("%", "%%"))
    line = "\t".join(pieces) + "\n"
    statement = f"COPY {connection.ops.quote_name(model._meta.db_table)} ({', '.join(names)}) FROM STDIN"
    return statement, ("".join([line % row for row in rows]) for rows in _chunks(spelled, count))


def _copy(cursor: Any, errors: Any, statement: str, lines: Iterable[str]) -> None:
    """Send them; what goes wrong inside of copy() is psycopg's own error, and `errors` makes it Django's."""
    with errors, cursor.cursor.copy(statement) as copy:
        for piece in lines:
            copy.write(piece)


def _insert(model: type[models.Model], count: int, columns: Mapping[Any, Any]) -> None:
    quote = connection.ops.quote_name
    names, marks = ", ".join(quote(field.column) for field in columns), ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608  (quoted names)
    spelled = list[Iterable[Any]]()
    for field, value in columns.items():
        one = isinstance(value, list)
        found = _spelled(field, value if one else [value], _PARAMETER)
        spelled.append(found if one else repeat(found[0], count))
    with connection.cursor() as cursor:
        for rows in _chunks(spelled, count):
            cursor.executemany(statement, rows)


def _chunks(spelled: Sequence[Iterable[Any]], count: int) -> Iterator[list[tuple[Any, ...]]]:
    rows = zip(*spelled, strict=True) if spelled else repeat((), count)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


@cache
def _fields(model: type[models.Model]) -> list[Any]:
    return list(model._meta.local_concrete_fields)


def _spelled(field: Any, column: Column, table: Mapping[type[Any], Spell]) -> Column:
    """Spell a column by the first class of its field that the table names; absent values stay apart."""
    kind = type(field.target_field if isinstance(field, models.ForeignKey) else field)
    spell = next((table[each] for each in kind.__mro__ if each in table), table[models.Field])
    if None not in column:
        return spell(column)
    there = iter(spell([value for value in column if value is not None]))
    null = NULL if table is _COPY else None
    return [null if value is None else next(there) for value in column]


def _texts(column: Column) -> Column:
    """Escape them where any of them needs it, which is seldom."""
    joined = "".join(column)
    return [value.translate(ESCAPES) for value in column] if any(each in joined for each in ESCAPED) else column


def _json(column: Column) -> Column:
    encode = msgspec.json.encode
    return [encode(value).decode() for value in column]


def _moments(column: Column) -> Column:
    return [connection.ops.adapt_datetimefield_value(value) for value in column]


def _isoformats(column: list[datetime]) -> Column:
    return [value.isoformat() for value in column]


_COPY: dict[type[Any], Spell] = {
    models.JSONField: lambda column: _texts(_json(column)),
    models.DateTimeField: _isoformats,
    models.CharField: _texts,
    models.TextField: _texts,
    models.Field: lambda column: list(map(str, column)),
}
_PARAMETER: dict[type[Any], Spell] = {
    models.JSONField: _json,
    models.DateTimeField: _moments,
    models.UUIDField: lambda column: [str(value).replace("-", "") for value in column],
    models.Field: lambda column: column,
}
