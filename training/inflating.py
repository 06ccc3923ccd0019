"""What inflates a compressed file, a piece at a time, and the bounds within which it is done.

Memory stays small whatever the file says of itself, and nothing is written once a bound is passed.
"""

import bz2
import lzma
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from core.errors import Invalid

PIECE = 1 << 20
LZMA_MEMORY = 256 << 20
HEADERS = 4 * 512
"""What a TAR needs beside the content of an entry."""


@dataclass(frozen=True)
class Bounds:
    """The most an archive may hold: entries, bytes of one and of all when inflated, and how many times its own size that is.

    The ratio counts from `free_bytes` on: a small file of one colour is no bomb.
    """

    entries: int = 200_000
    entry_bytes: int = 4 << 30
    total_bytes: int = 64 << 30
    list_bytes: int = 128 << 20
    ratio: int = 250
    free_bytes: int = 64 << 20
    spare_disk: int = 1 << 30


BOUNDS = Bounds()


class _Inflater(Protocol):
    """What bz2, lzma and our gzip have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class _Gzip:
    """zlib's inflater of gzip in the shape of the others."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=31)
        self._is_full = False

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        return not self._is_full and not self._inflater.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        piece = self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)
        self._is_full = len(piece) == max_length  # there may be more, though all input was read
        return piece


INFLATERS: dict[str, Callable[[], _Inflater]] = {
    "gz": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=LZMA_MEMORY),
}


def inflate(path: Path, target: Path, kind: str, bounds: Bounds, tick: Callable[[], None]) -> None:
    """Write what a compressed file holds; raises Invalid where it is damaged, passes a bound, or the disk has no room."""
    packed, total = path.stat().st_size, 0
    with path.open("rb") as stream, target.open("xb") as out:
        for piece in _pieces(stream, INFLATERS[kind]):
            total += len(piece)
            if total > bounds.total_bytes + HEADERS * bounds.entries:
                raise refused("archive_too_large", f"An archive may hold {bounds.total_bytes:,} bytes at most.")
            check_ratio(total, packed, bounds)
            if shutil.disk_usage(target.parent).free < bounds.spare_disk:
                raise refused("no_room", "The hub has no room to open this archive at the moment.")
            out.write(piece)
            tick()


def _pieces(stream: IO[bytes], make: Callable[[], _Inflater]) -> Iterator[bytes]:
    """Yield inflated pieces of at most 1 MiB; one compressed stream may follow another."""
    inflater, unread = make(), b""
    try:
        while True:
            packed = unread or (stream.read(PIECE >> 2) if inflater.needs_input else b"")
            if not packed and inflater.needs_input:
                raise damaged()
            piece, unread = inflater.decompress(packed, PIECE), b""
            if piece:
                yield piece
            if inflater.eof:
                unread = (inflater.unused_data or stream.read(PIECE >> 2)).lstrip(b"\0")
                if not unread:
                    return
                inflater = make()
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise damaged() from error


def check_ratio(inflated: int, packed: int, bounds: Bounds) -> None:
    """Raise Invalid for what becomes too many times its size."""
    if inflated > max(bounds.free_bytes, bounds.ratio * packed):
        raise refused("archive_bomb", f"The archive would become more than {bounds.ratio} times its size.")


def damaged() -> Invalid:
    """Make the refusal of an archive that cannot be read."""
    return refused("archive_damaged", "The archive is damaged, or ends too soon.")


def refused(code: str, sentence: str) -> Invalid:
    """Make a refusal of the whole archive."""
    return Invalid(sentence, code=code)
