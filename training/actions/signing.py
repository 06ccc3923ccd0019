"""Verbs on what key holders sign: sign with a key that is here, change whose keys count."""

from typing import Any

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from training import trust
from training.actions import model_version
from training.models import ModelVersion, SigningRequest


@transaction.atomic
def sign_with(signer: Any, *, by: User | None, signers: trust.Signers) -> list[ModelVersion]:
    """Sign what awaits signatures with one key; answers the versions released by it. Raises Refused where it is not asked."""
    trust.lock()
    request = trust.opened()
    standing = trust.sign_with(signer, signers)
    record(by, "sign", request, standing=str(standing))
    return model_version.take_effect(by=by) if standing.is_complete else []


def rotate(role: str, holders: trust.Holders | None, *, by: User | None) -> SigningRequest:
    """Ask for other keys of a role, and sign that with the keys of this machine that are asked; see `trust.rotate`."""
    request = trust.rotate(role, holders, by=by)
    signers = trust.at_hand()
    with transaction.atomic():
        record(by, "rotate", request, role=role, keys=[key.keyid[:12] for key in holders.keys] if holders else [])
        model_version.sign_at_hand(by=by, signers=signers)
    request.refresh_from_db()
    return request
