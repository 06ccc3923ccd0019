"""What a frozen version is, as bytes: member lines, the fingerprint over them, and the split of a group.

Nothing here knows a database: the same members give the same fingerprint and the same split everywhere.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

SPLITS = ("train", "validation", "test")
DIGEST_BYTES = 32
BUCKETS = 256
HELD_BYTES = 1 << 20
"""So much of digests is kept in memory where there is a folder for them."""


def member_line(sample_id: str, object_sha256: str, truth_sha256: str, split: str) -> str:
    """Spell a member: `sample_id object_sha256 truth_sha256 split`, single blanks, no end of line; hashes in lower-case hex.

    Only the first part may hold blanks, so that the line reads in one way only.
    """
    return f"{sample_id} {object_sha256} {truth_sha256} {split}"


class Fingerprint:
    """Gathers member lines in any order, 32 bytes each, and answers the version's fingerprint.

    The fingerprint is "sha256:" and the hex SHA-256 over this ASCII text: the lower-case hex SHA-256 of each member line
    (its UTF-8 bytes), sorted, each followed by one line feed. With a `folder` the digests wait there and not in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._held, self._is_spooled = folder, 0, False
        self._buckets: list[bytearray] = [bytearray() for _ in range(BUCKETS)]

    def add(self, line: str) -> None:
        """Take one member line."""
        self.add_all((line,))

    def add_all(self, lines: Iterable[str]) -> None:
        """Take some member lines."""
        buckets, sha256 = self._buckets, hashlib.sha256
        for line in lines:
            digest = sha256(line.encode()).digest()
            buckets[digest[0]] += digest
            self._held += DIGEST_BYTES
        if self._held >= HELD_BYTES and self._folder is not None:
            self._spool(self._folder)

    def value(self) -> str:
        """Answer "sha256:<hex>" over what was added."""
        whole = hashlib.sha256()
        for number, bucket in enumerate(self._buckets):  # the first byte orders the buckets, so sorting each sorts all
            content = bytes(bucket)
            if self._folder is not None and self._is_spooled:
                content += _place(self._folder, number).read_bytes()
            digests = sorted(content[at : at + DIGEST_BYTES] for at in range(0, len(content), DIGEST_BYTES))
            if digests:
                whole.update(b"".join(digests).hex("\n", DIGEST_BYTES).encode() + b"\n")
        return f"sha256:{whole.hexdigest()}"

    def _spool(self, folder: Path) -> None:
        for number, bucket in enumerate(self._buckets):
            with _place(folder, number).open("ab") as out:
                out.write(bucket)
            bucket.clear()
        self._held, self._is_spooled = 0, True


def _place(folder: Path, number: int) -> Path:
    return folder / f"digests-{number:02x}"


def split_of(seed: int, group_key: str, shares: Mapping[str, float]) -> str:
    """Answer the split of a group: its place in [0, 1) among the shares of train, validation, test, in this order.

    The place is the first 53 bits of SHA-256("<seed>:<group key>") over 2**53, so it is the same on every machine.
    """
    digest = hashlib.sha256(f"{seed}:{group_key}".encode()).digest()
    place = (int.from_bytes(digest[:8]) >> 11) / (1 << 53)
    end = shares[SPLITS[0]]
    if place < end:  # most are: a freeze asks for each group
        return SPLITS[0]
    for split in SPLITS[1:-1]:
        end += shares[split]
        if place < end:
            return split
    return next(split for split in reversed(SPLITS) if shares[split] > 0)
