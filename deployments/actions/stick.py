"""A stick for edges that no network reaches: the signed documents, their assignments, and the bundles these name.

Its timestamp lives as long as the stick may be on its way, a week at most, so for as long an edge that knows nothing newer can be
held at what the stick says; the hub itself goes on with short ones.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from django.db import transaction
from tuf.api.metadata import Metadata, Snapshot, Timestamp

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.storage import reading
from deployments import assignments
from deployments.models import EdgeServer, EdgeSlot
from learning.models import StoredObject
from training import trust
from training.models import TrustRole

MOST_DAYS = trust.LIFE[TrustRole.SNAPSHOT].days
MOST_EDGES = 1_000


def export(folder: Path, edges: Sequence[EdgeServer], *, by: User | None, days: int = MOST_DAYS) -> dict[str, int]:
    """Write a stick for these edges, good for `days`; answers how many documents, edges and bundles it holds.

    Raises Invalid for no edges or too many days, Conflict for a folder that holds something.
    """
    if not 0 < days <= MOST_DAYS:
        raise Invalid(f"A stick is good for 1 to {MOST_DAYS} days.")
    if not 0 < len(edges) <= MOST_EDGES:
        raise Invalid(f"Name 1 to {MOST_EDGES:,} edge servers.")
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; a stick is written into an empty folder.")
    signer, signers = assignments.online_signer(), trust.at_hand()
    ids = sorted(edge.pk for edge in edges)
    with transaction.atomic():
        for edge in edges:
            if by is not None:
                require(by, Permission.DEPLOY, edge)
            record(by, "export_usb", edge, days=days)
        trust.lock()
        carried = trust.sign_to_carry(signers, days)
        assignments.sign(ids, signer)
    documents = _documents(carried, {edge.organization_id for edge in edges})
    _write(folder / "trust", documents)
    for number, body in EdgeServer.objects.filter(pk__in=ids).values_list("pk", "assignment"):
        _write(folder / "edges" / str(number), {"assignment.json": bytes(body or b"")})
    bundles = StoredObject.objects.filter(pk__in=_desired(ids))
    (folder / "bundles").mkdir(parents=True)
    for bundle in bundles:
        with reading(bundle.name) as source, (folder / "bundles" / f"{bundle.sha256}.zip").open("xb") as out:
            shutil.copyfileobj(source, out)
    return {"documents": len(documents), "edges": len(ids), "bundles": len(bundles)}


def _documents(carried: bytes, organizations: set[int | None]) -> dict[str, bytes]:
    """Answer the documents that a carried timestamp leads to, by file name: every root, and the lists that these edges may see."""
    timestamp = Metadata[Timestamp].from_bytes(carried).signed
    snapshot = trust.metadata("snapshot", timestamp.snapshot_meta.version)
    files = {"timestamp.json": carried, f"{timestamp.snapshot_meta.version}.snapshot.json": snapshot}
    shown = {trust.role_of(organization) for organization in organizations} | {trust.role_of(None)}
    for name, meta in Metadata[Snapshot].from_bytes(snapshot).signed.meta.items():
        role = name.removesuffix(".json")
        if role in shown:
            files[f"{meta.version}.{name}"] = trust.metadata(role, meta.version)
    newest = trust.newest("root").version
    return files | {f"{version}.root.json": trust.metadata("root", version) for version in range(1, newest + 1)}


def _desired(ids: Sequence[int]) -> Sequence[UUID]:
    slots = EdgeSlot.objects.filter(edge_server_id__in=ids, desired_deployment__isnull=False, held=False)
    return list(slots.values_list("desired__bundle_id", flat=True).distinct())


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
