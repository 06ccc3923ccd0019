"""What belongs together: the key of a group of samples, as a number."""

import hashlib


def group_hash(group_key: str) -> int:
    """Answer the first 8 bytes of the key's SHA-256 as a signed number: a bigint column's worth."""
    return int.from_bytes(hashlib.sha256(group_key.encode()).digest()[:8], signed=True)
