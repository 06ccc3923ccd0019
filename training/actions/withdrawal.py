"""Verbs that take a released version out of the signed lists: by name, or because no edge holds it any more."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from training import trust
from training.actions import model_version
from training.models import ModelVersion


def withdraw(version: ModelVersion, *, by: User | None, reason: str) -> ModelVersion:
    """Have a deprecated version leave the signed lists, though edges may hold it as the one to go back to.

    Where the release key is on this machine that is so at once; else it awaits signatures. What edges run they keep.
    """
    signers = trust.at_hand()
    with transaction.atomic():
        require(by, Permission.DEPRECATE_MODEL, version)
        if not model_version.bounded(reason, "reason").strip():
            raise Invalid("Say why it is withdrawn.", errors={"reason": ["A reason is needed."]})
        trust.lock()
        version = model_version.locked(version)
        if version.withdrawal_asked_at is not None:
            raise Conflict("It is withdrawn already, or will be with the next signatures.")
        mark_withdrawn([version], by=by, reason=reason)
        model_version.propose_targets(by)
        model_version.sign_at_hand(by=by, signers=signers)
    version.refresh_from_db()
    return version


def mark_withdrawn(versions: Sequence[ModelVersion], *, by: User | None, reason: str) -> None:
    """Have deprecated versions left out of the lists when these are next signed, in the caller's transaction."""
    for version in versions:
        if not version.is_withdrawable:
            raise Conflict("Only a version that was released, and is deprecated by now, can be withdrawn.")
        version.withdrawal_asked_by, version.withdrawal_asked_at = by, timezone.now()
        version.save(update_fields=["withdrawal_asked_by", "withdrawal_asked_at"])
        record(by, "withdraw", version, path=version.file_name, reason=reason)


def sign_withdrawals() -> None:
    """Have what is to be withdrawn leave the lists now, where the release key is here; elsewhere it goes with the next signing."""
    signers = trust.at_hand()
    with transaction.atomic():
        trust.lock()
        held = {keyid for document in trust.lists().values() for keyid in document.signatures}
        if {signer.public_key.keyid for signer in signers.values()} >= held and not trust.is_open():
            model_version.propose_targets(None)
            model_version.sign_at_hand(by=None, signers=signers)
