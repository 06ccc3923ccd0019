"""A ZIP written forward, its entries stored and not packed, in bounded memory however many they are.

zipfile keeps an object for each entry, 0.7 KB of memory; here the directory waits in a file of its own. The bytes depend on
names and contents only: every entry bears the same time.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")
SIZES_64 = struct.Struct("<2H2Q")
OFFSET_64 = struct.Struct("<2HQ")
ALL_64 = struct.Struct("<2H3Q")
ID_64 = 1
MOST_32, MOST_16 = 0xFFFFFFFF, 0xFFFF
OLD, NEW = 20, 45
"""The version of ZIP that a reader must know: 2.0, or 4.5 for what is larger than 4 GB."""
UTF8 = 0x800
TIME, DATE = 0, (1 << 5) | 1
"""Midnight of 1 January 1980, the first there is."""
FILE_MODE = 0o100644 << 16
UNIX = 3 << 8
BUFFER = 1 << 18


class StoredZip:
    """Writes a new archive at `path`; `add` takes small entries whole, `entry` streams one of any size."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("xb")
        self._directory = TemporaryFile(dir=path.parent)  # noqa: SIM115  (closed with the archive)
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._directory.close()
            self._out.close()

    def tell(self) -> int:
        """Answer how many bytes were written."""
        return self._out.tell()

    def add(self, name: str, content: bytes) -> None:
        """Write one entry, of less than 4 GB."""
        offset, spelled, crc, size = self._out.tell(), name.encode(), zlib.crc32(content), len(content)
        header = LOCAL.pack(b"PK\x03\x04", OLD, UTF8, 0, TIME, DATE, crc, size, size, len(spelled), 0)
        self._out.write(header + spelled)
        self._out.write(content)
        self._list(spelled, crc, size, offset)

    @contextmanager
    def entry(self, name: str) -> Iterator[BinaryIO]:
        """Write one entry piece by piece; no other may be written meanwhile."""
        offset, spelled = self._out.tell(), name.encode()
        header = LOCAL.pack(b"PK\x03\x04", NEW, UTF8, 0, TIME, DATE, 0, MOST_32, MOST_32, len(spelled), SIZES_64.size)
        self._out.write(header + spelled + SIZES_64.pack(ID_64, SIZES_64.size - 4, 0, 0))
        counted = _Counted(self._out)
        stream = io.BufferedWriter(counted, BUFFER)
        yield stream
        stream.flush()
        end = self._out.tell()
        self._out.seek(offset + 14)
        self._out.write(struct.pack("<L", counted.crc))
        self._out.seek(offset + LOCAL.size + len(spelled))
        self._out.write(SIZES_64.pack(ID_64, SIZES_64.size - 4, counted.size, counted.size))
        self._out.seek(end)
        self._list(spelled, counted.crc, counted.size, offset)

    def _list(self, name: bytes, crc: int, size: int, offset: int) -> None:
        """Write the entry's line of the directory."""
        extra = b""
        if size >= MOST_32:
            extra = ALL_64.pack(ID_64, ALL_64.size - 4, size, size, offset)
        elif offset >= MOST_32:
            extra = OFFSET_64.pack(ID_64, 8, offset)
        short = min(MOST_32, size)
        place = MOST_32 if extra else offset
        version = NEW if extra else OLD
        line = CENTRAL.pack(
            b"PK\x01\x02", UNIX | version, version, UTF8, 0, TIME, DATE, crc, short, short, len(name), len(extra), 0, 0, 0, FILE_MODE, place
        )  # fmt: skip
        self._directory.write(line + name + extra)
        self.count += 1

    def _finish(self) -> None:
        start, size = self._out.tell(), self._directory.tell()
        self._directory.seek(0)
        while piece := self._directory.read(1 << 20):
            self._out.write(piece)
        if max(start, size) >= MOST_32 or self.count >= MOST_16:
            end = self._out.tell()
            self._out.write(END_64.pack(b"PK\x06\x06", 44, UNIX | NEW, NEW, 0, 0, self.count, self.count, size, start))
            self._out.write(LOCATOR_64.pack(b"PK\x06\x07", 0, end, 1))
        count = min(self.count, MOST_16)
        self._out.write(END.pack(b"PK\x05\x06", 0, 0, count, count, min(size, MOST_32), min(start, MOST_32), 0))


class _Counted(io.RawIOBase):
    """What goes through it is counted and summed."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self.crc, self.size = out, 0, 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self.crc = zlib.crc32(piece, self.crc)
        self.size += len(piece)
        return self._out.write(piece)
