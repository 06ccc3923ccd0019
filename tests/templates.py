"""A database that one process of the suite migrates and every other copies: another process's, or a demo's.

To migrate takes a core nine seconds, most of which Django spends on rendering models as they once were; to copy takes none.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

NAME = os.environ.setdefault("TEST_TEMPLATE", f"template_{uuid.uuid4().hex[:12]}")
"""The processes of one run inherit it; no other run has it."""
MADE = Path(settings.VAR) / NAME
"""The template itself where it is a file of SQLite, else the sign that PostgreSQL has it."""
DATABASE = f"template_{Path(settings.DATABASES['default']['NAME']).name}"
"""Its name in PostgreSQL, where what a killed run left is dropped by the next one on the same database."""


@contextmanager
def shared() -> Iterator[None]:
    """Have the test database that is set up meanwhile copied from the template, or else make it the template."""
    with MADE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made():
            yield
            _keep()
            return
        if connection.vendor == "sqlite":
            _copy_as_it_is_created()
        else:
            connection.settings_dict["TEST"]["TEMPLATE"] = DATABASE
        yield


def is_made() -> bool:
    return MADE.exists()


def copy_to(path: Path) -> None:
    """Put a migrated database of SQLite at `path`, where this run has one."""
    if is_made():
        shutil.copyfile(MADE, path)


def of_postgresql() -> str:
    """Answer how CREATE DATABASE goes on for a migrated database, where this run has one."""
    return f"TEMPLATE {DATABASE}" if is_made() else ""


def forget() -> None:
    """Drop the template, at the end of the run."""
    if is_made() and (url := os.environ.get("DATABASE_URL", "")).startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    for path in (MADE, MADE.with_suffix(".lock")):
        with suppress(FileNotFoundError):
            path.unlink()


def _copy_as_it_is_created() -> None:
    creation = connection.creation
    created = creation._create_test_db

    def copied(*arguments, **options) -> str:
        name = created(*arguments, **options)
        shutil.copyfile(MADE, name)
        return name

    creation._create_test_db = copied


def _keep() -> None:
    if connection.vendor == "sqlite":
        partial = MADE.with_suffix(".partial")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(partial)])
        partial.rename(MADE)
        return
    source = connection.settings_dict["NAME"]
    connection.close()  # PostgreSQL copies only what nobody is connected to
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        server.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {source}")
    MADE.touch()
