"""Many new rows at once: COPY on PostgreSQL, executemany elsewhere; columns, defaults and spelling come from the model."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from django.db import connection, models
from django.utils import timezone

CHUNK = 5_000
NULL = "\\N"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_ABSENT = object()
Spell = Callable[[Any], Any]


class Table:
    """Rows on their way into the table of `model`: `add` each one by its columns' values, then `write` them all.

    What is not given takes the field's default. A `keyed` table is given its integer keys (`take_keys`), any other leaves
    them to the database. Nothing of `save` or its signals runs, as with bulk_create.
    """

    def __init__(self, model: type[models.Model], *, keyed: bool = False) -> None:
        shape = _Shape.of(model, keyed)
        self.shape, self.rows = shape, list[list[Any]]()

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, **values: Any) -> None:
        """Note one row; names are the fields' attnames (`city_id`, not `city`)."""
        row, at = self.shape.blank.copy(), self.shape.at
        for name, value in values.items():
            row[at[name]] = value
        for index, make in self.shape.made:
            if row[index] is _ABSENT:
                row[index] = make()
        self.rows.append(row)

    def write(self) -> None:
        """Write the noted rows; raises django.db.IntegrityError like any insert."""
        if not self.rows:
            return
        now = timezone.now()
        for row in self.rows:
            for index in self.shape.stamped:
                row[index] = now
        if connection.vendor == "postgresql":
            self._copy()
        else:
            self._insert()
        self.rows = []

    def _copy(self) -> None:
        spells = self.shape.spells(_COPY)
        columns = ", ".join(self.shape.quoted())
        statement = f"COPY {connection.ops.quote_name(self.shape.table)} ({columns}) FROM STDIN"
        # what goes wrong inside of copy() is psycopg's own error: the wrapper makes it Django's
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.cursor.copy(statement) as copy:
            for start in range(0, len(self.rows), CHUNK):
                copy.write("".join([_line(row, spells) for row in self.rows[start : start + CHUNK]]))

    def _insert(self) -> None:
        spells = self.shape.spells(_PARAMETER)
        columns = ", ".join(self.shape.quoted())
        marks = ", ".join(["%s"] * len(self.shape.columns))
        statement = f"INSERT INTO {connection.ops.quote_name(self.shape.table)} ({columns}) VALUES ({marks})"  # noqa: S608  (quoted names)
        with connection.cursor() as cursor:
            for start in range(0, len(self.rows), CHUNK):
                cursor.executemany(statement, [_parameters(row, spells) for row in self.rows[start : start + CHUNK]])


def take_keys(model: type[models.Model], count: int) -> Iterable[int]:
    """Reserve `count` integer keys, in ascending order, in the caller's transaction."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            key = model._meta.pk.column
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [connection.ops.quote_name(table), key, count],
            )
            return [key for (key,) in cursor.fetchall()]
        # SQLite: the write lock of this transaction keeps others from taking the same
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
    last = row[0] if row else 0
    return range(last + 1, last + 1 + count)


class _Shape:
    """What of a model's columns does not change from row to row."""

    def __init__(self, model: type[models.Model], *, keyed: bool) -> None:
        fields = [field for field in model._meta.local_concrete_fields if keyed or not isinstance(field, models.AutoField)]
        self.table = model._meta.db_table
        self.columns = [str(field.column) for field in fields]
        self.kinds = [_kind(field) for field in fields]
        self.at = {field.attname: index for index, field in enumerate(fields)}
        self.stamped = [index for index, field in enumerate(fields) if getattr(field, "auto_now_add", False)]
        self.made = [(index, field.default) for index, field in enumerate(fields) if _is_made(field)]
        self.blank = [_ABSENT if _is_made(field) else field.get_default() for field in fields]

    def quoted(self) -> list[str]:
        """Answer the columns' names, quoted."""
        return [connection.ops.quote_name(column) for column in self.columns]

    @staticmethod
    @cache
    def of(model: type[models.Model], keyed: bool) -> "_Shape":
        """Answer the shape of a model, read once."""
        return _Shape(model, keyed=keyed)

    def spells(self, table: dict[type[Any], Spell]) -> list[Spell]:
        """Answer for each column how a value is spelled, by the first class of its field that the table names."""
        return [next((table[kind] for kind in of.__mro__ if kind in table), table[models.Field]) for of in self.kinds]


def _is_made(field: Any) -> bool:
    return bool(field.has_default() and callable(field.default))


def _kind(field: Any) -> type[Any]:
    return type(field.target_field if isinstance(field, models.ForeignKey) else field)


def _line(row: list[Any], spells: list[Spell]) -> str:
    return "\t".join([NULL if value is None else spell(value) for spell, value in zip(spells, row, strict=True)]) + "\n"


def _parameters(row: list[Any], spells: list[Spell]) -> list[Any]:
    return [None if value is None else spell(value) for spell, value in zip(spells, row, strict=True)]


def _text(value: str) -> str:
    return value.translate(ESCAPES)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


_COPY: dict[type[Any], Spell] = {
    models.JSONField: lambda value: _json(value).replace("\\", "\\\\"),
    models.DateTimeField: lambda value: value.isoformat(),
    models.CharField: _text,
    models.TextField: _text,
    models.Field: str,
}
_PARAMETER: dict[type[Any], Spell] = {
    models.JSONField: _json,
    models.DateTimeField: _moment,
    models.UUIDField: lambda value: value.hex,
    models.Field: lambda value: value,
}
