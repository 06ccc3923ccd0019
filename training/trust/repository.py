"""The image repository: root, targets, snapshot and timestamp of The Update Framework, kept as rows.

What an edge may install is what `targets` lists, signed by the release key. The online keys only say how fresh that list is
(snapshot, timestamp) and which listed file one edge shall run (assignments): they can name no new file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone
from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Key,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

from core.errors import Conflict, Invalid, Missing, Refused, Unavailable
from training.models.trust import TrustDocument, TrustRole
from training.trust import keys
from training.trust.keys import Signers

LIFE = {
    TrustRole.ROOT: timedelta(days=730),
    TrustRole.TARGETS: timedelta(days=180),
    TrustRole.SNAPSHOT: timedelta(days=7),
    TrustRole.TIMESTAMP: timedelta(hours=24),
    TrustRole.ASSIGNMENTS: timedelta(days=14),
}
TOP_LEVEL = (TrustRole.ROOT, TrustRole.TARGETS, TrustRole.SNAPSHOT, TrustRole.TIMESTAMP)

Part = TypeVar("Part", bound=Signed)


@dataclass(frozen=True)
class File:
    """A file that may be listed: hex SHA-256 and length in bytes."""

    sha256: str
    length: int


@dataclass(frozen=True)
class Standing:
    """How many of the needed signatures a proposal has."""

    signed: int
    needed: int

    @property
    def is_complete(self) -> bool:
        """Tell whether the proposal was published."""
        return self.signed >= self.needed

    def __str__(self) -> str:
        return f"{self.signed}/{self.needed}"


def init() -> None:
    """Make keys and the first version of every document, unless the repository is there already.

    Safe for any number of processes at once. Raises Unavailable where there are keys for some roles only.
    """
    if TrustDocument.objects.filter(role=TrustRole.ROOT).exists():
        return
    keys.make()
    signers = keys.at_hand()
    if missing := sorted(set(TrustRole.values) - set(signers)):
        raise Unavailable(f"A repository cannot be made here: {keys.folder()} lacks the keys of {', '.join(missing)}.")
    try:
        with transaction.atomic():
            _found(signers, timezone.now())
    except IntegrityError:
        if not TrustDocument.objects.filter(role=TrustRole.ROOT).exists():
            raise  # not another process that was first


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


def propose(files: Mapping[str, File]) -> None:
    """Write the unsigned next targets document: the signed one plus `files` (path → file); replaces an earlier proposal.

    With nothing to add the proposal is withdrawn. Raises Conflict where a path is listed with other content.
    """
    lock()
    TrustDocument.objects.awaiting_signatures().delete()
    targets = _current(TrustRole.TARGETS, Targets)
    for path, file in files.items():
        entry = TargetFile(file.length, {"sha256": file.sha256}, path)
        if targets.targets.setdefault(path, entry) != entry:
            raise Conflict(f"{path} was released with other content; a released file is never changed.")
    if files:
        _renew(targets, LIFE[TrustRole.TARGETS], timezone.now())
        _write(TrustRole.TARGETS, Metadata(targets), published_at=None)


def proposal() -> Metadata[Targets] | None:
    """Answer the targets document that awaits signatures."""
    body = TrustDocument.objects.awaiting_signatures().values_list("body", flat=True).first()
    return Metadata[Targets].from_bytes(bytes(body)) if body is not None else None


def sign_proposal(signer: Signer) -> bytes:
    """Answer the proposal with one more signature, not admitted yet; raises Conflict where nothing awaits one."""
    document = _proposal_or_conflict()
    document.sign(signer, append=True)
    return document.to_bytes()


def admit(document: bytes, signers: Signers) -> Standing:
    """Take the signatures on the proposal; with enough of them publish it, with a new snapshot and timestamp.

    Only the very document that was proposed, signed by release keys the root names, is taken: else Invalid or Refused.
    """
    lock()
    waiting = _proposal_or_conflict()
    try:
        offered = Metadata[Targets].from_bytes(document)
    except DeserializationError as error:
        raise Invalid("This is no trust document.") from error
    if offered.signed.type != Targets.type or offered.signed_bytes != waiting.signed_bytes:
        raise Refused("This signature is over another document than the one that awaits it.", code="other_document")
    merged = {**waiting.signatures, **offered.signatures}
    result = _current(TrustRole.ROOT, Root).get_verification_result(TrustRole.TARGETS, waiting.signed_bytes, merged)
    if not set(result.signed) - set(waiting.signatures):
        raise Refused("The document bears no new signature of a release key.", code="not_signed")
    waiting.signatures = {keyid: merged[keyid] for keyid in result.signed}
    published_at = timezone.now() if result else None
    TrustDocument.objects.awaiting_signatures().update(body=waiting.to_bytes(), published_at=published_at)
    if result:
        _sign_fresh(signers, timezone.now())
    return Standing(len(result.signed), result.threshold)


def standing() -> Standing:
    """Answer how far the signing of the proposal is; raises Conflict where there is none."""
    document = _proposal_or_conflict()
    root = _current(TrustRole.ROOT, Root)
    result = root.get_verification_result(TrustRole.TARGETS, document.signed_bytes, document.signatures)
    return Standing(len(result.signed), result.threshold)


def refresh() -> list[str]:
    """Sign again whatever has lived half its life and whose key is here; answers the roles. Made for a beat, every hour."""
    init()
    signers = keys.at_hand()
    with transaction.atomic():
        lock()
        now = timezone.now()
        done = [
            role for role in (TrustRole.TARGETS, TrustRole.ASSIGNMENTS) if role in signers and _renew_if_due(role, signers, now)
        ]
        if done or _is_due(TrustRole.SNAPSHOT, now):
            _sign_fresh(signers, now)
            return [*done, TrustRole.SNAPSHOT, TrustRole.TIMESTAMP]
        if _is_due(TrustRole.TIMESTAMP, now):
            _sign_timestamp(signers, now)
            return [TrustRole.TIMESTAMP]
    return []


def lock() -> None:
    """Let one transaction at a time write documents: the first root's row is the lock."""
    list(TrustDocument.objects.select_for_update().filter(role=TrustRole.ROOT, version=1).values_list("pk"))


