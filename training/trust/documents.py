"""The repository's documents as rows: which are published, which await signatures, and one writer at a time."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.utils import timezone
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Signed, Targets

from core.errors import Missing, Unavailable
from training.models.trust import ORGANIZATION, TrustDocument, TrustRole

LIFE = {
    TrustRole.ROOT: timedelta(days=730),
    TrustRole.TARGETS: timedelta(days=180),
    TrustRole.SNAPSHOT: timedelta(days=7),
    TrustRole.TIMESTAMP: timedelta(hours=24),
    TrustRole.ASSIGNMENTS: timedelta(days=14),
}
TOP_LEVEL = (TrustRole.ROOT, TrustRole.TARGETS, TrustRole.SNAPSHOT, TrustRole.TIMESTAMP)

Part = TypeVar("Part", bound=Signed)


def life_of(role: str) -> timedelta:
    """Answer how long a document of `role` is good for; an organization's list as long as everybody's."""
    return LIFE[TrustRole.TARGETS] if is_organization(role) else LIFE[TrustRole(role)]


def is_organization(role: str) -> bool:
    """Tell whether `role` is the list of one organization."""
    return role.startswith(ORGANIZATION)


def role_of(organization: int | None) -> str:
    """Answer which role lists an organization's files; those of none are everybody's."""
    return f"{ORGANIZATION}{organization}" if organization else TrustRole.TARGETS.value


def metadata(role: str, version: int | None = None) -> bytes:
    """Answer a published document, the newest where no version is named; raises Missing."""
    rows = TrustDocument.objects.published().filter(role=role)
    if version is not None:
        rows = rows.filter(version=version)
    body = rows.order_by("-version").values_list("body", flat=True).first()
    if body is None:
        raise Missing("There is no such trust document.")
    return bytes(body)


def root_sha256() -> str:
    """Answer the hex SHA-256 of the newest root document, which a new edge is told beforehand."""
    return hashlib.sha256(metadata(TrustRole.ROOT)).hexdigest()


def is_founded() -> bool:
    """Tell whether there is a repository, be it one whose first documents still await signatures."""
    return TrustDocument.objects.filter(role=TrustRole.ROOT).exists()


def is_published() -> bool:
    """Tell whether there is a repository that edges can be shown."""
    return TrustDocument.objects.published().filter(role=TrustRole.ROOT).exists()


def newest(role: str) -> TrustDocument:
    """Answer the newest published document of a role; raises Unavailable."""
    found = TrustDocument.objects.published().filter(role=role).order_by("-version").first()
    if found is None:
        if is_founded():
            raise Unavailable("The trust repository awaits its first signatures; manage.py trust status says whose.")
        raise Unavailable("There is no trust repository yet; run manage.py trust init.")
    return found


def current(role: str, part: type[Part]) -> Part:
    """Answer what the newest document of a role says."""
    signed: Any = parsed(newest(role).body).signed
    if not isinstance(signed, part):
        raise RepositoryError(f"The newest {role} document is a {signed.type} document.")
    return signed


def current_root() -> Root | None:
    """Answer the published root, None before the first signatures."""
    return current(TrustRole.ROOT, Root) if is_published() else None


def lists() -> dict[str, Metadata[Targets]]:
    """Answer everybody's and each organization's published list of released files, by role."""
    rows = TrustDocument.objects.newest().lists().order_by("role")
    return {role: parsed(body) for role, body in rows.values_list("role", "body")}


def roots() -> list[dict[str, Any]]:
    """Answer every published root, the first one first."""
    bodies = TrustDocument.objects.published().filter(role=TrustRole.ROOT).order_by("version").values_list("body", flat=True)
    return [json.loads(bytes(body)) for body in bodies]


def due_lists(now: datetime) -> set[str]:
    """Answer the roles of those lists half of whose life is over."""
    due = TrustDocument.objects.newest().lists().filter(expires_at__lt=now + LIFE[TrustRole.TARGETS] / 2)
    return set(due.values_list("role", flat=True))


def waiting() -> dict[str, Metadata[Any]]:
    """Answer the documents that await signatures, by role."""
    rows = TrustDocument.objects.awaiting_signatures().order_by("role")
    return {role: parsed(body) for role, body in rows.values_list("role", "body")}


def parsed(body: Any) -> Metadata[Any]:
    """Read a stored document."""
    return Metadata.from_bytes(bytes(body))


def is_due(role: str, now: datetime) -> bool:
    """Tell whether half the life of a role's newest document is over."""
    return newest(role).expires_at - now < life_of(role) / 2


def late(now: datetime) -> set[str]:
    """Answer the roles whose document should have been signed anew long ago: two thirds of its life are over."""
    rows = TrustDocument.objects.newest().values_list("role", "expires_at")
    return {role for role, expires_at in rows if expires_at - now < life_of(role) / 3}


def next_version(role: str) -> int:
    """Answer the number that the next document of a role has."""
    last = TrustDocument.objects.filter(role=role).order_by("-version").values_list("version", flat=True).first()
    return (last or 0) + 1


def forward_version(role: str, above: int = 0) -> int:
    """Answer the number of the next document that the hub signs by itself: it goes forward even where the database went back.

    A clock does what a count cannot: an older database (a backup, a replica that was behind) has forgotten what edges have seen,
    and they refuse whatever has a lower number.
    """
    return max(next_version(role), int(timezone.now().timestamp()), above + 1)


def meta_file(role: str) -> MetaFile:
    """Answer how another document names the newest one of a role."""
    found = newest(role)
    body = bytes(found.body)
    return MetaFile(found.version, len(body), {"sha256": hashlib.sha256(body).hexdigest()})


def write(role: str, document: Metadata[Any], *, published_at: datetime | None) -> bytes:
    """Keep a document, and answer its bytes."""
    signed, body = document.signed, document.to_bytes()
    TrustDocument.objects.create(
        role=role, version=signed.version, body=body, expires_at=signed.expires, published_at=published_at
    )
    return body


def replace_waiting(documents: Mapping[str, Metadata[Any]]) -> None:
    """Have exactly these documents await signatures."""
    TrustDocument.objects.awaiting_signatures().delete()
    for role, document in documents.items():
        write(role, document, published_at=None)


def publish_waiting() -> None:
    """Let what awaited signatures be served from now on."""
    TrustDocument.objects.awaiting_signatures().update(published_at=timezone.now())


def lock() -> None:
    """Let one transaction at a time write documents: the first root's row is the lock."""
    list(TrustDocument.objects.select_for_update().filter(role=TrustRole.ROOT, version=1).values_list("pk"))


def moment(at: datetime) -> str:
    """Spell a moment as The Update Framework does: UTC, whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
