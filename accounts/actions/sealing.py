"""Sealing the audit log each minute, and proving that what was sealed is still so."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import Event, EventSeal, User
from accounts.policy import Permission, require
from core.canonical import canonical_json
from core.errors import Refused
from core.queue import enqueue

MOST = 50_000
"""So many ids one seal covers at most."""
AT_ONCE = 100
CHUNK = 2_000
LATE = timedelta(minutes=10)
"""Longer than a turn of the task and the transactions that it waits for take."""
SEALED = ("id", "at", "actor_id", "actor_name", "organization_id", "verb", "object_type", "object_id", "facts", "request_id")


@dataclass(frozen=True)
class Verdict:
    """What a walk along the seals found: `broken` names what does not fit, in sentences."""

    seals: int
    events: int
    unsealed: int
    head: str
    broken: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Tell whether everything fits."""
        return not self.broken


def seal() -> int:
    """Open the next seal and close it where its time has come, until all is sealed; answers how many were closed. Twice is safe."""
    closed = 0
    _open()
    while closed < AT_ONCE and _close():
        closed += 1
        _open()
    return closed


def verify(*, by: User | None, expect: str = "") -> Verdict:
    """Hash everything that was sealed anew and hold it against the seals; what was found stands in the log too.

    `expect` is a head that was noted down elsewhere before: whoever could write all seals anew could not write that.
    """
    if by is not None:
        require(by, Permission.VIEW_AUDIT)
    verdict = _walked(expect)
    head = EventSeal.objects.closed().order_by("-last_event").first()
    if head is not None:
        facts = {"events": verdict.events, "seals": verdict.seals, "broken": len(verdict.broken), "head": verdict.head}
        record(by, "verify", head, **facts)
    return verdict


def require_prover(by: User) -> None:
    """Raise Refused unless `by` may prove the log: the seals are over everybody's events."""
    require(by, Permission.VIEW_AUDIT)
    if not by.is_hub_staff:
        raise Refused("The seals are over everybody's events; the hub's people prove them.")


def ask_to_verify(*, by: User) -> None:
    """Have a worker walk along the seals: over millions of events it takes minutes."""
    require_prover(by)
    enqueue("accounts.tasks.verify_events", by.pk)


def last_verdict() -> Event | None:
    """Answer what the newest walk found."""
    return Event.objects.filter(object_type=EventSeal._meta.label_lower, verb="verify").order_by("-id").first()


def _open() -> None:
    """Mark how far the next seal goes: what is there now."""
    newest = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    before = EventSeal.objects.order_by("-last_event").first()
    last = before.last_event if before else 0
    if newest <= last or (before is not None and not before.sha256):
        return
    try:
        with transaction.atomic():
            EventSeal.objects.create(last_event=min(newest, last + MOST), horizon=_own_transaction())
    except IntegrityError:  # another worker did at this very moment
        return


@transaction.atomic
def _close() -> bool:
    """Write the hash of the open seal, unless a transaction may still add to what it holds."""
    row = EventSeal.objects.select_for_update(skip_locked=True).filter(sha256="").first()
    if row is None:
        return False
    if row.horizon > _newest_transaction():  # of another server, which this database was put back from
        row.horizon = _own_transaction()
        row.save(update_fields=["horizon"])
    if _oldest_transaction() < row.horizon:
        return False
    before = EventSeal.objects.closed().order_by("-last_event").first()
    row.sha256, row.events = _hash(before.sha256 if before else "", before.last_event if before else 0, row.last_event)
    row.sealed_at = timezone.now()
    row.save(update_fields=["sha256", "events", "sealed_at"])
    return True


def _walked(expect: str) -> Verdict:
    broken: list[str] = []
    before, last, events, seals = "", 0, 0, 0
    for row in EventSeal.objects.closed().order_by("last_event").iterator(CHUNK):
        found, counted = _hash(before, last, row.last_event)
        if counted != row.events:
            broken.append(f"Seal {row.pk} was put on {row.events:,} events up to {row.last_event}; there are {counted:,}.")
        elif found != row.sha256:
            broken.append(f"An event from {last + 1} to {row.last_event} is not as it was when seal {row.pk} was put on.")
        before, last, events, seals = row.sha256, row.last_event, events + counted, seals + 1
    if expect and not EventSeal.objects.closed().filter(sha256=expect).exists():
        broken.append("The head that was noted down is on no seal: seals were taken away, or put on anew.")
    rest = Event.objects.filter(id__gt=last)
    if late := rest.filter(at__lt=timezone.now() - LATE).count():
        broken.append(f"{late:,} events of over ten minutes ago are under no seal: sealing stopped, or a seal was taken away.")
    return Verdict(seals, events, rest.count(), before, broken)


def _hash(before: str, after: int, until: int) -> tuple[str, int]:
    """Answer the hash over the seal before and the events in (after, until], and how many these are."""
    digest, count = hashlib.sha256(before.encode()), 0
    for row in _rows(after, until):
        digest.update(canonical_json(row).encode() + b"\n")
        count += 1
    return digest.hexdigest(), count


def _rows(after: int, until: int) -> Iterator[list[Any]]:
    rows = Event.objects.filter(id__gt=after, id__lte=until).order_by("id").values_list(*SEALED)
    for key, at, *rest in rows.iterator(CHUNK):
        yield [key, at.isoformat(timespec="microseconds"), *rest]


def _own_transaction() -> int:
    """Answer this transaction's number: whoever has an event of a lower id than was seen before has a lower number too.

    SQLite has one writer at a time, and so what is there is final.
    """
    return _asked("SELECT pg_current_xact_id()::text")


def _newest_transaction() -> int:
    return _asked("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")


def _oldest_transaction() -> int:
    """Answer the number below which every transaction is over, those of other databases of the server included."""
    return _asked("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")


def _asked(statement: str) -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])
