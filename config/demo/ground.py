"""The place a demo is played on: empty, or made by an earlier demo and cleared; anything else is refused."""

import shutil

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from accounts.actions.event import record
from accounts.models import Event, Organization, User
from core.errors import Conflict
from training import trust

MARK = "play_demo"


def prepare() -> None:
    """Leave an empty, migrated database with trust keys; raises Conflict where the data there is not a demo's."""
    call_command("migrate", verbosity=0)
    if Event.objects.filter(verb=MARK).exists():
        _clear()
        call_command("migrate", verbosity=0)
    elif User.objects.exists() or Organization.objects.exists():
        raise Conflict(
            "This database holds data that no demo made, so the demo leaves it alone. "
            "Give it one of its own: DATABASE_URL, or another VAR_DIR."
        )
    trust.init()


def mark(organization: Organization) -> None:
    """Note that this database is a demo's, so that the next one may clear it."""
    record(None, MARK, organization)


def _clear() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
    connection.close()
    if connection.vendor == "sqlite":
        for path in settings.VAR.glob("hub.sqlite3*"):
            path.unlink()
    for name in ("store", "trust", "demo", "log"):
        shutil.rmtree(settings.VAR / name, ignore_errors=True)
    for message in (settings.VAR / "queue" / "messages").glob("*"):
        message.unlink()
