"""Very many rows by one statement: INSERT … SELECT over a series, with what is not said taken from the model's own defaults."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED


def seed(model: type[models.Model], source: str, /, **columns: str) -> None:
    """Write one row for each row of `source`, what FROM may say; columns are SQL by the fields' attnames, like `city_id="1"`.

    Whole-numbered keys that are said are counted on from; PostgreSQL only.
    """
    fields = [field for field in model._meta.concrete_fields if field.column]
    said = [(field.column, columns.pop(str(field.attname), "") or _default(field)) for field in fields]
    assert not columns, f"{model._meta.label} has no {', '.join(columns)}"
    told = [(column, spelled) for column, spelled in said if spelled]
    names, values = ", ".join(f'"{column}"' for column, _ in told), ", ".join(spelled for _, spelled in told)
    table, key = model._meta.db_table, model._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {values} FROM {source}')  # noqa: S608  # our own words
        if isinstance(key, models.AutoField | models.BigAutoField):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM \"{table}\"))")  # noqa: S608


@contextmanager
def bare(*tables: type[models.Model]) -> Iterator[None]:
    """Let many rows in quickly: indexes that no constraint stands on are built, and triggers look again, once all are there."""
    names = [table._meta.db_table for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [names])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for name in names:
            cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
    yield
    with connection.cursor() as cursor:
        for _, definition in indexes:
            cursor.execute(definition)
        for name in names:
            cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")
            cursor.execute(f"ANALYZE {name}")


INDEXES = """
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE c.relname = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
"""


def series(count: int, *more: str) -> str:
    """Answer a source of `count` rows with the number n, from 1; each of `more` is "SQL AS name" and may use those before."""
    laterals = "".join(f", LATERAL (SELECT {each}) AS of_{number}" for number, each in enumerate(more))
    return f"generate_series(1, {count}) AS n{laterals}"


def part(number: int, of: str = "n") -> str:
    """Answer SQL for a share from 0 to below 1, drawn by a hash: the same for the same n, another for each `number`."""
    return f"((hashint4(({of} + {number * 7919})::int) & 65535) / 65536.0)"


def pick(values: list[Any], by: str, kind: str = "text") -> str:
    """Answer SQL for one of `values` by a share from 0 to below 1; name a value twice and it comes twice as often."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{listed}]::{kind}[])[1 + floor({by} * {len(values)})::int]"


def digest(of: str) -> str:
    """Answer SQL for 64 hexadecimal characters."""
    return f"(md5({of}) || md5({of} || 'x'))"


def _default(field: "models.Field[Any, Any]") -> str:
    """Answer SQL for what Django would write where nothing is said; empty for what the database numbers itself."""
    from psycopg import sql

    if isinstance(field, models.AutoField | models.BigAutoField):
        return ""
    if getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False):
        return "now()"
    if isinstance(field, models.UUIDField) and field.primary_key:
        return "gen_random_uuid()"
    if field.default is NOT_PROVIDED and not field.null and not field.blank:
        raise ValueError(f"{field.model._meta.label}.{field.attname} has to be said.")
    value = field.get_db_prep_save(field.get_default(), connection)
    return sql.Literal(value).as_string(connection.connection)
