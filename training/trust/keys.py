"""The keys: a private one is a file below TRUST_DIR/keys, readable by the owner only; of key holders the hub knows public ones.

A role whose file is not here is not signed here: production keeps the root's and the release keys on the key holders' machines.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from securesystemslib.signer import CryptoSigner, Key

from core.errors import Conflict, Invalid, Unavailable
from training.models.trust import TrustRole

EMBEDDED_MARK = "EMBEDDED"
EMBEDDED_TEXT = (
    "These keys were made on first run and lie beside the hub. Production keeps root.pem and targets.pem elsewhere.\n"
)
ONLINE = (TrustRole.SNAPSHOT, TrustRole.TIMESTAMP, TrustRole.ASSIGNMENTS)
MOST_HOLDERS = 20
MOST_KEY_BYTES = 8_000
LONGEST_NAME = 80

Signers = Mapping[str, CryptoSigner]
"""The private keys that are here, by the name of their file: that of their role, or `<role>-<first digits of the key>`."""


@dataclass(frozen=True)
class Holders:
    """Who holds a role: public keys, and how many of them must sign."""

    keys: tuple[Key, ...]
    threshold: int = 1

    def __post_init__(self) -> None:
        """Raise Invalid for a threshold that cannot be met, or a key named twice."""
        count = len({key.keyid for key in self.keys})
        if count != len(self.keys) or not 0 < count <= MOST_HOLDERS:
            raise Invalid(f"Name 1 to {MOST_HOLDERS} public keys, each once.")
        if not 0 < self.threshold <= count:
            raise Invalid(f"Of {count} keys, 1 to {count} can be needed; not {self.threshold}.")


def folder() -> Path:
    """Answer where the keys lie."""
    return Path(settings.TRUST_DIR) / "keys"


def are_embedded() -> bool:
    """Tell whether these keys were made by the hub itself, on its first run."""
    return (folder() / EMBEDDED_MARK).exists()


def make(roles: Iterable[str] = TrustRole.values) -> None:
    """Make a key for each role unless there are keys: all or none, whoever else tries at the same moment."""
    if folder().exists():
        return
    folder().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = Path(tempfile.mkdtemp(prefix=".keys-", dir=folder().parent))
    made = set(roles)
    for role in made:
        _write_private(scratch / f"{role}.pem", CryptoSigner.generate_ed25519().private_bytes)
    if made >= {TrustRole.ROOT, TrustRole.TARGETS}:
        _write_private(scratch / EMBEDDED_MARK, EMBEDDED_TEXT.encode())
    try:
        scratch.rename(folder())
    except OSError:  # the folder is there and not empty: another process was first, its keys count
        shutil.rmtree(scratch)


def make_another(role: str) -> CryptoSigner:
    """Make one more key for a role, beside the one in use."""
    signer = CryptoSigner.generate_ed25519()
    _write_private(folder() / f"{role}-{signer.public_key.keyid[:12]}.pem", signer.private_bytes)
    return signer


def at_hand() -> Signers:
    """Read the keys that are here."""
    return {path.stem: read(path) for path in sorted(folder().glob("*.pem")) if path.stem.partition("-")[0] in TrustRole.values}


def signer_among(keyids: Iterable[str], signers: Signers, role: str) -> CryptoSigner:
    """Answer the key that is here of those that may sign for `role`; raises Unavailable."""
    named = set(keyids)
    for signer in signers.values():
        if signer.public_key.keyid in named:
            return signer
    raise Unavailable(f"The key of the role {role} is not on this machine ({folder()}).")


def read(path: Path, password: bytes = b"") -> CryptoSigner:
    """Read one ed25519 key, one that is encrypted with `password` or else the hub's own; raises Invalid for a file that holds none."""
    try:
        content = path.read_bytes()
        opened_by = (password or settings.TRUST_KEY_PASSWORD.encode() or None) if b"ENCRYPTED" in content else None
        return CryptoSigner(cast(Ed25519PrivateKey, load_pem_private_key(content, opened_by)))
    except (OSError, ValueError, TypeError) as error:
        raise Invalid(f"{path} holds no private key that can be read: {error}.") from error


def read_public(path: Path) -> Key:
    """Read a key holder's public key as `cc-edge key` writes it; raises Invalid, Conflict for a private one."""
    try:
        text = path.read_text() if path.stat().st_size <= MOST_KEY_BYTES else ""
        if "PRIVATE KEY" in text:
            raise Conflict(
                f"{path} is a private key; it never leaves its holder's machine. Bring the file beside it, {path.name}.pub."
            )
        facts = json.loads(text)
        key = Key.from_dict(facts.pop("keyid"), facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"{path} is no public key that `cc-edge key` wrote.") from error
    if key.keytype != "ed25519" or not 0 < len(name_of(key)) <= LONGEST_NAME:
        raise Invalid(f"{path} is no ed25519 key with its holder's name (up to {LONGEST_NAME} characters).")
    return key


def name_of(key: Key) -> str:
    """Answer whose key it is, as its holder wrote it; the key's first digits where nobody did."""
    name = key.unrecognized_fields.get("name")
    return name if isinstance(name, str) and name else key.keyid[:12]


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
