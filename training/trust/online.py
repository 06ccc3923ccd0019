"""What the hub signs by itself: how fresh the lists are (snapshot, timestamp), and the role that assigns."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Targets, Timestamp

from training.models.trust import TrustDocument, TrustRole
from training.trust import documents
from training.trust.documents import LIFE, current, forward_version, meta_file, moment, write
from training.trust.keys import Signers, signer_among


def signer_of(role: str, signers: Signers) -> Signer:
    """Answer the key that signs for `role` by the documents in force; raises Unavailable where it is not here."""
    delegator: Root | Targets = (
        current(TrustRole.ROOT, Root) if role in documents.TOP_LEVEL else current(TrustRole.TARGETS, Targets)
    )
    return signer_among(delegator.get_delegated_role(role).keyids, signers, role)


def sign_fresh(signers: Signers, now: datetime, above: int = 0) -> None:
    """Sign a snapshot of the newest lists, and its timestamp; the role that assigns first, where its key is another by now.

    With `above` all three, under higher numbers than that.
    """
    if above or not _is_assignments_role_sound():
        renew_assignments_role(signers, now, above)
    roles = [*TrustDocument.objects.newest().lists().order_by("role").values_list("role", flat=True), TrustRole.ASSIGNMENTS]
    named = {f"{role}.json": meta_file(role) for role in roles}
    snapshot = Snapshot(forward_version(TrustRole.SNAPSHOT, above), expires=now + LIFE[TrustRole.SNAPSHOT], meta=named)
    _publish(TrustRole.SNAPSHOT, snapshot, signers)
    sign_timestamp(signers, now, above=above)


def sign_timestamp(signers: Signers, now: datetime, life: timedelta = LIFE[TrustRole.TIMESTAMP], *, above: int = 0) -> bytes:
    """Sign which snapshot is the newest, and that it was at `now`; answers the document."""
    signed_at = {"signed_at": moment(now)}  # below it no edge's clock may go, however it is set
    timestamp = Timestamp(
        forward_version(TrustRole.TIMESTAMP, above),
        expires=now + life,
        snapshot_meta=meta_file(TrustRole.SNAPSHOT),
        unrecognized_fields=signed_at,
    )
    return _publish(TrustRole.TIMESTAMP, timestamp, signers)


def sign_to_carry(signers: Signers, days: int) -> bytes:
    """Answer a timestamp for a stick that is on its way for up to `days`; the hub itself goes on with the next, a short one."""
    now = timezone.now()
    sign_fresh(signers, now)
    carried = sign_timestamp(signers, now, timedelta(days=days))
    sign_timestamp(signers, now)
    return carried


def renew_assignments_role(signers: Signers, now: datetime, above: int = 0) -> None:
    """Sign the empty list of the online role anew: it never names a file."""
    version = forward_version(TrustRole.ASSIGNMENTS, above)
    _publish(TrustRole.ASSIGNMENTS, Targets(version, expires=now + LIFE[TrustRole.ASSIGNMENTS]), signers)


def _is_assignments_role_sound() -> bool:
    newest = TrustDocument.objects.published().filter(role=TrustRole.ASSIGNMENTS).order_by("-version").first()
    if newest is None:
        return False
    document = documents.parsed(newest.body)
    try:
        current(TrustRole.TARGETS, Targets).verify_delegate(TrustRole.ASSIGNMENTS, document.signed_bytes, document.signatures)
    except RepositoryError:
        return False
    return True


def _publish(role: TrustRole, signed: Signed, signers: Signers) -> bytes:
    document: Metadata[Any] = Metadata(signed)
    document.sign(signer_of(role, signers))
    return write(role, document, published_at=timezone.now())
