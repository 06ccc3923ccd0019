"""Archives that people send, read as they stand: ZIP and TAR, plain or by gzip, bzip2, xz; nothing is unpacked under its own name.

An archive is refused as a whole (Invalid) where it is no archive, damaged, or larger than the bounds. An entry that could do harm, or
that says nothing, is left out and counted under `left_out`: what a reader asks for by a name it got from `names` is a plain
file inside the archive. Archives inside of archives are files like any other. A TAR that is compressed is inflated once into a
scratch file, so that any entry can be read at any time; a ZIP and a plain TAR are read in place.
"""

import io
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from core.ids import new_id
from training.inflating import BOUNDS, PIECE, Bounds, check_ratio, damaged, inflate, refused

BLOCK = 512
MAX_NAME = 1_024
MAX_PART = 255
MAX_HEADER = 1 << 16
"""What a TAR may say of one entry beside its header, in bytes."""
END_OF_ZIP = struct.Struct("<4s4H2LH")
END_OF_ZIP64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_OF_ZIP64 = struct.Struct("<4sLQL")
TELLING = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
DRIVE = re.compile(r"[A-Za-z]:")
JUNK = re.compile(r"(^|/)(__MACOSX|\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)(/|$)")
"""What systems add to archives of their own accord; it is passed over in silence."""
ZIP_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
ENCRYPTED = 0x1 | 0x40 | 0x2000
UTF_8 = 0x800


class Damaged(Exception):
    """An entry cannot be read to its end as the archive says it can."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One plain file: its size when inflated, and where it is (a ZipInfo, or an offset)."""

    size: int
    place: Any


class ArchiveSource:
    """The plain files of an archive, by safe names: relative, posix, each once; `left_out` counts what is not among them by reason."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._entries: dict[str, _Entry] = {}
        self._total = 0
        self._seen = 0
        self.left_out: Counter[str] = Counter()

    def names(self) -> list[str]:
        """Answer the names of the files, in the order of the archive."""
        return list(self._entries)

    def size(self, name: str) -> int:
        """Answer how many bytes a file has; raises KeyError."""
        return self._entries[name].size

    def open(self, name: str) -> BinaryIO:
        """Open a file, for one reading from start to end; raises KeyError, and Damaged then or while it is read."""
        entry = self._entries[name]
        try:
            stream = self._opened(entry)
        except _BROKEN as error:
            raise Damaged(f"{name} is damaged: {error}") from error
        return cast(BinaryIO, io.BufferedReader(_Checked(name, stream, entry.size), PIECE >> 4))

    def close(self) -> None:
        """Let go of the archive's file."""
        raise NotImplementedError

    def _opened(self, entry: _Entry) -> IO[bytes]:
        raise NotImplementedError

    def _take(self, raw: str, size: int, place: Any, harm: str = "") -> None:
        """Take an entry under its safe name, or count why not; raises Invalid where a bound is passed."""
        self._seen += 1
        if self._seen > self._bounds.entries:
            raise refused("too_many_entries", f"An archive may have {self._bounds.entries:,} entries at most.")
        if JUNK.search(raw):
            return
        name = safe_name(raw)
        if not name:
            harm = harm or "unsafe_name"
        elif name in self._entries:
            harm = harm or "duplicate_name"
        elif size > self._bounds.entry_bytes:
            harm = harm or "entry_too_large"
        if harm:
            self.left_out[harm] += 1
            return
        self._entries[name] = _Entry(size, place)
        self._total += size
        if self._total > self._bounds.total_bytes:
            raise refused("archive_too_large", f"An archive may hold {self._bounds.total_bytes:,} bytes at most.")


class ZipSource(ArchiveSource):
    """The files of a ZIP, read in place; its list of entries is bounded before it is read."""

    def __init__(self, path: Path, bounds: Bounds = BOUNDS) -> None:
        super().__init__(bounds)
        _check_list(path, bounds)
        try:
            self._archive = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise damaged() from error
        try:
            for info in self._archive.infolist():
                if not info.is_dir():
                    self._take(_zip_name(info), info.file_size, info, _harm_of(info))
            check_ratio(self._total, path.stat().st_size, bounds)
        except BaseException:
            self._archive.close()
            raise

    def close(self) -> None:
        """Let go of the archive's file."""
        self._archive.close()

    def _opened(self, entry: _Entry) -> IO[bytes]:
        return self._archive.open(entry.place)


