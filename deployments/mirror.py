"""The edges' newest ETags in the memory of a web process, so that a poll or heartbeat with nothing new costs no query.

A fleet asks all the time and hardly ever is there anything new. A thread reads key hash → ETag of all edges every two seconds
(of a fleet over 20,000 edges less often), for as long as edges ask; what is older than MOST_AGE is not answered from.
"""

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import Error, connection
from django.db.models import Q
from django.utils import timezone

from accounts.models import AccessKey
from deployments.assignments import LIFE
from deployments.models import ModelDeployment

EVERY = 2.0
ROWS_A_SECOND = 10_000
"""A larger fleet is read less often, so that reading it takes a twentieth of a processor at most."""
MOST_AGE = 15.0
IDLE = 30.0
POLLS_A_SECOND = 2_000

logger = structlog.get_logger(__name__)


class Known(NamedTuple):
    """An edge whose key is good: the ETag of its assignment, its number, and what its last heartbeat said, by hash."""

    etag: str
    edge: int
    heard: str


@dataclass
class Mirror:
    """What the thread read last, by the hash of each edge's key."""

    edges: dict[bytes, Known] = field(default_factory=dict)
    poll_seconds: float = 0.0
    read_at: float = 0.0
    asked_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_alive: bool = False

    def known(self, key_sha256: bytes) -> Known | None:
        """Answer what is known of the edge whose key has this hash; None where it must be looked up."""
        now = monotonic()
        self.asked_at = now
        if not self._is_alive:
            self._begin()
        return self.edges.get(key_sha256) if now - self.read_at < MOST_AGE else None

    def read(self) -> None:
        """Read it anew: keys that are good, of edges in service whose document is far from its end."""
        began, now = monotonic(), timezone.now()
        good = AccessKey.objects.usable(now).filter(scopes=[])
        fresh = Q(user__edge_server__retired_at__isnull=True, user__edge_server__assignment_expires_at__gt=now + LIFE / 2)
        soon = Q(expires_at__isnull=True) | Q(expires_at__gt=now + timedelta(seconds=MOST_AGE))
        columns = (f"user__edge_server__{name}" for name in ("assignment_etag", "pk", "heard_sha256"))
        rows = good.filter(fresh, soon).values_list("sha256", *columns)
        edges = {bytes.fromhex(sha256): Known(*facts) for sha256, *facts in rows.iterator(chunk_size=5_000)}
        self.poll_seconds, self.edges, self.read_at = poll_seconds(), edges, began

    def _begin(self) -> None:
        with self._lock:
            if not self._is_alive:
                self._is_alive = True
                threading.Thread(target=self._go_on, name="edge-mirror", daemon=True).start()

    def _go_on(self) -> None:
        wait = threading.Event()
        try:
            while monotonic() - self.asked_at < IDLE:
                try:
                    self.read()
                except Error:
                    logger.warning("the mirror of assignments could not be read; polls ask the database", exc_info=True)
                connection.close()  # a pool or the server may end it meanwhile
                wait.wait(max(EVERY, len(self.edges) / ROWS_A_SECOND))
        finally:
            self._is_alive = False  # whatever ended it, the next poll begins another


def poll_seconds() -> float:
    """Answer how often edges shall ask: the house's interval, and less often the more are in the waves that are open."""
    busy = ModelDeployment.objects.open().filter(offered_at__isnull=False)[: settings.EDGE_POLL_SECONDS * POLLS_A_SECOND * 20]
    return max(settings.EDGE_POLL_SECONDS, busy.count() / POLLS_A_SECOND)


MIRROR = Mirror()
