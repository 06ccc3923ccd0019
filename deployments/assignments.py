"""What each edge shall run, as one signed document per edge; read from and kept on the edge's own row.

A TUF Targets document under the online key `assignments`: `version` is a counter that only grows, `edge_server_id` binds it to
one edge, `signed_at` is below which no clock of the edge may go, and each target's `custom` says which module, version,
deployment, attempt and action it stands for.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from securesystemslib.signer import Signer
from tuf.api.metadata import SPECIFICATION_VERSION, Targets

import core.lookups  # noqa: F401  (registers `among`)
from core.canonical import canonical_json
from deployments.models import EdgeServer, EdgeSlot
from training import trust
from training.models import ModelVersion, TrustRole

LIFE = trust.LIFE[TrustRole.ASSIGNMENTS]
BATCH = 5_000

STORE = """
    UPDATE edge_servers
    SET assignment = %s, assignment_etag = %s, assignment_version = %s, assignment_expires_at = %s
    WHERE id = %s
"""
STORE_AT_ONCE = """
    UPDATE edge_servers
    SET assignment = told.body, assignment_etag = told.etag, assignment_version = told.counter, assignment_expires_at = %s
    FROM unnest(%b::bytea[], %b::text[], %b::bigint[], %b::bigint[]) AS told(body, etag, counter, id)
    WHERE edge_servers.id = told.id
"""


@dataclass(frozen=True)
class Entry:
    """One module's line in an assignment."""

    version: ModelVersion
    deployment: UUID
    attempt: int
    action: str

    def as_target(self) -> dict[str, Any]:
        """Answer the line as TUF spells it."""
        custom = {
            "module": self.version.module.slug,
            "version": self.version.version,
            "deployment": str(self.deployment),
            "attempt": self.attempt,
            "action": self.action,
        }
        bundle = self.version.bundle
        return {"length": bundle.size, "hashes": {"sha256": bundle.sha256}, "custom": custom}


def assignment_for(edge: EdgeServer) -> tuple[bytes, str]:
    """Answer an edge's document and its ETag, signed again once half its life is gone."""
    expires_at = edge.assignment_expires_at
    if edge.assignment is None or expires_at is None or expires_at - timezone.now() < LIFE / 2:
        signer = online_signer()
        with transaction.atomic():
            sign([edge.pk], signer)
        edge.refresh_from_db()
    return bytes(edge.assignment or b""), edge.assignment_etag


def online_signer() -> Signer:
    """Read the key that signs assignments; for before a transaction begins."""
    trust.init()
    return trust.signer_of(TrustRole.ASSIGNMENTS, trust.at_hand())


def sign(edges: Sequence[int], signer: Signer) -> None:
    """Write the documents of these edges (ids, in order) anew, in the caller's transaction; a few statements a batch.

    An edge is locked before it is read what it shall run: else what another transaction assigns meanwhile would be written over.
    """
    now = timezone.now().replace(microsecond=0)
    expires_at = now + LIFE
    for batch in batches(edges):
        locked = _locked(batch)
        entries = _entries(batch)
        rows = []
        for edge, last in locked:
            counter = max(last + 1, int(now.timestamp()))
            body = _document(edge, counter, now, entries.get(edge, ()), signer)
            rows.append((body, hashlib.sha256(body).hexdigest()[:32], counter, edge))
        _store(rows, expires_at)


def outdate(_: None) -> None:
    """Have every edge's document signed anew when it is next asked for: another key signs them from now on."""
    now = timezone.now()
    signed = EdgeServer.objects.filter(assignment_expires_at__gt=now)
    list(signed.select_for_update().order_by("pk").values_list("pk"))
    signed.update(assignment_expires_at=now)


def lock(edges: Sequence[int]) -> None:
    """Keep others from assigning to these edges (ids, in order) until this transaction ends."""
    for batch in batches(edges):
        _locked(batch)


def batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut a list of ids into pieces that every database takes, and plans well even where its statistics are old."""
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _locked(batch: Sequence[int]) -> Sequence[tuple[int, int]]:
    rows = EdgeServer.objects.select_for_update().filter(pk__among=batch)
    return list(rows.order_by("pk").values_list("pk", "assignment_version"))


def _document(edge: int, counter: int, now: datetime, entries: Sequence[Entry], signer: Signer) -> bytes:
    """Write and sign TUF's Targets document by hand: its library takes six times as long, and a fleet has many edges.

    All texts in it are printable ASCII, so our canonical JSON is the very one that TUF verifies.
    """
    signed = {
        "_type": Targets.type,
        "spec_version": ".".join(SPECIFICATION_VERSION),
        "version": counter,
        "expires": trust.moment(now + LIFE),
        "targets": {entry.version.file_name: entry.as_target() for entry in entries},
        "edge_server_id": edge,
        "signed_at": trust.moment(now),
    }
    text = canonical_json(signed)
    signature = signer.sign(text.encode())
    return f'{{"signatures":{json.dumps([signature.to_dict()])},"signed":{text}}}'.encode()


def _store(rows: Sequence[tuple[bytes, str, int, int]], expires_at: datetime) -> None:
    """Write (document, ETag, counter, edge) of many edges: one statement on PostgreSQL, one an edge elsewhere."""
    if connection.vendor == "postgresql":
        _store_at_once([[row[index] for row in rows] for index in range(4)], expires_at)
        return
    moment = connection.ops.adapt_datetimefield_value(expires_at)
    with connection.cursor() as cursor:
        cursor.executemany(STORE, [(body, etag, counter, moment, edge) for body, etag, counter, edge in rows])


def _store_at_once(columns: Sequence[Sequence[Any]], expires_at: datetime) -> None:
    """Send the columns as arrays in binary, which Django's own cursor would spell out as text of twice the size."""
    import psycopg

    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(STORE_AT_ONCE, [expires_at, *columns])


def _entries(batch: Sequence[int]) -> Mapping[int, Sequence[Entry]]:
    slots = EdgeSlot.objects.filter(edge_server_id__among=batch, desired_deployment__isnull=False, held=False)
    rows = list(
        slots.values_list(
            "edge_server_id", "desired_id", "desired_deployment_id", "desired_deployment__attempt", "desired_deployment__action"
        )
    )
    desired = {version for _, version, *_ in rows}
    versions = ModelVersion.objects.select_related("module", "bundle").in_bulk(desired)
    found: dict[int, list[Entry]] = defaultdict(list)
    for edge, version, deployment, attempt, action in rows:
        found[edge].append(Entry(versions[version], deployment, attempt, action))
    return found
