"""Verbs on the object store itself: prove it, set its bucket up, compare it with our rows; and the gate that uploads pass."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core import store_check
from core.errors import Conflict, Unavailable
from core.file_store import FileStore
from core.queue import enqueue
from core.storage import DEFAULT_ALIAS, OBJECT_NAME, Listed, StoreError, as_bucket, read_only, store
from learning.models import ObjectKind, ReportKind, StoredObject, StoreReport

PAGE = 1_000
SHOWN = 20
UPLOAD_WINDOW = timedelta(days=1)
"""Longer than anything is on its way between store and row; a younger object without a row is left alone."""
SCRATCH_AFTER = timedelta(hours=1)
TRUSTED_SECONDS = 60.0
LOOK_AGAIN_AFTER = timedelta(minutes=1)
_open_until: dict[str, float] = {}


def check(*, by: User | None, alias: str = DEFAULT_ALIAS) -> StoreReport:
    """Try every promise on the store and keep what came of it; raises Unavailable where the store does not answer."""
    _may(by)
    began, tried = timezone.now(), store(alias)
    try:
        parts = urlsplit(settings.PUBLIC_URL)
        lines = store_check.check(tried, read_only(alias), f"{parts.scheme}://{parts.netloc}")
    except StoreError as error:
        raise Unavailable(f"{tried.identity} cannot be checked: {error}", code="store_unavailable") from error
    _open_until.pop(tried.identity, None)
    facts = {"lines": [line.as_document() for line in lines]}
    return _report(by, ReportKind.CHECK, alias, passed=not broken_lines(facts), facts=facts, began=began)


@transaction.atomic
def ask_to_inspect(*, by: User) -> None:
    """Have a worker check the store and compare it with our rows."""
    require(by, Permission.MANAGE_STORE)
    record(by, "ask_to_inspect", by)
    enqueue("learning.tasks.inspect_store")


def latest(kind: ReportKind, alias: str = DEFAULT_ALIAS) -> StoreReport | None:
    """Answer the newest report on this store, or None where it was never looked at so."""
    return StoreReport.objects.about(store(alias).identity, kind).first()


def broken_lines(facts: dict[str, Any]) -> list[dict[str, str]]:
    """Answer the promises that a check found broken; STORE_ALLOW_OVERWRITE forgives overwriting, nothing else."""
    forgiven = store_check.OVERWRITING if settings.STORE_ALLOW_OVERWRITE else frozenset()
    return [line for line in facts["lines"] if line["verdict"] == store_check.Verdict.FAIL and line["name"] not in forgiven]


def require_open(alias: str = DEFAULT_ALIAS) -> None:
    """Raise Unavailable unless the store was proven to keep its promises.

    A store nobody has tried yet is tried now, and one that failed again once a minute, so that mending it is enough. A
    process believes a proof for a minute.
    """
    identity = store(alias).identity
    if _open_until.get(identity, 0.0) > time.monotonic():
        return
    report = latest(ReportKind.CHECK, alias)
    if report is None or (_closing_lines(report.facts) and report.finished_at < timezone.now() - LOOK_AGAIN_AFTER):
        report = check(by=None, alias=alias)
    if broken := _closing_lines(report.facts):
        raise Unavailable(
            f"The object store takes no uploads: {broken[0]['detail']} `manage.py storage check` says how to mend it.",
            code="store_not_proven",
        )
    _open_until[identity] = time.monotonic() + TRUSTED_SECONDS


def _closing_lines(facts: dict[str, Any]) -> list[dict[str, str]]:
    return [line for line in broken_lines(facts) if line["name"] not in store_check.CLOSING_NONE]


def setup(origin: str, *, by: User | None, alias: str = DEFAULT_ALIAS) -> dict[str, str]:
    """Write CORS for the portal, the public-access block and lifecycle to the bucket; answers what became of each.

    Safe to run again; other people's rules stay. A folder needs nothing. Raises Unavailable where the service refuses.
    """
    _may(by)
    bucket = as_bucket(store(alias))
    if bucket is None:
        return {"folder": "nothing to set up; the hub serves it under signed addresses"}
    from core.s3_setup import setup as set_bucket_up  # and with it S3's client, which a web process at rest does without

    try:
        return set_bucket_up(bucket, origin)
    except StoreError as error:
        raise Unavailable(f"{bucket.identity} cannot be set up: {error}", code="store_unavailable") from error


@dataclass
class Comparison:
    """What a reconciliation found; the lists hold the first names only."""

    objects: int = 0
    rows: int = 0
    awaited: int = 0
    foreign: int = 0
    young: int = 0
    orphans: int = 0
    lost: int = 0
    scratch: int = 0
    removed: int = 0
    first_orphans: list[str] = field(default_factory=list)
    first_lost: list[str] = field(default_factory=list)


def reconcile(*, by: User | None, delete_orphans: bool = False, alias: str = DEFAULT_ALIAS) -> StoreReport:
    """Compare the store and our rows both ways, in bounded memory, and keep what was found; passed where nothing is lost.

    Orphans (objects without a row, older than the upload window) and what killed writers left are removed only with
    `delete_orphans`. What does not have the form of our names is counted and never touched.
    """
    _may(by)
    began, compared = timezone.now(), Comparison()
    files = store(alias)
    if delete_orphans and not StoredObject.objects.filter(alias=alias).exists() and next(files.listing(), None):
        raise Conflict("There is not one row of this store: is this the right database? Nothing was deleted.")
    try:
        for listed, name in _merged(files.listing(), _rows(alias, began)):
            if _judge(compared, listed, name, began) and delete_orphans and listed:
                files.remove(listed.name)
                compared.removed += 1
    except StoreError as error:
        raise Unavailable(f"{files.identity} cannot be compared: {error}", code="store_unavailable") from error
    if isinstance(files, FileStore):
        compared.scratch = len(files.sweep(older_than=SCRATCH_AFTER, remove=delete_orphans))
    passed = not compared.lost and compared.orphans == compared.removed
    return _report(by, ReportKind.RECONCILE, alias, passed=passed, facts=asdict(compared), began=began)


def _rows(alias: str, before: datetime) -> Iterator[tuple[str, bool]]:
    """Yield (name, excused) of all rows in order of names; excused is what may rightly be absent from the store.

    That is what nobody has verified yet, what a killed worker left unfinished, what is marked for deletion, and what came after the listing began.

    Names are hex digits and dashes at fixed places, which every collation puts in the order of their bytes.
    """
    rows = StoredObject.objects.filter(alias=alias, deleted_at=None)
    facts = ("name", "kind", "verified_at", "delete_at", "etag", "marked_for_deletion_at", "created_at")
    last = ""
    while page := list(rows.filter(name__gt=last).order_by("name").values_list(*facts)[:PAGE]):
        for name, kind, verified_at, delete_at, etag, marked_at, created_at in page:
            is_awaited = (kind == ObjectKind.IMAGE and verified_at is None) or (delete_at is not None and not etag)
            yield name, is_awaited or marked_at is not None or created_at >= before
        last = page[-1][0]


def _merged(
    listing: Iterator[Listed], rows: Iterator[tuple[str, bool]]
) -> Iterator[tuple[Listed | None, tuple[str, bool] | None]]:
    """Pair two ordered walks by name; what only one of them holds stands alone."""
    listed, row = next(listing, None), next(rows, None)
    while listed or row:
        if row is None or (listed is not None and listed.name < row[0]):
            yield listed, None
            listed = next(listing, None)
        elif listed is None or row[0] < listed.name:
            yield None, row
            row = next(rows, None)
        else:
            yield listed, row
            listed, row = next(listing, None), next(rows, None)


def _judge(compared: Comparison, listed: Listed | None, row: tuple[str, bool] | None, began: datetime) -> bool:
    """Count one name; answers whether it is an orphan."""
    compared.objects += listed is not None
    compared.rows += row is not None
    if row and not listed:
        name, awaited = row
        compared.awaited += awaited
        compared.lost += not awaited
        if not awaited and len(compared.first_lost) < SHOWN:
            compared.first_lost.append(name)
    if row or not listed:
        return False
    if not OBJECT_NAME.fullmatch(listed.name):
        compared.foreign += 1
        return False
    if listed.modified > began - UPLOAD_WINDOW:
        compared.young += 1
        return False
    compared.orphans += 1
    if len(compared.first_orphans) < SHOWN:
        compared.first_orphans.append(listed.name)
    return True


def _may(by: User | None) -> None:
    if by is not None:
        require(by, Permission.MANAGE_STORE)


@transaction.atomic
def _report(
    by: User | None, kind: ReportKind, alias: str, *, passed: bool, facts: dict[str, Any], began: datetime
) -> StoreReport:
    identity = store(alias).identity
    report = StoreReport.objects.create(kind=kind, alias=alias, identity=identity, passed=passed, facts=facts, began_at=began)
    counted = {name: value for name, value in facts.items() if isinstance(value, int)}
    record(by, kind.value, report, passed=passed, **counted)
    return report
