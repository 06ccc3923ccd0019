"""The private keys: one file per role below TRUST_DIR/keys, readable by the owner only.

A role whose file is not here is not signed here: production keeps root.pem and targets.pem on the key holders' machines.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from securesystemslib.signer import CryptoSigner

from core.errors import Invalid
from training.models.trust import TrustRole

EMBEDDED_MARK = "EMBEDDED"
EMBEDDED_TEXT = (
    "These keys were made on first run and lie beside the hub. Production keeps root.pem and targets.pem elsewhere.\n"
)

Signers = Mapping[str, CryptoSigner]


def folder() -> Path:
    """Answer where the keys lie."""
    return Path(settings.TRUST_DIR) / "keys"


def are_embedded() -> bool:
    """Tell whether these keys were made by the hub itself, on its first run."""
    return (folder() / EMBEDDED_MARK).exists()


def make() -> None:
    """Make a key for each role unless there are keys: all or none, whoever else tries at the same moment."""
    if folder().exists():
        return
    folder().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = Path(tempfile.mkdtemp(prefix=".keys-", dir=folder().parent))
    for role in TrustRole.values:
        _write_private(scratch / f"{role}.pem", CryptoSigner.generate_ed25519().private_bytes)
    _write_private(scratch / EMBEDDED_MARK, EMBEDDED_TEXT.encode())
    try:
        scratch.rename(folder())
    except OSError:  # the folder is there and not empty: another process was first, its keys count
        shutil.rmtree(scratch)


def at_hand() -> Signers:
    """Read the keys that are here, by role."""
    paths = {role: folder() / f"{role}.pem" for role in TrustRole.values}
    return {role: read(path) for role, path in paths.items() if path.exists()}


def read(path: Path) -> CryptoSigner:
    """Read one ed25519 key; raises Invalid for a file that holds none."""
    try:
        return CryptoSigner(cast(Ed25519PrivateKey, load_pem_private_key(path.read_bytes(), None)))
    except (OSError, ValueError, TypeError) as error:
        raise Invalid(f"{path} holds no private key that can be read: {error}.") from error


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
