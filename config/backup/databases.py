"""Dumping and loading the database: pg_dump and psql for PostgreSQL, SQLite's own backup. Counts are of the very same moment."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from config.models import Restore
from core.errors import Conflict, Unavailable
from core.ids import new_id

LOCK_TIMEOUT = "SET lock_timeout = '60s';\n"
OBJECTS = """
    SELECT name, size, CASE WHEN kind = 'image' AND verified_at IS NULL THEN '' ELSE sha256 END
    FROM stored_objects WHERE alias = 'objects' AND deleted_at IS NULL ORDER BY name
"""
"""What is in the store, with its hash; "" of an image that was announced and that nobody has hashed yet, if it came at all."""
MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY id"


@dataclass(frozen=True)
class Dumped:
    """What was dumped: rows by table, the migrations that were applied, as "app.name", and the last entry of the audit log."""

    rows: dict[str, int]
    migrations: list[str]
    last_event: int


def dump(folder: Path) -> Dumped:
    """Write the database and the list of its live objects into `folder`, both of one moment; raises Unavailable."""
    return _dump_postgresql(folder) if connection.vendor == "postgresql" else _dump_sqlite(folder)


def load(folder: Path, taken_at: datetime) -> None:
    """Put a dump in place of an empty hub's tables, closed until somebody opens it; all or nothing."""
    mark = Restore(id=new_id(), backup_taken_at=taken_at, restored_at=timezone.now())
    if connection.vendor == "postgresql":
        _load_postgresql(folder, mark)
    else:
        _load_sqlite(folder, mark)
    connection.close()  # what it has prepared is of tables that are no more


def file_name() -> str:
    """Answer the name of a dump of this kind of database."""
    return "database.dump" if connection.vendor == "postgresql" else "database.sqlite3"


def counts() -> dict[str, int]:
    """Count the rows of every table that is there."""
    with connection.cursor() as cursor:
        return {table: _count(cursor, table) for table in sorted(set(connection.introspection.table_names()) & _tables())}


def has_restores() -> bool:
    """Tell whether this database has the table that says what it was restored from; an empty one has none."""
    return Restore._meta.db_table in connection.introspection.table_names()


def refuse_used() -> None:
    """Raise Conflict unless this database is an empty hub's, with tables or without."""
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        used = [table for table in ("users", "events", "restores") if table in there and _count(cursor, table)]
    if used:
        raise Conflict("This database is in use: a backup is put back into an empty one only, so that nothing is overwritten.")


def _tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True)}


def _count(cursor: Any, table: str) -> int:
    cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608  (our own models' names)
    return int(cursor.fetchone()[0])


def _described(cursor: Any, tables: set[str], folder: Path) -> Dumped:
    """Write objects.jsonl, and count; through a cursor that sees the moment of the dump."""
    rows = {table: _count(cursor, table) for table in sorted(tables & _tables())}
    cursor.execute(MIGRATIONS)
    migrations = [f"{app}.{name}" for app, name in cursor.fetchall()]
    cursor.execute(OBJECTS)
    with (folder / "objects.jsonl").open("w") as out:
        for name, size, sha256 in iter(cursor.fetchone, None):
            out.write(json.dumps({"name": name, "size": size, "sha256": sha256}) + "\n")
    cursor.execute("SELECT coalesce(max(id), 0) FROM events")
    return Dumped(rows, migrations, int(cursor.fetchone()[0]))


def _dump_postgresql(folder: Path) -> Dumped:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        found = _described(cursor, set(connection.introspection.table_names(cursor)), folder)
        path = folder / file_name()
        path.touch(mode=0o600)
        _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", "--file", str(path)])
    return found


def _dump_sqlite(folder: Path) -> Dumped:
    connection.ensure_connection()
    path = folder / file_name()
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return _described(copy.cursor(), tables, folder)


def _load_postgresql(folder: Path, mark: Restore) -> None:
    """Let psql read what pg_restore spells, and our mark behind it, in one transaction that the end of its input commits."""
    spell = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--file=-", str(folder / file_name())]
    take = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null", "--file=-"]
    with _started(spell, stdout=subprocess.PIPE) as spelling, _started(take, stdin=subprocess.PIPE) as taking:
        assert spelling.stdout is not None
        assert taking.stdin is not None
        try:
            taking.stdin.write(LOCK_TIMEOUT.encode())
            while piece := spelling.stdout.read(1 << 20):
                taking.stdin.write(piece)
            if spelling.wait() != 0:
                taking.kill()  # before the end of its input, which would commit half of it
                raise Unavailable(f"pg_restore: {_said(spelling)}")
            taking.stdin.write(_insert(mark).encode())
            taking.stdin.close()
        except BrokenPipeError:
            spelling.kill()
        if taking.wait() != 0:
            raise Unavailable(f"The dump could not be loaded, and nothing was: {_said(taking)}")


def _load_sqlite(folder: Path, mark: Restore) -> None:
    with closing(sqlite3.connect("")) as scratch, closing(sqlite3.connect(folder / file_name())) as kept:
        kept.backup(scratch)  # a file of its own that goes with it: the set itself is never written to
        scratch.executescript(_insert(mark))
        connection.ensure_connection()
        scratch.backup(connection.connection)


def _insert(mark: Restore) -> str:
    """Spell the row by hand, for it goes to the database in the company of the dump."""
    key = mark.pk.hex if connection.vendor == "sqlite" else str(mark.pk)
    moments = (mark.backup_taken_at, mark.restored_at)
    if connection.vendor == "sqlite":
        taken, now = (connection.ops.adapt_datetimefield_value(moment) for moment in moments)
    else:
        taken, now = (moment.isoformat() for moment in moments)
    schema = "public." if connection.vendor == "postgresql" else ""  # a dump sets the search path to nothing
    return (
        f"INSERT INTO {schema}restores (id, backup_taken_at, restored_at, facts) "  # noqa: S608  (nothing of it is anybody's text)
        f"VALUES ('{key}', '{taken}', '{now}', '{{}}');\n"
    )


def _environment() -> dict[str, str]:
    facts = connection.settings_dict
    named = {"PGHOST": facts["HOST"], "PGPORT": facts["PORT"], "PGUSER": facts["USER"], "PGPASSWORD": facts["PASSWORD"]}
    given = {name: str(value) for name, value in named.items() if value}
    return {**os.environ, **given, "PGDATABASE": str(facts["NAME"])}


@contextmanager
def _started(command: list[str], **streams: Any) -> Iterator["subprocess.Popen[bytes]"]:
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, env=_environment(), **streams)
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not installed; it comes with PostgreSQL's client.") from error
    with process:
        yield process


def _said(process: "subprocess.Popen[bytes]") -> str:
    assert process.stderr is not None
    said: bytes = process.stderr.read()
    return said.decode(errors="replace").strip()[-500:]


def _run(command: list[str]) -> None:
    with _started(command) as process:
        said = _said(process)
        if process.wait() != 0:
            raise Unavailable(f"{command[0]}: {said}")
