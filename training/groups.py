"""The splits of very many groups in little memory: their hashes, 8 bytes each, in buckets that are searched by halves."""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator

BUCKETS = 256


class GroupsBySplit:
    """Group hash → split. `add` or `take` them, `sort` once, and look up; what a version told goes into rows by `pieces`."""

    def __init__(self) -> None:
        self._buckets: list[dict[str, array[int]]] = [{} for _ in range(BUCKETS)]
        self._is_empty = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing was taken in."""
        return self._is_empty

    def add(self, number: int, split: str) -> None:
        """Take one group in; the same one twice is once."""
        self._is_empty = False
        bucket = self._buckets[number & 0xFF]
        hashes = bucket.get(split)
        if hashes is None:
            hashes = bucket[split] = array("q")
        hashes.append(number)

    def take(self, split: str, hashes: "array[int]") -> None:
        """Take groups of one bucket in."""
        if hashes:
            self._is_empty = False
            self._buckets[hashes[0] & 0xFF].setdefault(split, array("q")).extend(hashes)

    def sort(self) -> None:
        """Make ready for `split_of`."""
        for bucket in self._buckets:
            for split, hashes in bucket.items():
                bucket[split] = array("q", sorted(set(hashes)))

    def split_of(self, number: int) -> str:
        """Answer the split of a group; empty where it is not known."""
        if self._is_empty:
            return ""
        for split, hashes in self._buckets[number & 0xFF].items():
            at = bisect_left(hashes, number)
            if at < len(hashes) and hashes[at] == number:
                return split
        return ""

    def split_of_recent(self, number: int) -> str:
        """Answer the same while groups are still being added: a bucket is walked."""
        return next((split for split, hashes in self._buckets[number & 0xFF].items() if number in hashes), "")

    def pieces(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield bucket, split and the sorted hashes as bytes, the low byte of each first; what was yielded is let go."""
        for number, bucket in enumerate(self._buckets):
            for split in sorted(bucket):
                kept = array("q", sorted(set(bucket.pop(split))))
                if sys.byteorder == "big":
                    kept.byteswap()
                yield number, split, kept.tobytes()

    @staticmethod
    def read(content: bytes) -> "array[int]":
        """Read what `pieces` spelled."""
        hashes = array("q")
        hashes.frombytes(content)
        if sys.byteorder == "big":
            hashes.byteswap()
        return hashes