def signer_of(role: str, signers: Signers) -> Signer:
    """Answer the key of `role`; raises Unavailable where it is not here."""
    if role not in signers:
        raise Unavailable(f"The key of the role {role} is not on this machine ({keys.folder()}).")
    return signers[role]


def moment(at: datetime) -> str:
    """Spell a moment as The Update Framework does: UTC, whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _found(signers: Signers, now: datetime) -> None:
    root = Root(expires=now + LIFE[TrustRole.ROOT], consistent_snapshot=True)
    for role in TOP_LEVEL:
        root.add_key(signers[role].public_key, role)
    online: Key = signers[TrustRole.ASSIGNMENTS].public_key
    # no path at all: looking up a file never leads to the online key, whatever it signs
    delegated = DelegatedRole(TrustRole.ASSIGNMENTS.value, [online.keyid], 1, terminating=True, paths=[])
    delegations = Delegations({online.keyid: online}, {TrustRole.ASSIGNMENTS.value: delegated})
    targets = Targets(expires=now + LIFE[TrustRole.TARGETS], delegations=delegations)
    _publish(TrustRole.ROOT, root, signers)
    _publish(TrustRole.TARGETS, targets, signers)
    _publish(TrustRole.ASSIGNMENTS, Targets(expires=now + LIFE[TrustRole.ASSIGNMENTS]), signers)
    _sign_fresh(signers, now)


def _sign_fresh(signers: Signers, now: datetime) -> None:
    named = {f"{role}.json": _meta_file(role) for role in (TrustRole.TARGETS, TrustRole.ASSIGNMENTS)}
    snapshot = Snapshot(_next_version(TrustRole.SNAPSHOT), expires=now + LIFE[TrustRole.SNAPSHOT], meta=named)
    _publish(TrustRole.SNAPSHOT, snapshot, signers)
    _sign_timestamp(signers, now)


def _sign_timestamp(signers: Signers, now: datetime) -> None:
    version, expires = _next_version(TrustRole.TIMESTAMP), now + LIFE[TrustRole.TIMESTAMP]
    signed_at = {"signed_at": moment(now)}  # below it no edge's clock may go, however it is set
    timestamp = Timestamp(version, expires=expires, snapshot_meta=_meta_file(TrustRole.SNAPSHOT), unrecognized_fields=signed_at)
    _publish(TrustRole.TIMESTAMP, timestamp, signers)


def _renew_if_due(role: TrustRole, signers: Signers, now: datetime) -> bool:
    waiting = role == TrustRole.TARGETS and TrustDocument.objects.awaiting_signatures().exists()
    if waiting or not _is_due(role, now):
        return False
    targets = _current(role, Targets)
    _renew(targets, LIFE[role], now)
    _publish(role, targets, signers)
    return True


def _renew(signed: Signed, life: timedelta, now: datetime) -> None:
    signed.version += 1
    signed.expires = now + life


def _is_due(role: TrustRole, now: datetime) -> bool:
    return _newest(role).expires_at - now < LIFE[role] / 2


def _newest(role: str) -> TrustDocument:
    found = TrustDocument.objects.published().filter(role=role).order_by("-version").first()
    if found is None:
        raise Unavailable("There is no trust repository yet; run manage.py trust init.")
    return found


def _current(role: TrustRole, part: type[Part]) -> Part:
    signed: Any = Metadata.from_bytes(bytes(_newest(role).body)).signed
    if not isinstance(signed, part):
        raise RepositoryError(f"The newest {role} document is a {signed.type} document.")
    return signed


def _next_version(role: TrustRole) -> int:
    newest = TrustDocument.objects.filter(role=role).order_by("-version").values_list("version", flat=True).first()
    return (newest or 0) + 1


def _meta_file(role: TrustRole) -> MetaFile:
    newest = _newest(role)
    body = bytes(newest.body)
    return MetaFile(newest.version, len(body), {"sha256": hashlib.sha256(body).hexdigest()})


def _publish(role: TrustRole, signed: Signed, signers: Signers) -> None:
    document: Metadata[Any] = Metadata(signed)
    document.sign(signer_of(role, signers))
    _write(role, document, published_at=timezone.now())


def _write(role: TrustRole, document: Metadata[Any], *, published_at: datetime | None) -> None:
    signed = document.signed
    TrustDocument.objects.create(
        role=role, version=signed.version, body=document.to_bytes(), expires_at=signed.expires, published_at=published_at
    )


def _proposal_or_conflict() -> Metadata[Targets]:
    found = proposal()
    if found is None:
        raise Conflict("Nothing awaits a signature.")
    return found