class TarSource(ArchiveSource):
    """The files of a TAR that is not compressed, read in place."""

    def __init__(self, path: Path, bounds: Bounds = BOUNDS, *, tick: Callable[[], None] = lambda: None) -> None:
        super().__init__(bounds)
        self._file = path.open("rb", buffering=0)
        self._end = path.stat().st_size
        try:
            for member in self._members():
                tick()
                if not member.isdir():
                    harm = "" if member.isreg() and not member.issparse() else "not_a_file"
                    self._take(_tar_name(member.name), member.size, member.offset_data, harm)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of the archive's file."""
        self._file.close()

    def _opened(self, entry: _Entry) -> IO[bytes]:
        return cast(IO[bytes], _Part(self._file.fileno(), entry.place, entry.size))

    def _members(self) -> Iterator[tarfile.TarInfo]:
        """Walk the headers, with the names and sizes that go before them; raises Invalid where one is missing or wrong.

        Not by tarfile: it ends without a word at a header that is damaged, and reads what goes before a header whole.
        """
        offset, told = 0, dict[str, str]()
        while offset < self._end:
            block = os.pread(self._file.fileno(), BLOCK, offset)
            if not block.strip(b"\0"):
                return
            member = _header(block)
            offset, size = offset + BLOCK, _size(told, member)
            if not 0 <= size <= self._end - offset:
                raise damaged()
            if member.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
                told |= _told(member.type, self._short(offset, size))
            elif member.type not in (tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE):
                self._skip_sparse(member)
                member.name, member.size, member.offset_data = told.get("path", member.name), size, offset
                yield member
                told = {}
            offset += -(-size // BLOCK) * BLOCK

    def _short(self, offset: int, size: int) -> bytes:
        if size > MAX_HEADER:
            raise damaged()
        return os.pread(self._file.fileno(), size, offset)

    @staticmethod
    def _skip_sparse(member: tarfile.TarInfo) -> None:
        if member.type == tarfile.GNUTYPE_SPARSE:
            raise refused("sparse_archive", "This TAR holds sparse files; make it anew without.")


@contextmanager
def open_archive(
    path: Path, *, scratch: Path, bounds: Bounds = BOUNDS, tick: Callable[[], None] = lambda: None
) -> Iterator[ArchiveSource]:
    """Open an archive for the length of a block, whatever its name says it is; raises Invalid.

    What is inflated lies in `scratch` for as long; `tick` is called now and then, and may raise.
    """
    kind = kind_of(path)
    inflated: Path | None = None
    source: ArchiveSource | None = None
    try:
        if kind == "zip":
            source = ZipSource(path, bounds)
        elif kind == "tar":
            source = TarSource(path, bounds, tick=tick)
        else:
            inflated = scratch / f"{new_id()}.tar"
            inflate(path, inflated, kind, bounds, tick)
            source = TarSource(inflated, bounds, tick=tick)
        yield source
    finally:
        if source is not None:
            source.close()
        if inflated is not None:
            inflated.unlink(missing_ok=True)


def kind_of(path: Path) -> str:
    """Tell by its first bytes what a file is: zip, tar, gz, bz2 or xz; raises Invalid for anything else."""
    with path.open("rb") as stream:
        head = stream.read(BLOCK)
    for kind, magic in (("zip", b"PK\3\4"), ("zip", b"PK\5\6"), ("gz", b"\x1f\x8b"), ("bz2", b"BZh"), ("xz", b"\xfd7zXZ\0")):
        if head.startswith(magic):
            return kind
    if len(head) == BLOCK and head.strip(b"\0"):
        with_sum = head[:148] + b" " * 8 + head[156:]
        try:
            if tarfile.nti(head[148:156]) in (sum(with_sum), sum(with_sum) - 256 * sum(byte > 127 for byte in with_sum)):  # type: ignore[attr-defined]
                return "tar"
        except tarfile.TarError:
            pass
    raise refused("not_an_archive", "This is neither a ZIP nor a TAR (plain, gzip, bzip2 or xz).")


def safe_name(raw: str) -> str:
    """Answer a name as a relative posix path, or "" for one that leads elsewhere or that no person could read."""
    name = raw.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or DRIVE.match(name) or ".." in parts or TELLING.search(name):
        return ""
    if len(name.encode()) > MAX_NAME or any(len(part.encode()) > MAX_PART for part in parts):
        return ""
    return "/".join(parts)


class _Part(io.RawIOBase):
    """A part of a file, read by its place, so that any number of them may be open."""

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor, self._at, self._left = descriptor, start, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = os.pread(self._descriptor, min(len(buffer), self._left), self._at)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        self._left -= len(piece)
        return len(piece)


class _Checked(io.RawIOBase):
    """A file of an archive: what goes wrong on the way is Damaged, and so is an end that comes too soon."""

    def __init__(self, name: str, stream: IO[bytes], size: int) -> None:
        self._name, self._stream, self._left = name, stream, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._stream.read(len(buffer))
        except _BROKEN as error:
            raise Damaged(f"{self._name} is damaged: {error}") from error
        self._left -= len(piece)
        if (not piece and self._left > 0) or self._left < 0:
            raise Damaged(f"{self._name} is damaged: it does not have the length that the archive says.")
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._stream.close()
        super().close()


_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    OverflowError,
)
"""What zipfile raises over content that lies."""


