"""What a frozen version is, as bytes: member lines, the fingerprint over them, and the split of a group.

Nothing here knows a database: the same members give the same fingerprint and the same split everywhere.
"""

import hashlib
from collections.abc import Mapping

SPLITS = ("train", "validation", "test")
DIGEST_BYTES = 32


def member_line(sample_id: str, object_sha256: str, truth_sha256: str, split: str) -> str:
    """Spell a member: `sample_id object_sha256 truth_sha256 split`, single blanks, no end of line; hashes in lower-case hex.

    Only the first part may hold blanks, so that the line reads in one way only.
    """
    return f"{sample_id} {object_sha256} {truth_sha256} {split}"


class Fingerprint:
    """Gathers member lines in any order, 32 bytes each, and answers the version's fingerprint.

    The fingerprint is "sha256:" and the hex SHA-256 over this ASCII text: the lower-case hex SHA-256 of each member line
    (its UTF-8 bytes), sorted, each followed by one line feed.
    """

    def __init__(self) -> None:
        self._buckets: list[bytearray] = [bytearray() for _ in range(256)]

    def add(self, line: str) -> None:
        """Take one member line."""
        digest = hashlib.sha256(line.encode()).digest()
        self._buckets[digest[0]] += digest

    def value(self) -> str:
        """Answer "sha256:<hex>" over what was added."""
        whole = hashlib.sha256()
        for bucket in self._buckets:  # the first byte orders the buckets, so sorting each sorts all
            digests = sorted(bytes(bucket[at : at + DIGEST_BYTES]) for at in range(0, len(bucket), DIGEST_BYTES))
            whole.update("".join(f"{digest.hex()}\n" for digest in digests).encode())
        return f"sha256:{whole.hexdigest()}"


def split_of(seed: int, group_key: str, shares: Mapping[str, float]) -> str:
    """Answer the split of a group: its place in [0, 1) among the shares of train, validation, test, in this order.

    The place is the first 53 bits of SHA-256("<seed>:<group key>") over 2**53, so it is the same on every machine.
    """
    digest = hashlib.sha256(f"{seed}:{group_key}".encode()).digest()
    place = (int.from_bytes(digest[:8]) >> 11) / (1 << 53)
    end = 0.0
    for split in SPLITS[:-1]:
        end += shares[split]
        if place < end:
            return split
    return next(split for split in reversed(SPLITS) if shares[split] > 0)
