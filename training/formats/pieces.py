"""Large JSON documents in pieces: the elements of lists are found first, and read one by one when they are needed.

A document is held as its bytes, in memory or mapped from a scratch file, and the elements point into them. What is no JSON
for the fast reader (a bare NaN, half of a surrogate pair) is cut by hand instead, so that only its own element is bad.
"""

import mmap
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec

from training.archives import Damaged
from training.formats.base import Source, Wrong

UNDECODABLE: tuple[type[Exception], ...] = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON may raise; a ValidationError is a DecodeError too."""
Piece = msgspec.Raw | bytes
MAX_BYTES = 4 * 1024**3
MAX_IN_MEMORY = 32 * 1024**2
MAX_ELEMENT = 8 * 1024**2
CHUNK = 1024**2
TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]', re.DOTALL)
BARE = re.compile(rb"[:,\[\s]-?(NaN|Infinity)\b")
BLANK = b" \t\r\n"
UTF8_MARK = b"\xef\xbb\xbf"


def whole(source: Source, name: str, limit: int) -> bytes:
    """Answer the content of a file; raises Wrong where it is larger than the limit, or cannot be read."""
    with opened(source, name) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise Wrong("too_large", f"It may have {limit // 1024:,} KB.")
    return content


@contextmanager
def opened(source: Source, name: str) -> Iterator[BinaryIO]:
    """Open a file for as long as a `with` lasts; raises Wrong where it cannot be opened, or read to its end."""
    try:
        stream = source.open(name)
    except (OSError, EOFError, KeyError, Damaged) as error:
        raise Wrong("not_readable", str(error)) from error
    with stream:
        try:
            yield stream
        except (OSError, EOFError, Damaged) as error:
            raise Wrong("not_readable", str(error)) from error


class Document:
    """A JSON document whose large lists are found but not read."""

    def __init__(self, source: Source, name: str) -> None:
        import numpy as np  # here, for the web shows what formats there are, and reads none

        self.content = _content(source, name)
        self._address = np.frombuffer(self.content, np.uint8).__array_interface__["data"][0] if len(self.content) else 0
        self._newlines: Any = None

    def members(self, *names: str) -> dict[str, list[Piece]]:
        """Answer the elements of these lists of the outermost object; a list that is not there is missing.

        Raises Wrong where the document is no object, or no JSON.
        """
        fields = [(name, list[msgspec.Raw] | None, None) for name in names]
        try:
            found = msgspec.json.decode(self.content, type=msgspec.defstruct("Found", fields))
        except UNDECODABLE:
            return self._cut_members(frozenset(names))
        return {name: pieces for name in names if (pieces := getattr(found, name)) is not None}

    def elements(self) -> list[Piece]:
        """Answer the elements of the outermost list; raises Wrong."""
        try:
            return list(msgspec.json.decode(self.content, type=list[msgspec.Raw]))
        except UNDECODABLE:
            cutter = _Cutter(self.content)
            if cutter.first() != b"[":
                raise Wrong("not_readable", "It is no list of JSON.") from None
            return [self._slice(start, end) for start, end in cutter.elements()]

    def line_of(self, piece: Piece) -> int:
        """Answer in which line an element begins, from 1."""
        import numpy as np

        if self._newlines is None:
            self._newlines = _newlines(self.content)
        if isinstance(piece, _Slice):
            offset = piece.start
        else:
            offset = np.frombuffer(piece, np.uint8).__array_interface__["data"][0] - self._address
        return int(np.searchsorted(self._newlines, offset)) + 1

    def _cut_members(self, names: frozenset[str]) -> dict[str, list[Piece]]:
        cutter = _Cutter(self.content)
        if cutter.first() != b"{":
            raise Wrong("not_readable", "It is no object of JSON.")
        found: dict[str, list[Piece]] = {}
        for name in cutter.names():
            if name in names and cutter.first() == b"[":
                found[name] = [self._slice(start, end) for start, end in cutter.elements()]
            else:
                cutter.skip()
        return found

    def _slice(self, start: int, end: int) -> "_Slice":
        piece = _Slice(self.content[start:end])
        piece.start = start
        return piece


class _Slice(bytes):
    """A piece that was cut by hand, and where it began."""

    start: int


def bounded(piece: Piece) -> Piece:
    """Answer an element that is no larger than one may be; raises Wrong."""
    if memoryview(piece).nbytes > MAX_ELEMENT:
        raise Wrong("too_large", f"What it says of one image may have {MAX_ELEMENT // 1024**2} MB.")
    return piece


def why(piece: Piece, error: Exception) -> Wrong:
    """Answer what is wrong with an element that could not be read."""
    if isinstance(error, RecursionError):
        return Wrong("too_deep")
    if BARE.search(bytes(piece)) or "out of range" in str(error):
        return Wrong("bad_number", "It holds a number that JSON does not know.")
    return Wrong("bad_shape", str(error).replace("`", ""))


def _content(source: Source, name: str) -> Any:
    size = source.size(name)
    if size > MAX_BYTES:
        raise Wrong("too_large", f"It may have {MAX_BYTES // 1024**3} GB.")
    if size <= MAX_IN_MEMORY:
        content = whole(source, name, MAX_IN_MEMORY)
        return content.removeprefix(UTF8_MARK)
    with opened(source, name) as stream, tempfile.TemporaryFile() as copy:
        head = stream.read(CHUNK).removeprefix(UTF8_MARK)
        while head:
            copy.write(head)
            if copy.tell() > MAX_BYTES:
                raise Wrong("too_large")
            head = stream.read(CHUNK)
        copy.flush()
        return mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ)


def _newlines(content: Any) -> Any:
    import numpy as np

    found = [
        np.flatnonzero(np.frombuffer(content, np.uint8, min(CHUNK, len(content) - start), start) == ord("\n")) + start
        for start in range(0, len(content), CHUNK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


class _Cutter:
    """Walks through JSON by its brackets; reads no value."""

    def __init__(self, content: Any) -> None:
        self.content, self.at = content, 0

    def first(self) -> bytes:
        """Answer the first letter of what comes next."""
        while self.content[self.at : self.at + 1] and self.content[self.at : self.at + 1] in BLANK:
            self.at += 1
        return bytes(self.content[self.at : self.at + 1])

    def names(self) -> Iterator[str]:
        """Yield each key of the object that begins here; whoever takes it reads or skips its value."""
        self.at += 1
        while self.first() == b'"':
            token = TOKEN.match(self.content, self.at)
            if token is None:
                raise Wrong("not_readable", "It ends too soon.")
            self.at = token.end()
            if self.first() != b":":
                raise Wrong("not_readable", "A colon is missing.")
            self.at += 1
            yield token[0][1:-1].decode(errors="replace")
            if self.first() == b",":
                self.at += 1
        if self.first() != b"}":
            raise Wrong("not_readable", "It ends too soon, or is no JSON.")
        self.at += 1

    def elements(self) -> Iterator[tuple[int, int]]:
        """Yield where each element of the list that begins here starts and ends."""
        self.at += 1
        while self.first() != b"]":
            start = self.at
            self.skip()
            if self.at == start:
                raise Wrong("not_readable", "It ends too soon, or is no JSON.")
            yield start, self.at
            if self.first() == b",":
                self.at += 1
        self.at += 1

    def skip(self) -> None:
        """Go behind the value that begins here."""
        depth = 0
        for token in TOKEN.finditer(self.content, self.at):
            letter = token[0]
            if letter in {b"{", b"["}:
                depth += 1
            elif letter in {b"}", b"]"}:
                depth -= 1
                if depth < 0:
                    self.at = token.start()
                    return
                if depth == 0:
                    self.at = token.end()
                    return
            elif depth == 0 and letter == b",":
                self.at = token.start()
                return
        raise Wrong("not_readable", "It ends too soon.")
