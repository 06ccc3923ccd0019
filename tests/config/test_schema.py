"""docs/schema: what the models say, and loaded into each real database, where its rules hold."""

import os
import sqlite3
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from config import schema
from tests.config.playing import own_database

FOLDER = settings.BASE_DIR / schema.FOLDER
SERVERS = ["postgresql", "mysql"] if os.environ.get("DATABASE_URL") else []
TABLES = {model._meta.db_table: model for app in schema.APPS for model in apps.get_app_config(app).get_models(True)}
SEED_TABLES = {
    "learning_samples",
    "hitl_labels",
    "dataset_versions",
    "training_datasets",
    "training_samples",
    "training_jobs",
    "training_runs",
    "ai_model_versions",
    "model_deployments",
    "training_examples",
    "people",
    "images",
    "training_sessions",
}


@contextmanager
def loaded(database: str):
    """Load the files of one database into a fresh one of its kind; answers its cursor."""
    texts = [path.read_text() for path in sorted((FOLDER / database).glob("*.sql"))]
    with {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql}[database]() as connection:
        cursor = connection.cursor()
        for text in texts:
            if database == "sqlite":
                connection.executescript(text)
            else:
                cursor.execute(text)
            while database == "mysql" and cursor.nextset():
                pass
        yield cursor


@contextmanager
def sqlite():
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


@contextmanager
def postgresql():
    with own_database() as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


@contextmanager
def mysql():
    if "MYSQL_URL" not in os.environ:
        pytest.skip("MYSQL_URL names no server")
    url, name = urlsplit(os.environ["MYSQL_URL"]), f"schema_{uuid.uuid4().hex[:12]}"
    facts = {"host": url.hostname, "port": url.port, "user": url.username, "charset": "utf8mb4"}
    connection = pymysql.connect(**facts, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS, autocommit=True)
    cursor = connection.cursor()
    cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    try:
        connection.select_db(name)
        yield connection
    finally:
        cursor.execute(f"DROP DATABASE {name}")
        connection.close()


@pytest.mark.django_db  # SQLite spells its statements on a connection in memory
def test_the_files_are_what_the_models_say(tmp_path, monkeypatch):
    call_command("schema", "--check")
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    with pytest.raises(CommandError, match=r"docs/schema/mysql/1_accounts\.sql"):
        call_command("schema", "--check")
    call_command("schema")
    call_command("schema", "--check")
    stale = Path(tmp_path) / "docs/schema/sqlite/9_old.sql"
    stale.touch()
    with pytest.raises(CommandError, match=r"9_old\.sql"):
        call_command("schema", "--check")


def test_every_table_of_the_seeds_is_there():
    assert set(TABLES) >= SEED_TABLES


@pytest.mark.parametrize("database", ["sqlite", *SERVERS])
def test_it_loads_and_every_column_answers(database):
    quote = "`" if database == "mysql" else '"'
    with loaded(database) as cursor:
        for table, model in TABLES.items():
            columns = ", ".join(f"{quote}{field.column}{quote}" for field in model._meta.local_concrete_fields)
            cursor.execute(f"SELECT {columns} FROM {quote}{table}{quote}")  # noqa: S608
            assert list(cursor.fetchall()) == []


@pytest.mark.parametrize("database", ["sqlite", *SERVERS])
def test_its_rules_hold(database):
    with loaded(database) as cursor:
        insert(cursor, database, "organizations", id=1, slug="acme", plan="enterprise")
        refused(cursor, database, "organizations", id=2, slug="acme", plan="enterprise")  # the slug is taken
        refused(cursor, database, "organizations", id=2, slug="petty", plan="free")  # there is no such plan
        insert(cursor, database, "cities", id=1, slug="city_pune")
        day = {"city_id": 1, "day": "2026-11-20"}
        insert(cursor, database, "upload_batches", id="a", number=1, state="open", **day)
        refused(cursor, database, "upload_batches", id="b", number=2, state="open", **day)  # one open batch a day
        insert(cursor, database, "upload_batches", id="c", number=3, state="sealed", **day)
        insert(cursor, database, "upload_batches", id="d", number=4, state="open", client_batch_id="own", **day)
        insert(cursor, database, "users", id=1, email="ada@example.org", role="super_admin")
        same = {"name": "digits", "version": "1", "module_id": 1, "status": "draft", "environment": "dev"}
        same |= {"created_by_id": 1, "verdicts_required": 1}
        insert(cursor, database, "ai_modules", id=1, slug="meters", task="classification")
        insert(cursor, database, "training_datasets", id=uuid.UUID(int=1).hex, **same)
        refused(cursor, database, "training_datasets", id=uuid.UUID(int=2).hex, **same)  # two without an organization


ZERO = {"JSONField": "{}", "BooleanField": False, "DateTimeField": "2026-11-20 08:00:00"}
REFUSALS = (sqlite3.IntegrityError, psycopg.errors.IntegrityError, pymysql.err.IntegrityError, pymysql.err.OperationalError)


def insert(cursor, database: str, table: str, **given) -> None:
    """Insert a row; columns that must be there and are not given hold nothing, 0 or false."""
    rest = [field for field in TABLES[table]._meta.local_concrete_fields if field.column not in given and not field.null]
    values = given | {
        field.column: ZERO.get(field.get_internal_type(), zero_of(field)) for field in rest if not field.primary_key
    }
    names = ", ".join(f"`{name}`" if database == "mysql" else f'"{name}"' for name in values)
    places = ", ".join(["?" if database == "sqlite" else "%s"] * len(values))
    cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))  # noqa: S608


def zero_of(field) -> object:
    return "" if field.get_internal_type() in {"CharField", "TextField", "SlugField"} else 0


def refused(cursor, database: str, table: str, **given) -> None:
    with pytest.raises(REFUSALS, match=r"(?i)unique|duplicate|check|constraint"):
        insert(cursor, database, table, **given)
