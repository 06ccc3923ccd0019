"""Statements whose SQL is spelled once, and planned once a connection, for the few that run at each key press.

Spelling a queryset anew costs more than running it, and so does planning one that joins. A hole is a value that differs from
call to call; it is spelled as one that nothing else in the query has. What does not differ stands in the SQL itself, so that
PostgreSQL's plan for any hole may use an index of only some rows.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import AutoField, CharField, ForeignKey, IntegerField, Model, QuerySet, TextField
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=Model)


def execute(sql: str, parameters: Any = ()) -> tuple[list[Any], int]:
    """Run a statement that this connection will meet again; answers its rows, and how many rows it wrote.

    PostgreSQL plans it once, after its first few uses, where Django's own cursors send each as new text. It is logged and
    counted as Django's are wherever that is asked for.
    """
    here = connections[DEFAULT_DB_ALIAS]
    if here.vendor != "postgresql":
        with here.cursor() as cursor:
            return _run(cursor, sql, parameters)
    here.close_if_health_check_failed()
    here.ensure_connection()
    planned: Any = psycopg.Cursor(here.connection)
    if here.queries_logged or here.execute_wrappers:
        return _run(here.make_debug_cursor(planned) if here.queries_logged else here.make_cursor(planned), sql, parameters)
    here.validate_no_broken_transaction()
    with here.wrap_database_errors:
        planned.execute(sql, parameters)
        has_rows = planned.pgresult is not None and planned.pgresult.nfields > 0  # `description` would describe each column
        return planned.fetchall() if has_rows else [], planned.rowcount


def _run(cursor: Any, sql: str, parameters: Any) -> tuple[list[Any], int]:
    cursor.execute(sql, parameters)
    return cursor.fetchall() if cursor.description else [], cursor.rowcount


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
        return list(spelled.read(execute(spelled.sql, parameters)[0]))

    def first(self, **holes: int | str) -> Row | None:
        """Answer the first row, if there is one."""
        return next(iter(self.rows(**holes)), None)

    def _spelled(self) -> "_Spelled[Row]":
        known = getattr(self.spelled, "known", None)
        if known is None or known.owner is not connections[DEFAULT_DB_ALIAS].settings_dict:
            known = _Spelled(self.make(**self.holes), self.holes)
            self.spelled.known = known
        found: _Spelled[Row] = known
        return found


class _Spelled(Generic[Row]):
    """The SQL of a queryset on this thread's connection, and how its rows are read."""

    def __init__(self, rows: QuerySet[Row], holes: dict[str, int | str]) -> None:
        self.owner = connection.settings_dict
        compiler: Any = rows.query.get_compiler(connection=connection)
        self.sql, self.parameters = _sql_of(compiler, holes)
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
            made = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.start : self.end])
            for populator in self.populators:
                populator.populate(row, made)
            for name, column in self.annotations.items():
                setattr(made, name, row[column])
            yield made


class PreparedValues:
    """A queryset of values() made by `make` of its holes: `rows(**holes)` answers what it finds now, as dictionaries."""

    def __init__(self, make: Callable[..., QuerySet[Any, dict[str, Any]]], **holes: type[int] | type[str]) -> None:
        self.make = make
        self.holes = {name: _mark(number, kind) for number, (name, kind) in enumerate(sorted(holes.items()))}
        self.spelled = threading.local()

    def rows(self, **holes: int | str) -> list[dict[str, Any]]:
        """Answer the rows."""
        spelled = self._spelled()
        found = execute(spelled.sql, [holes[place] if place else value for place, value in spelled.parameters])[0]
        told = spelled.compiler.apply_converters(found, spelled.converters) if spelled.converters else found
        return [dict(zip(spelled.names, row, strict=True)) for row in told]

    def _spelled(self) -> "_SpelledValues":
        known = getattr(self.spelled, "known", None)
        if known is None or known.owner is not connections[DEFAULT_DB_ALIAS].settings_dict:
            known = self.spelled.known = _SpelledValues(self.make(**self.holes), self.holes)
        found: _SpelledValues = known
        return found


