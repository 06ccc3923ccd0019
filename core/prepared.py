"""Querysets whose SQL is spelled once, for the few that run at each key press: spelling one anew costs more than running it.

A hole is a value that differs from call to call; it is spelled as one that nothing else in the query has.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import AutoField, Model, QuerySet
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=Model)


class Prepared(Generic[Row]):
    """A queryset made by `make` of its holes, which are integers or texts: `rows(**holes)` answers what it finds now.

    Rows come as from the queryset itself, with what it selects along and its annotations; not with what it would prefetch.
    """

    def __init__(self, make: Callable[..., QuerySet[Row]], **holes: type[int] | type[str]) -> None:
        self.make = make
        self.holes = {name: _mark(number, kind) for number, (name, kind) in enumerate(sorted(holes.items()))}
        self.spelled = threading.local()  # a compiler belongs to its connection, and that to its thread

    def rows(self, **holes: int | str) -> list[Row]:
        """Answer the rows."""
        spelled = self._spelled()
        parameters = [holes[place] if place else value for place, value in spelled.parameters]
        with connection.cursor() as cursor:
            cursor.execute(spelled.sql, parameters)
            return list(spelled.read(cursor.fetchall()))

    def first(self, **holes: int | str) -> Row | None:
        """Answer the first row, if there is one."""
        return next(iter(self.rows(**holes)), None)

    def _spelled(self) -> "_Spelled[Row]":
        known = getattr(self.spelled, "known", None)
        if known is None or known.owner is not connection.settings_dict:
            known = _Spelled(self.make(**self.holes), self.holes)
            self.spelled.known = known
        found: _Spelled[Row] = known
        return found


class _Spelled(Generic[Row]):
    """The SQL of a queryset on this thread's connection, and how its rows are read."""

    def __init__(self, rows: QuerySet[Row], holes: dict[str, int | str]) -> None:
        self.owner = connection.settings_dict
        compiler: Any = rows.query.get_compiler(connection=connection)
        self.sql, parameters = compiler.as_sql()
        names = {value: name for name, value in holes.items()}
        self.parameters = [(names.get(value, "") if isinstance(value, int | str) else "", value) for value in parameters]
        missing = set(holes) - {name for name, _ in self.parameters}
        assert not missing, f"{missing} cannot be told from the rest of the query"
        compiler.setup_query()
        compiler.pre_sql_setup()
        self.compiler, select, self.model = compiler, compiler.select, compiler.klass_info["model"]
        fields = compiler.klass_info["select_fields"]
        self.start, self.end = fields[0], fields[-1] + 1
        self.names = [each[0].target.attname for each in select[self.start : self.end]]
        # the stubs are of a later Django
        self.populators: Any = get_related_populators(compiler.klass_info, select, connection.alias)  # type: ignore[call-arg]
        self.annotations = dict(compiler.annotation_col_map or {})
        self.converters = compiler.get_converters([each[0] for each in select[: compiler.col_count]])

    def read(self, rows: list[Any]) -> Iterator[Row]:
        """Make models of rows."""
        for row in self.compiler.apply_converters(rows, self.converters) if self.converters else rows:
            made = self.model.from_db(connection.alias, self.names, row[self.start : self.end])
            for populator in self.populators:
                populator.populate(row, made)
            for name, column in self.annotations.items():
                setattr(made, name, row[column])
            yield made


def insert(row: Model) -> None:
    """Write a new row and set its key, like save(force_insert=True) of a model that nothing listens to."""
    statement = _insert_of(type(row), connection.vendor)
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in statement.fields]
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, values)
        row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001  (as save does)


@dataclass(frozen=True)
class _Insert:
    sql: str
    fields: list[Any]


@cache
def _insert_of(model: type[Model], vendor: str) -> _Insert:
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.local_concrete_fields if not isinstance(field, AutoField)]
    columns, marks = ", ".join(quote(str(field.column)) for field in fields), ", ".join(["%s"] * len(fields))
    key = quote(str(model._meta.pk.column))
    return _Insert(f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks}) RETURNING {key}", fields)  # noqa: S608


def _mark(number: int, kind: type[int] | type[str]) -> int | str:
    return -(2**62) - number if kind is int else f"\x1ahole {number}\x1a"
