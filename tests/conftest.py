"""What every test stands on: a store and trust keys of its own, and an audit log that only tests may empty."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from accounts.actions.viewing import VIEWS
from accounts.append_only import DO, UNDO
from config.opening import OpeningMiddleware
from tests import templates, thrift

# The same examples in every run, however slow the machine is: a fault that is found stays found, and nothing else fails.
hypothesis_settings.register_profile("house", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("house")

thrift.begin()
django_settings.MIDDLEWARE.insert(0, "tests.wire.Listening")
django_settings.SOCIALACCOUNT_PROVIDERS = {}
django_settings.EDGE_MIRROR = False  # it is two seconds late, and a thread
VIEWS.by_itself = False  # that is a thread too
django_settings.KEY_SECONDS = 0  # tests change who may do what, and see what comes of it at once

OpeningMiddleware.was_open = True  # asked once a process; no test's count of queries shall depend on who comes first

_fixture_teardown = TransactionTestCase._fixture_teardown


def _teardown(self: TransactionTestCase) -> None:
    """Empty the tables that a transactional test wrote to; Django's way empties all, which costs PostgreSQL 0.2 s a test.

    What `migrate` itself writes, the names of models and their permissions, stays, where Django's way writes it anew.
    """
    if connection.vendor not in EMPTIED or connection.in_atomic_block:
        _fixture_teardown(self)
        return
    with transaction.atomic(), connection.cursor() as cursor:
        EMPTIED[connection.vendor](cursor, [connection.ops.quote_name(table) for table in _tables()])


@contextmanager
def _log_may_be_emptied(cursor: CursorWrapper) -> Iterator[None]:
    for statement in UNDO[connection.vendor]:
        cursor.execute(statement)
    yield
    for statement in DO[connection.vendor]:
        cursor.execute(statement)


@cache
def _tables() -> list[str]:
    """Every table of a model, and those between two."""
    kept = {"django_content_type", "auth_permission", "django_migrations"}
    return sorted(set(connection.introspection.django_table_names(include_views=False)) - kept)


def _with_rows(cursor: CursorWrapper, tables: list[str]) -> list[str]:
    asked = " UNION ALL ".join(f"SELECT %s WHERE EXISTS (SELECT 1 FROM {table})" for table in tables)  # noqa: S608
    cursor.execute(asked, tables)
    return [table for (table,) in cursor.fetchall()]


def _postgresql(cursor: CursorWrapper, tables: list[str]) -> None:
    """Wait for whoever still writes, such as a live server's last thread; delete without triggers, where one may."""
    if connection.connection.info.parameter_status("is_superuser") != "on":
        with _log_may_be_emptied(cursor):
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        return
    cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
    cursor.execute("SET LOCAL session_replication_role = replica")
    for table in _with_rows(cursor, tables):
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608


def _sqlite(cursor: CursorWrapper, tables: list[str]) -> None:
    """Delete, and look at the constraints when all is gone."""
    cursor.execute("PRAGMA defer_foreign_keys = ON")
    with _log_may_be_emptied(cursor):
        for table in _with_rows(cursor, tables):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608


EMPTIED = {"postgresql": _postgresql, "sqlite": _sqlite}
TransactionTestCase._fixture_teardown = _teardown  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_setup(request, django_db_modify_db_settings, django_db_blocker) -> Iterator[None]:
    """Migrate once for all processes, and part whoever still holds the database at the end, so that it can be dropped."""
    with django_db_blocker.unblock(), templates.shared():
        request.getfixturevalue("django_db_setup")
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, settings) -> None:
    """Give each test a file store and trust keys of its own; an S3 store is shared, its names are never the same.

    Django forgets its stores wherever STORAGES is set, and again where a test ends that set it. What stays is the client of S3,
    which takes a quarter of a second to make.
    """
    settings.TRUST_DIR = tmp_path / "trust"
    if "location" in django_settings.STORAGES["objects"]["OPTIONS"]:
        objects = django_settings.STORAGES["objects"]
        options = {**objects["OPTIONS"], "location": str(tmp_path / "store"), "public_url": "http://testserver"}
        settings.STORAGES = {**django_settings.STORAGES, "objects": {**objects, "OPTIONS": options}}


def pytest_collection_finish() -> None:
    thrift.set_aside()


def pytest_collection_modifyitems(items) -> None:
    """Begin with the long ones, so that of two processes neither waits for the other at the end.

    The demo takes a database of its own, so that meanwhile the other process makes the one that both go on with.
    """
    items.sort(key=lambda item: item.path.parts[-2:] not in {("browser", "test_demo.py"), ("browser", "test_gallery.py")})


def pytest_terminal_summary(terminalreporter) -> None:
    """Name what was skipped."""
    for report in terminalreporter.stats.get("skipped", ()):
        terminalreporter.write_line(f"skipped: {report.nodeid}")


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        templates.forget()


def pytest_sessionfinish(session, exitstatus) -> None:
    """With REQUIRE_ALL_TESTS a skipped test is a failure: a part of the suite did not run. FAILED_TESTS takes what failed, a line each."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not reporter:  # a process of several: the first one tells
        return
    if os.environ.get("REQUIRE_ALL_TESTS") and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif (told := os.environ.get("FAILED_TESTS")) and exitstatus == pytest.ExitCode.TESTS_FAILED:
        reports = [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]
        Path(told).write_text("".join(f"{name}\n" for name in sorted({report.nodeid for report in reports})))