class _SpelledValues:
    """The SQL of a queryset of values on this thread's connection, and the names of its columns."""

    def __init__(self, rows: QuerySet[Any, Any], holes: dict[str, int | str]) -> None:
        self.owner = connection.settings_dict
        self.compiler: Any = rows.query.get_compiler(connection=connection)
        self.sql, self.parameters = _sql_of(self.compiler, holes)
        self.names = list(rows.query.selected or ())
        select = self.compiler.select[: self.compiler.col_count]
        self.converters = self.compiler.get_converters([each[0] for each in select])


def _sql_of(compiler: Any, holes: Mapping[str, int | str]) -> tuple[str, list[tuple[str, Any]]]:
    """Answer the SQL, and of each of its parameters the hole it is, or "" and its value."""
    sql, parameters = compiler.as_sql()
    names = {value: name for name, value in holes.items()}
    told = [(names.get(value, "") if isinstance(value, int | str) else "", value) for value in parameters]
    missing = set(holes) - {name for name, _ in told}
    assert not missing, f"{missing} cannot be told from the rest of the query"
    return _with_constants(sql, told) if connection.vendor == "postgresql" else (sql, told)


def insert(row: Model) -> None:
    """Write a new row and set its key, like save(force_insert=True) of a model that nothing listens to."""
    statement = _insert_of(type(row), connection.vendor)
    values = [_bound(field, field.pre_save(row, add=True)) for field in statement.fields]
    [[row.pk]], _count = execute(statement.sql, values)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001  (as save does)


def update(model: type[Model], where: Mapping[str, Any], changes: Mapping[str, Any]) -> int:
    """Set plain values in the rows whose fields are as `where` says; answers how many there were."""
    statement = _update_of(model, tuple(changes), tuple(where), connection.vendor)
    values = [_bound(field, value) for field, value in zip(statement.fields, [*changes.values(), *where.values()], strict=True)]
    return execute(statement.sql, values)[1]


def _bound(field: Any, value: Any) -> Any:
    """Answer a value as the database takes it; most are so already, and asking each field would take longer than writing the row."""
    if value is None or (type(value) is str and isinstance(field, CharField | TextField)):
        return value
    if type(value) is int and isinstance(field, IntegerField | ForeignKey):
        return value
    if field.remote_field and isinstance(value, Model):
        value = getattr(value, field.target_field.attname)
    return field.get_db_prep_save(value, connection)


@dataclass(frozen=True)
class _Statement:
    sql: str
    fields: list[Any]


@cache
def _insert_of(model: type[Model], vendor: str) -> _Statement:
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.local_concrete_fields if not isinstance(field, AutoField)]
    columns, marks = ", ".join(quote(str(field.column)) for field in fields), ", ".join(["%s"] * len(fields))
    key = quote(str(model._meta.pk.column))
    return _Statement(f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks}) RETURNING {key}", fields)  # noqa: S608


@cache
def _update_of(model: type[Model], changes: tuple[str, ...], where: tuple[str, ...], vendor: str) -> _Statement:
    quote = connection.ops.quote_name
    fields = [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in (*changes, *where)]
    marks = [f"{quote(str(field.column))} = %s" for field in fields]  # type: ignore[union-attr]  # each has a column
    put, held = ", ".join(marks[: len(changes)]), " AND ".join(marks[len(changes) :])
    return _Statement(f"UPDATE {quote(model._meta.db_table)} SET {put} WHERE {held}", fields)  # noqa: S608


def _with_constants(sql: str, told: list[tuple[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    """Write what is no hole into the SQL."""
    values, operations = iter(told), cast(Any, connection.ops)

    def written(mark: re.Match[str]) -> str:
        if mark[0] == "%%":
            return "%%"
        name, value = next(values)
        return "%s" if name else operations.compose_sql("%s", [value]).replace("%", "%%")

    return re.sub("%[s%]", written, sql), [each for each in told if each[0]]


def _mark(number: int, kind: type[int] | type[str]) -> int | str:
    return -(2**62) - number if kind is int else f"\x1ahole {number}\x1a"
