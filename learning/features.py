"""Looking at an uploaded NPZ file whole: a ZIP of exactly one two-dimensional array of finite floats, and nothing else.

Knows the format, not the database. Nothing of the file is ever unpickled or evaluated: the array's header is read as a
literal of known keys, and its numbers are taken as bytes. What lies, bombs or holds more is a Defect with its reason.
"""

import ast
import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from core.storage import chunks_of
from learning.defects import Defect

MEDIA_TYPE = "application/x-npz"
MAX_INFLATED = 64 * 1024 * 1024
MAX_HEADER = 4_096
MAX_ENTRIES = 64
ENTRY = b"PK\x01\x02"
"""What each entry of a ZIP's directory begins with."""
ENCRYPTED = 0x1
MAGIC = b"\x93NUMPY"
LENGTH_BYTES = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
"""By the version of the array's format: how many bytes tell the length of its header."""
FLOAT = re.compile(r"[<>=]?f[248]")
NAME = re.compile(r"[^/\\\x00]{1,200}\.npy")


@dataclass(frozen=True)
class Expected:
    """What a module's features are: the name of their encoding, and numbers a row."""

    encoding: str
    dims: int


@dataclass(frozen=True)
class Features:
    """What a file turned out to be; `shape` is rows and numbers a row, `dtype` as NumPy spells it ("float32")."""

    sha256: str
    size: int
    shape: tuple[int, int]
    dtype: str
    encoding: str


@dataclass(frozen=True)
class _Header:
    dtype: str
    shape: tuple[int, int]
    body: int
    """Where the numbers begin."""


def inspect(
    stream: IO[bytes],
    *,
    sha256: str,
    encoding: str,
    expected: Expected,
    max_bytes: int,
    max_inflated: int = MAX_INFLATED,
) -> Features:
    """Read and check a stream; raises Defect. An empty `sha256` (hex) is found out and not compared.

    `max_bytes` bounds the file, `max_inflated` the array in memory.
    """
    if encoding != expected.encoding:
        raise Defect("encoding_wrong", f"The module takes features of the encoding {expected.encoding}.")
    content = _read(stream, max_bytes)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256:
        raise Defect("wrong_checksum", "The bytes do not have the sha256 that was announced.")
    array = _only_member(content, max_inflated)
    header = _header_of(array)
    if header.shape[1] != expected.dims:
        raise Defect("dims_wrong", f"The module takes {expected.dims} numbers a row; this file has {header.shape[1]}.")
    _check_numbers(array, header)
    dtype = f"float{int(header.dtype[-1]) * 8}"
    return Features(digest, len(content), header.shape, dtype, encoding)


def _read(stream: IO[bytes], most: int) -> bytes:
    content = bytearray()
    for piece in chunks_of(stream):
        content += piece
        if len(content) > most:
            raise Defect("oversize", f"A file may have {most:,} bytes at most.")
    return bytes(content)


def _only_member(content: bytes, most: int) -> bytes:
    """Inflate the one member of the archive, never more than `most` bytes of it."""
    if content.count(ENTRY) > MAX_ENTRIES:  # before zipfile makes an object of each
        raise Defect("several_arrays", "The file holds more than one array.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = _checked(archive.infolist(), most)
            with archive.open(member) as inflating:
                array = inflating.read(most + 1)  # it ends at the size it told, and then its checksum is compared
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Defect("not_npz", "The file is no NPZ file, or it is damaged.") from error
    if len(array) != member.file_size:
        raise Defect("not_npz", "The array is shorter than the archive says.")
    return array


def _checked(members: list[zipfile.ZipInfo], most: int) -> zipfile.ZipInfo:
    if len(members) != 1:
        raise Defect("several_arrays", f"The file holds {len(members)} arrays; it is to hold exactly one.")
    member = members[0]
    if not NAME.fullmatch(member.filename):
        raise Defect("not_npz", "The file's one member is no array.")
    if member.flag_bits & ENCRYPTED or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Defect("not_npz", "The array is encrypted, or packed in a way that NumPy does not.")
    if member.file_size > most:
        raise Defect("too_large_inflated", f"An array may have {most:,} bytes at most.")
    return member


def _header_of(array: bytes) -> _Header:
    """Read the array's header; only plain floats in two dimensions pass."""
    width = LENGTH_BYTES.get((array[6], array[7])) if len(array) > 12 and array.startswith(MAGIC) else None
    if width is None:
        raise Defect("not_npz", "The file's one member is no array.")
    begin = len(MAGIC) + 2 + width
    body = begin + int.from_bytes(array[begin - width : begin], "little")
    if body - begin > MAX_HEADER or body > len(array):
        raise Defect("not_npz", "The array's header is too long or cut off.")
    try:
        told = ast.literal_eval(array[begin:body].decode("latin-1").strip())
        kind, order, shape = told["descr"], told["fortran_order"], told["shape"]
    except (SyntaxError, ValueError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise Defect("not_npz", "The array's header cannot be read.") from error
    if not isinstance(kind, str) or not FLOAT.fullmatch(kind) or not isinstance(order, bool):
        raise Defect("not_floats", "The array holds something else than floats; nothing pickled is read.")
    if not _is_plane(shape):
        raise Defect("not_two_dimensional", "The array is to have rows and numbers a row, at least one of each.")
    return _Header(kind, shape, body)


def _is_plane(shape: object) -> bool:
    return isinstance(shape, tuple) and len(shape) == 2 and all(type(side) is int and side > 0 for side in shape)


def _check_numbers(array: bytes, header: _Header) -> None:
    """Raise Defect unless exactly the told numbers follow the header, each of them finite."""
    rows, dims = header.shape
    if rows * dims * int(header.dtype[-1]) != len(array) - header.body:
        raise Defect("size_wrong", "The array has more or fewer numbers than its header says.")
    import numpy as np

    if not np.isfinite(np.frombuffer(array, dtype=header.dtype, offset=header.body)).all():
        raise Defect("not_finite", "The array holds infinity or what is no number.")
