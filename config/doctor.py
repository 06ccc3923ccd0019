"""What is configured, what answers, what is wrong and how to mend it: asked by `manage.py doctor` and shown on the page System."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.checks import run_checks
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.actions import sealing
from accounts.models import EventSeal, User
from accounts.policy import Permission, users_who_may
from config import queues
from config.models import Backup, Pulse, Restore
from config.version import VERSION
from core.errors import Refusal, Unavailable
from core.file_store import FileStore
from core.storage import ObjectMissing, StoreError, new_name, store
from learning.actions import store as object_store
from learning.models import ReportKind
from training import trust
from training.models import TrustDocument, TrustRole

OK, NOTE, FAIL = "OK", "note", "FAIL"
OLDEST_POSTGRESQL = 150_000
BEAT_LATE = timedelta(minutes=3)
BACKUP_LATE = timedelta(hours=36)
CLOCKS_DIFFER = timedelta(seconds=5)
LEAST_FREE = 0.10
NEEDED = 2
SEAL_LATE = timedelta(minutes=15)
SIGNED_HERE = (TrustRole.SNAPSHOT, TrustRole.TIMESTAMP, TrustRole.ASSIGNMENTS)


@dataclass(frozen=True)
class Line:
    """One finding: OK, note or FAIL, of what, what it is, and how to mend it where it is wrong."""

    verdict: str
    name: str
    detail: str
    mend: str = ""


def examine() -> list[Line]:
    """Look at everything; one part that does not answer keeps back no other."""
    lines = [Line(OK, "release", VERSION), Line(OK, "address", settings.PUBLIC_URL), *_settings()]
    for name, ask in PARTS.items():
        try:
            lines += ask()
        except (Error, StoreError, Refusal, OSError) as error:
            lines.append(
                Line(FAIL, name, f"does not answer: {error}".strip(), "See that it runs and that the setting names it.")
            )
    return lines


def _settings() -> Iterator[Line]:
    """Yield what the system checks say; those of production where the address is one of production."""
    is_production = settings.PUBLIC_URL.startswith("https://")
    found = [one for one in run_checks(include_deployment_checks=is_production) if not one.is_silenced()]
    for one in found:
        yield Line(FAIL if one.is_serious() else NOTE, f"setting {one.id}", one.msg, one.hint or "")
    if not found:
        yield Line(
            OK, "settings", "no check has anything to say" + ("" if is_production else "; those of production begin with https")
        )


def _database() -> Iterator[Line]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        if connection.vendor == "postgresql":
            number = connection.connection.info.server_version
            cursor.execute("SELECT clock_timestamp()")
            yield _clock(cursor.fetchone()[0])
    where = settings.DATABASES["default"]
    if connection.vendor == "postgresql":
        is_old = number < OLDEST_POSTGRESQL
        mend = "Move to PostgreSQL 15 or newer." if is_old else ""
        yield Line(
            FAIL if is_old else OK, "database", f"PostgreSQL {number // 10_000} on {where['HOST']}, {where['NAME']}", mend
        )
    else:
        yield Line(OK, "database", f"SQLite, {where['NAME']}")
    executor = MigrationExecutor(connection)
    if waiting := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield Line(FAIL, "migrations", f"{len(waiting)} are not applied, first {waiting[0][0]}", "Run manage.py migrate.")
    else:
        yield Line(OK, "migrations", "all applied")


def _clock(theirs: datetime) -> Line:
    apart = abs(timezone.now() - theirs)
    if apart > CLOCKS_DIFFER:
        return Line(
            FAIL,
            "clock",
            f"{apart.total_seconds():.0f} s off the database's",
            "Keep both by NTP: leases, runs and trust go by it.",
        )
    return Line(OK, "clock", "as the database's")


def _queue() -> Iterator[Line]:
    cache.set("doctor", VERSION, timeout=10)
    where = "Redis" if settings.REDIS_URL else "files on this machine"
    lengths = queues.lengths()
    if not lengths or cache.get("doctor") != VERSION:
        yield Line(FAIL, "queue", f"{where} does not answer", "See that it runs, and that REDIS_URL names it.")
    else:
        yield Line(OK, "queue", f"{where}; " + ", ".join(f"{name} {length}" for name, length in lengths.items()))
    at = Pulse.objects.filter(name=Pulse.BEAT).values_list("at", flat=True).first()
    if at is None or timezone.now() - at > BEAT_LATE:
        said = f"last heard of {at:%Y-%m-%d %H:%M} UTC" if at else "never heard of"
        yield Line(
            FAIL, "workers", f"beat and default worker: {said}", "Start a worker of the queue default, one of them with --beat."
        )
    else:
        yield Line(OK, "workers", f"beat and default worker: {at:%H:%M:%S} UTC")


def _store() -> Iterator[Line]:
    found = store()
    with suppress(ObjectMissing):  # it answers: that is what is asked
        found.stat(new_name("text/plain"))
    report = object_store.latest(ReportKind.CHECK)
    if report is None:
        yield Line(NOTE, "store", f"{found.identity}; its promises were never tried", "Run manage.py storage check.")
    elif not report.passed:
        broken = ", ".join(line["name"] for line in object_store.broken_lines(report.facts))
        yield Line(
            FAIL, "store", f"{found.identity} breaks: {broken}", "Run manage.py storage check; it says how to mend each."
        )
    else:
        yield Line(OK, "store", f"{found.identity}; kept its promises {report.finished_at:%Y-%m-%d %H:%M} UTC")


def _trust() -> Iterator[Line]:
    if not trust.is_published():
        said = "awaits its first signatures" if trust.is_founded() else "none yet; it is made on first use"
        yield Line(NOTE, "trust", said, "manage.py trust status says whose.")
        return
    now = timezone.now()
    late = trust.late(now)
    for role, expires_at in TrustDocument.objects.newest().order_by("role").values_list("role", "expires_at"):
        verdict = FAIL if expires_at <= now else NOTE if role in late else OK
        mend = (
            ""
            if verdict == OK
            else "manage.py trust status says whose signature is missing; the beat renews what the hub signs."
        )
        yield Line(verdict, f"trust {role}", f"good until {expires_at:%Y-%m-%d %H:%M} UTC", mend)
    if trust.is_open():
        yield Line(NOTE, "signatures", f"{trust.standing()} of the open request", "manage.py trust request, and cc-edge sign.")


def _keys() -> Iterator[Line]:
    """Yield whether the keys with which the hub signs by itself are here and can be opened."""
    if not trust.is_published():
        return
    signers, lacking = trust.at_hand(), []
    for role in SIGNED_HERE:
        try:
            trust.signer_of(role, signers)
        except Unavailable:
            lacking.append(role)
    if lacking:
        mend = f"Put them back into {settings.TRUST_DIR}/keys, or have another made: manage.py trust rotate {lacking[0]}."
        yield Line(FAIL, "trust keys", f"none here that signs {', '.join(lacking)}", mend)
    else:
        yield Line(OK, "trust keys", f"can be read: {', '.join(sorted(signers))}")


def _people() -> Iterator[Line]:
    admins = users_who_may(Permission.APPROVE_MODEL).count()
    if settings.APPROVAL_FOUR_EYES and admins < NEEDED:
        mend = "Add another (manage.py adduser EMAIL --role super_admin), or nothing can ever be released."
        yield Line(FAIL, "people", f"four eyes are asked for, and {admins} can approve", mend)
    else:
        yield Line(OK, "people", f"{admins} can approve, {User.objects.filter(is_active=True).count()} users in all")


def _disks() -> Iterator[Line]:
    found = store()
    for name, path in {"var": Path(settings.VAR), **({"store": found.root} if isinstance(found, FileStore) else {})}.items():
        there = next(each for each in (path, *path.parents) if each.exists())
        usage = shutil.disk_usage(there)
        is_full = usage.free < LEAST_FREE * usage.total
        detail = f"{there}: {usage.free / 1e9:,.1f} GB of {usage.total / 1e9:,.1f} are free"
        yield Line(FAIL if is_full else OK, f"disk {name}", detail, "Free or enlarge it." if is_full else "")


def _backups() -> Iterator[Line]:
    if Restore.objects.closed().exists():
        yield Line(FAIL, "restore", "the hub was restored and is not open yet", "Run manage.py restore --go-on.")
    at = Backup.objects.order_by("-taken_at").values_list("taken_at", flat=True).first()
    if at is None or timezone.now() - at > BACKUP_LATE:
        said = f"the last is of {at:%Y-%m-%d %H:%M} UTC" if at else "none was ever taken"
        yield Line(NOTE, "backup", said, "Have cron run manage.py backup FOLDER each night (docs/operations.md).")
    else:
        yield Line(OK, "backup", f"{at:%Y-%m-%d %H:%M} UTC")


def _audit() -> Iterator[Line]:
    """Yield whether the audit log was as it was sealed when it was last proven, and whether it is sealed in time."""
    proof = sealing.last_verdict()
    if proof is None:
        yield Line(NOTE, "audit", "was never proven", "Run manage.py audit verify; the beat does each day.")
    elif proof.facts.get("broken"):
        yield Line(
            FAIL, "audit", f"{proof.facts['broken']} seals do not fit", "Run manage.py audit verify; it says which events."
        )
    else:
        yield Line(OK, "audit", f"{proof.facts['events']} events as they were sealed, {proof.at:%Y-%m-%d %H:%M} UTC")
    late = EventSeal.objects.filter(sha256="", opened_at__lt=timezone.now() - SEAL_LATE).first()
    if late is not None:
        mend = "A transaction has been open since then; end it, and see that a worker runs."
        yield Line(NOTE, "seals", f"one waits since {late.opened_at:%Y-%m-%d %H:%M} UTC", mend)


PARTS: dict[str, Callable[[], Iterator[Line]]] = {
    "database": _database,
    "queue": _queue,
    "store": _store,
    "trust": _trust,
    "trust keys": _keys,
    "people": _people,
    "audit": _audit,
    "disk": _disks,
    "backup": _backups,
}
