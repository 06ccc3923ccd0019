"""Edges that were heard of and said nothing new: kept in the memory of a web process, and written together once a second.

A heartbeat says the same nearly every time. Where it says what the row says already (`heard_sha256`, which the mirror reads), only the
moment is new, and a row a heartbeat would be thousands of commits a second for a column that is looked at by the minute. A process
that dies loses a second of such moments; whatever else an edge says is written before it is answered.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from core.gathering import Gathering
from deployments.assignments import batches
from deployments.models import EdgeServer

SAID = ("edge_version", "runtime", "slots")


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


class Presence(Gathering[set[int]]):
    """The numbers of edges heard of since the last writing."""

    name, every = "edge-presence", 1.0

    def empty(self) -> set[int]:
        return set()

    def note(self, edge: int) -> None:
        """Remember that an edge was heard of just now."""
        with self.adding() as heard:
            heard.add(edge)

    def keep(self, pile: set[int]) -> int:
        """Write the moment to all that were heard of; answers how many.

        Edges that somebody is assigning to are passed over: to wait for one while others are held could end in a deadlock, and the
        next heartbeat says the same.
        """
        for batch in batches(sorted(pile)):
            with transaction.atomic():
                free = EdgeServer.objects.select_for_update(skip_locked=True).filter(pk__among=batch)
                EdgeServer.objects.filter(pk__among=list(free.values_list("pk", flat=True))).update(last_seen_at=timezone.now())
        return len(pile)


PRESENCE = Presence()
