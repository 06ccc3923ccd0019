"""Edges that were heard of and said nothing new: kept in the memory of a web process, and written together once a second.

A heartbeat says the same nearly every time. Where it says what the row says already (`heard_sha256`, which the mirror reads), only the
moment is new, and a row a heartbeat would be thousands of commits a second for a column that is looked at by the minute. A process
that dies loses a second of such moments; whatever else an edge says is written before it is answered.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from django.db import Error, connection, transaction
from django.utils import timezone

from deployments.assignments import batches
from deployments.models import EdgeServer

EVERY = 1.0
IDLE_ROUNDS = 30
SAID = ("edge_version", "runtime", "slots")

logger = structlog.get_logger(__name__)


def sha256_of(said: Any) -> str:
    """Name what a heartbeat says beside its moment and what it measured; "" for one that must be looked at each time: it was turned back."""
    slots = said.get("slots", [])
    if not isinstance(slots, list):
        return ""
    if any(isinstance(slot, Mapping) and slot.get("left") for slot in slots):
        return ""
    try:
        return hashlib.sha256(orjson.dumps([said.get(name) for name in SAID], option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError:  # a number that no hub keeps
        return ""


@dataclass
class Presence:
    """The numbers of edges heard of since the last writing."""

    heard: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_alive: bool = False

    def note(self, edge: int) -> None:
        """Remember that an edge was heard of just now."""
        with self._lock:
            self.heard.add(edge)
            begins, self._is_alive = not self._is_alive, True
        if begins:
            threading.Thread(target=self._go_on, name="edge-presence", daemon=True).start()

    def write(self) -> int:
        """Write the moment to all that were heard of since the last time; answers how many.

        Edges that somebody is assigning to are passed over: to wait for one while others are held could end in a deadlock, and the
        next heartbeat says the same.
        """
        with self._lock:
            heard, self.heard = self.heard, set()
        try:
            for batch in batches(sorted(heard)):
                with transaction.atomic():
                    free = EdgeServer.objects.select_for_update(skip_locked=True).filter(pk__among=batch)
                    EdgeServer.objects.filter(pk__among=list(free.values_list("pk", flat=True))).update(
                        last_seen_at=timezone.now()
                    )
        except Error:
            with self._lock:
                self.heard |= heard
            raise
        return len(heard)

    def _go_on(self) -> None:
        wait, idle = threading.Event(), 0
        try:
            while idle < IDLE_ROUNDS or self.heard:
                wait.wait(EVERY)
                try:
                    idle = 0 if self.write() else idle + 1
                except Error:
                    logger.warning("that edges were heard of could not be written; it is tried again", exc_info=True)
                connection.close()  # a pool or the server may end it meanwhile
        finally:
            with self._lock:
                self._is_alive = False  # whatever ended it, the next heartbeat begins another


PRESENCE = Presence()
