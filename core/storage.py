"""The object store: objects are written once under a flat name and never changed; file system and S3 behave the same.

Which store is meant is a Django STORAGES alias; `store()` answers it. Names are `<uuid>.<ext>`, metadata is text.
"""

import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Protocol, cast
from urllib.parse import quote

from django.core.files.storage import storages

from core.ids import new_text_id

if TYPE_CHECKING:
    from core.s3_store import S3Store

DEFAULT_ALIAS = "objects"
CHUNK = 1 << 20
SPECIAL = re.compile("[% ]")
"""What percent-encoding itself uses, and blanks, which signing and proxies fold."""
UNSAFE = re.compile(r"[^\w.+-]", re.ASCII)
OBJECT_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z0-9]{1,8}")
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/zip": "zip",
    "application/octet-stream": "bin",
    "application/x-npz": "npz",
    "text/plain": "txt",
    "text/csv": "csv",
}


SHOWN_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp"}
"""What a browser may show in place, by the extension of the object's name; all else is handed over as a file of bytes."""
HANDED_OVER_AS = "application/octet-stream"


class StoreError(Exception):
    """The store refused or did not answer; `is_passing` where the same may go well in a while."""

    is_passing = True


class AlreadyStored(StoreError):
    """There is an object of this name; it was left as it is."""

    is_passing = False


class ObjectMissing(StoreError):
    """There is no object of this name."""

    is_passing = False


@dataclass(frozen=True)
class ObjectStat:
    """What the store knows of an object; size in bytes, metadata keys with underscores."""

    size: int
    etag: str
    media_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SignedRequest:
    """A request that anyone may send until `expires_at`, with exactly these headers."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class Listed:
    """One name in the store, and when the store last wrote it."""

    name: str
    modified: datetime


@dataclass(frozen=True)
class Part:
    """A part of an object that comes in parts, as the store has it: its number from 1, its size in bytes, and its etag."""

    number: int
    size: int
    etag: str


class Store(Protocol):
    """What every backend can do; all raise StoreError, AlreadyStored or ObjectMissing and nothing of their library."""

    @property
    def identity(self) -> str:
        """Name the store itself, without secrets: what was proven of one store says nothing of another."""
        ...

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        """Write a new object, durably; raises AlreadyStored and changes nothing where the name is taken."""
        ...

    def open_object(self, name: str) -> IO[bytes]:
        """Open for reading; raises ObjectMissing."""
        ...

    def stat(self, name: str) -> ObjectStat:
        """Answer size, etag, type and metadata; raises ObjectMissing."""
        ...

    def remove(self, name: str) -> None:
        """Make the object gone; gone already is success."""
        ...

    def destroy(self, name: str) -> None:
        """Make the object gone with every version of it that the store keeps; gone already is success."""
        ...

    def change_class(self, name: str, storage_class: str) -> str:
        """Keep the object in another storage class; answers its etag then, or "" where the store has no such class."""
        ...

    def listing(self) -> Iterator[Listed]:
        """Yield every name in the order of its bytes, in bounded memory."""
        ...

    def presign_get(self, name: str, *, seconds: int, filename: str = "", at: datetime | None = None) -> SignedRequest:
        """Sign a download, good for at least `seconds` from `at` (now) and the same within a window of time.

        Only an image is ever answered as what it is; with a `filename` it is handed over as a file too.
        """
        ...

    def presign_put(
        self, name: str, *, md5: str, size: int, media_type: str, metadata: Mapping[str, str], seconds: int
    ) -> SignedRequest:
        """Sign one upload of exactly this name, size (bytes), MD5 (hex) and metadata, refused where the name is taken."""
        ...

    def reference(self, name: str) -> str:
        """Spell the object as scheme://bucket/name."""
        ...

    def begin_parts(self, name: str, *, media_type: str, metadata: Mapping[str, str]) -> str:
        """Begin an object that comes in parts, and answer the store's id of this upload."""
        ...

    def presign_part(self, name: str, upload: str, *, number: int, md5: str, size: int, seconds: int) -> SignedRequest:
        """Sign the upload of one part of exactly this size (bytes) and MD5 (hex); sent twice, the later one counts."""
        ...

    def parts_of(self, name: str, upload: str) -> list[Part]:
        """Answer the parts that arrived, by number; raises ObjectMissing where the upload was completed or given up."""
        ...

    def complete_parts(self, name: str, upload: str, parts: Sequence[Part]) -> ObjectStat:
        """Make the object of these parts, in this order; done before is success. Raises StoreError where one is not there."""
        ...

    def abort_parts(self, name: str, upload: str) -> None:
        """Give up an upload and all its parts; gone already is success."""
        ...


def store(alias: str = DEFAULT_ALIAS) -> Store:
    """Answer the store of this STORAGES alias."""
    return cast(Store, storages[alias])


def read_only(alias: str = DEFAULT_ALIAS) -> Store:
    """Answer the same store with the key that can only read (STORE_READ_URL), or the store itself where none is set."""
    reader = f"{alias}-read"
    return store(reader if reader in storages.backends else alias)


def as_bucket(found: Store) -> "S3Store | None":
    """Answer a store as the bucket of S3 that it is, None for a folder; nobody imports S3's client to ask."""
    loaded = sys.modules.get("core.s3_store")  # STORAGES names it where it is used
    return cast("S3Store", found) if loaded is not None and isinstance(found, loaded.S3Store) else None


def shown_type(name: str, filename: str = "") -> str:
    """Answer the type under which a browser may show the object in place, "" where it is handed over as a file."""
    return "" if filename else SHOWN_TYPES.get(name.rpartition(".")[2], "")


def attachment(name: str, filename: str = "") -> str:
    """Spell the Content-Disposition of a file that is handed over."""
    plain = UNSAFE.sub("_", filename or name)
    return f'attachment; filename="{plain}"'


def new_name(media_type: str) -> str:
    """Make a fresh object name for content of this type."""
    return f"{new_text_id()}.{EXTENSIONS.get(media_type, 'bin')}"


@lru_cache(maxsize=4_096)
def header_value(text: str) -> str:
    """Spell text so that a header carries it unchanged: percent-encoded where it is anything but plain printable ASCII."""
    return text if text.isascii() and text.isprintable() and not SPECIAL.search(text) else quote(text)


def put_bytes(name: str, content: bytes, *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
    """Write `content` to the default store as a new object."""
    return store().put_new(name, io.BytesIO(content), media_type=media_type, metadata=metadata)


@contextmanager
def reading(name: str, alias: str = DEFAULT_ALIAS) -> Iterator[IO[bytes]]:
    """Open an object for the length of a block."""
    stream = store(alias).open_object(name)
    try:
        yield stream
    finally:
        stream.close()


def chunks_of(stream: IO[bytes], size: int = CHUNK) -> Iterator[bytes]:
    """Read `stream` to its end in pieces of at most `size` bytes."""
    while piece := stream.read(size):
        yield piece
