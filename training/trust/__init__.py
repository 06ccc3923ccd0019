"""What the hub signs, so that an edge need not believe the hub: The Update Framework's image repository."""

from training.trust.keys import Signers, are_embedded, at_hand, read
from training.trust.repository import (
    LIFE,
    File,
    Standing,
    admit,
    init,
    lock,
    metadata,
    moment,
    proposal,
    propose,
    refresh,
    root_sha256,
    sign_proposal,
    signer_of,
    standing,
)

__all__ = [
    "LIFE",
    "File",
    "Signers",
    "Standing",
    "admit",
    "are_embedded",
    "at_hand",
    "init",
    "lock",
    "metadata",
    "moment",
    "proposal",
    "propose",
    "read",
    "refresh",
    "root_sha256",
    "sign_proposal",
    "signer_of",
    "standing",
]