def _check_list(path: Path, bounds: Bounds) -> None:
    """Raise Invalid where the list at the end of a ZIP is longer than may be read at once."""
    with path.open("rb") as stream:
        start = max(0, stream.seek(0, io.SEEK_END) - END_OF_ZIP.size - LOCATOR_OF_ZIP64.size - 0xFFFF)
        stream.seek(start)
        tail = stream.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) - at < END_OF_ZIP.size:
            raise damaged()
        _, _, _, _, entries, length, _, _ = END_OF_ZIP.unpack_from(tail, at)
        locator = tail[max(0, at - LOCATOR_OF_ZIP64.size) : at]
        if locator.startswith(b"PK\6\7") and len(locator) == LOCATOR_OF_ZIP64.size:
            stream.seek(min(LOCATOR_OF_ZIP64.unpack(locator)[2], start + len(tail)))
            record = stream.read(END_OF_ZIP64.size)
            if len(record) < END_OF_ZIP64.size or not record.startswith(b"PK\6\6"):
                raise damaged()
            entries, length = END_OF_ZIP64.unpack(record)[7:9]
    if entries > bounds.entries or length > bounds.list_bytes:
        raise refused("too_many_entries", f"An archive may have {bounds.entries:,} entries at most.")


def _harm_of(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if info.flag_bits & ENCRYPTED:
        return "encrypted"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "not_a_file"
    return "" if info.compress_type in ZIP_METHODS else "compression_unknown"


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Answer the name as it was meant: many writers put UTF-8 and do not say so."""
    if info.flag_bits & UTF_8:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.orig_filename


def _tar_name(name: str) -> str:
    """Answer the name as it was meant: UTF-8, or else the old Western one."""
    content = name.encode("utf-8", "surrogateescape")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError as error:
        raise damaged() from error


def _size(told: dict[str, str], member: tarfile.TarInfo) -> int:
    """Answer how many bytes follow a header: what was said before it counts; links have none whatever they say."""
    if member.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE):
        return member.size
    if not (member.isreg() or member.type == tarfile.CONTTYPE):
        return 0 if member.type in tarfile.SUPPORTED_TYPES else member.size
    return int(told.get("size", member.size))


def _told(kind: bytes, content: bytes) -> dict[str, str]:
    """Read what stands before a header: GNU's long name, or the records `<length> <key>=<value>` of POSIX."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {"path": content.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    told = {}
    while content.strip(b"\0"):
        length, _, _ = content.partition(b" ")
        if not length.isdigit() or not len(length) + 1 < int(length[:6]) <= len(content):
            raise damaged()
        key, separator, value = content[len(length) + 1 : int(length) - 1].partition(b"=")
        if not separator or (key == b"size" and not (value.isdigit() and len(value) < 19)):
            raise damaged()
        if key.startswith(b"GNU.sparse."):
            raise refused("sparse_archive", "This TAR holds sparse files; make it anew without.")
        told[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        content = content[int(length) :]
    return told
