"""The store of a fresh machine: a folder, with URLs that the hub signs and serves itself.

An object is `<root>/<shard>/<name>` with its type and metadata in `<name>.json` beside it. It is written to a temporary
file, fsynced, and linked to its name: a link fails where the name exists, so a write either happens whole or not at all.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlencode

from django.core.files.storage import FileSystemStorage

from core.errors import Refused
from core.ids import new_id
from core.storage import (
    OBJECT_NAME,
    AlreadyStored,
    Listed,
    ObjectMissing,
    ObjectStat,
    Part,
    SignedRequest,
    chunks_of,
    header_value,
)

PUT_HEADERS = "content-length;content-md5;content-type;if-none-match"
META_PREFIX = "x-amz-meta-"
PART_HEADERS = ("content-length", "content-md5")
UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PART_NAME = re.compile(r"[0-9]{5}\.[0-9a-f]{32}")
DESCRIPTION = "upload.json"


class FileStore(FileSystemStorage):
    """Objects in a folder; `public_url` is where the hub answers for them, `secret` signs."""

    def __init__(self, location: str, public_url: str, secret: str) -> None:
        super().__init__(location=location)
        self.root = Path(location)
        self.public_url = public_url.rstrip("/")
        self._secret = hashlib.sha256(f"file-store:{secret}".encode()).digest()

    @property
    def identity(self) -> str:
        """Name the folder."""
        return f"file://{self.root}"

    def path_of(self, name: str) -> Path:
        """Answer where an object lies; the shard is the random end of its UUID."""
        return self.root / Path(name).stem[-2:] / name

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        """Write a new object and its description, fsynced; raises AlreadyStored."""
        target = self.path_of(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise AlreadyStored(name)
        scratch = target.parent / f".{new_id()}"
        try:
            digest = hashlib.md5(usedforsecurity=False)
            with scratch.open("xb") as out:
                for piece in chunks_of(content):
                    digest.update(piece)
                    out.write(piece)
                size = out.tell()
                out.flush()
                os.fsync(out.fileno())
            stat = ObjectStat(size, digest.hexdigest(), media_type, dict(metadata))
            self._describe(target, stat)
            try:
                os.link(scratch, target)
            except FileExistsError as error:
                raise AlreadyStored(name) from error
            _fsync_folder(target.parent)
        finally:
            scratch.unlink(missing_ok=True)
        return stat

    def _describe(self, target: Path, stat: ObjectStat) -> None:
        scratch = target.parent / f".{new_id()}"
        text = json.dumps({"etag": stat.etag, "media_type": stat.media_type, "metadata": dict(stat.metadata)})
        with scratch.open("x") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        if target.exists():  # lost to another writer while we wrote: its description stays
            scratch.unlink()
        else:
            scratch.replace(target.with_name(f"{target.name}.json"))

    def open_object(self, name: str) -> IO[bytes]:
        """Open for reading; raises ObjectMissing."""
        try:
            return self.path_of(name).open("rb")
        except FileNotFoundError as error:
            raise ObjectMissing(name) from error

    def stat(self, name: str) -> ObjectStat:
        """Answer size, etag (MD5), type and metadata; raises ObjectMissing."""
        path = self.path_of(name)
        try:
            size = path.stat().st_size
            facts = json.loads(path.with_name(f"{name}.json").read_text())
        except FileNotFoundError as error:
            raise ObjectMissing(name) from error
        return ObjectStat(size, facts["etag"], facts["media_type"], facts["metadata"])

    def remove(self, name: str) -> None:
        """Delete the object, then its description."""
        path = self.path_of(name)
        path.unlink(missing_ok=True)
        path.with_name(f"{name}.json").unlink(missing_ok=True)

    def destroy(self, name: str) -> None:
        """Delete the object; a folder keeps no versions."""
        self.remove(name)

    def change_class(self, name: str, storage_class: str) -> str:
        """Answer "": a folder has one class only."""
        return ""

    def reference(self, name: str) -> str:
        """Spell the object as file://<folder>/<name>."""
        return f"file://{self.root.name}/{name}"

    def listing(self) -> Iterator[Listed]:
        """Yield every object in the order of names; the shards hold them in none, so they are sorted on disk."""
        with closing(sqlite3.connect("")) as sorted_names:
            sorted_names.execute("CREATE TABLE listed (name TEXT PRIMARY KEY, modified REAL) WITHOUT ROWID")
            for entry in self._files():
                if OBJECT_NAME.fullmatch(entry.name):
                    with suppress(FileNotFoundError):  # removed while we walked
                        row = (entry.name, entry.stat().st_mtime)
                        sorted_names.execute("INSERT OR REPLACE INTO listed VALUES (?, ?)", row)
            for name, modified in sorted_names.execute("SELECT name, modified FROM listed ORDER BY name"):
                yield Listed(name, datetime.fromtimestamp(modified, UTC))

    def sweep(self, *, older_than: timedelta, remove: bool) -> list[str]:
        """Answer (and remove) what a writer left that was killed: scratch files, and descriptions of no object."""
        before, left = (datetime.now(UTC) - older_than).timestamp(), []
        for entry in self._files():
            described = entry.name.removesuffix(".json")
            is_left = entry.name.startswith(".") or (
                described != entry.name and OBJECT_NAME.fullmatch(described) and not Path(entry.path).with_suffix("").exists()
            )
            with suppress(FileNotFoundError):
                if is_left and entry.stat().st_mtime < before:
                    left.append(entry.name)
                    if remove:
                        Path(entry.path).unlink()
        return left

    def _files(self) -> Iterator["os.DirEntry[str]"]:
        with suppress(FileNotFoundError), os.scandir(self.root) as shards:
            for shard in shards:
                if shard.is_dir():
                    with os.scandir(shard) as files:
                        yield from files

    def presign_get(self, name: str, *, seconds: int, filename: str = "", at: datetime | None = None) -> SignedRequest:
        """Sign a download; it ends on a multiple of `seconds`, one to two windows from then."""
        ends = (int((at or datetime.now(UTC)).timestamp()) // seconds + 2) * seconds
        signature = self._sign("GET", name, str(ends), filename)
        named = f"&{urlencode({'f': filename})}" if filename else ""  # a page signs hundreds, and the rest needs no escapes
        url = f"{self.public_url}/store/{name}?e={ends}&s={signature}{named}"
        return SignedRequest("GET", url, {}, datetime.fromtimestamp(ends, UTC))

    def presign_put(
        self, name: str, *, md5: str, size: int, media_type: str, metadata: Mapping[str, str], seconds: int
    ) -> SignedRequest:
        """Sign one upload of exactly this content under this name."""
        ends = int(datetime.now(UTC).timestamp()) + seconds
        headers = {
            "content-length": str(size),
            "content-md5": base64.b64encode(bytes.fromhex(md5)).decode(),
            "content-type": media_type,
            "if-none-match": "*",
            # dashes, for web servers drop headers with underscores
            **{f"{META_PREFIX}{key.replace('_', '-')}": header_value(value) for key, value in metadata.items()},
        }
        query = {"e": str(ends), "s": self._sign("PUT", name, str(ends), _lines(headers))}
        return SignedRequest("PUT", self._url(name, query), headers, datetime.fromtimestamp(ends, UTC))

    def begin_parts(self, name: str, *, media_type: str, metadata: Mapping[str, str]) -> str:
        """Make a folder for the parts, with what the object will be described by."""
        upload = str(new_id())
        folder = self.parts_folder(upload)
        folder.mkdir(parents=True)
        (folder / DESCRIPTION).write_text(json.dumps({"media_type": media_type, "metadata": dict(metadata)}))
        return upload

    def presign_part(self, name: str, upload: str, *, number: int, md5: str, size: int, seconds: int) -> SignedRequest:
        """Sign the upload of one part."""
        ends = int(datetime.now(UTC).timestamp()) + seconds
        headers = {"content-length": str(size), "content-md5": base64.b64encode(bytes.fromhex(md5)).decode()}
        query = {"e": str(ends), "upload": upload, "part": str(number)}
        query["s"] = self._sign("PUT", name, query["e"], _part_lines(upload, query["part"], headers))
        return SignedRequest("PUT", self._url(name, query), headers, datetime.fromtimestamp(ends, UTC))

    def check_part(self, name: str, expires: str, place: tuple[str, str], headers: Mapping[str, str], signature: str) -> None:
        """Raise Refused unless this part (`place` is upload and number, `headers` by lower-case names) was signed by us."""
        signed = {key: headers[key] for key in PART_HEADERS if key in headers}
        self._check("PUT", name, expires, _part_lines(*place, signed), signature)

    def put_part(self, name: str, upload: str, number: int, content: IO[bytes], md5: str) -> None:
        """Keep one part, fsynced; raises ObjectMissing where the upload was completed or given up."""
        folder = self.parts_folder(upload)
        scratch = folder / f".{new_id()}"
        try:
            with scratch.open("xb") as out:
                for piece in chunks_of(content):
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            for earlier in folder.glob(f"{number:05}.*"):
                earlier.unlink(missing_ok=True)
            scratch.replace(folder / f"{number:05}.{md5}")
        except FileNotFoundError as error:
            raise ObjectMissing(name) from error
        finally:
            scratch.unlink(missing_ok=True)

    def parts_of(self, name: str, upload: str) -> list[Part]:
        """List the parts that are there."""
        folder = self.parts_folder(upload)
        if not folder.is_dir():
            raise ObjectMissing(name)
        found = sorted(path for path in folder.iterdir() if PART_NAME.fullmatch(path.name))
        return [Part(int(path.stem), path.stat().st_size, path.suffix[1:]) for path in found]

    def complete_parts(self, name: str, upload: str, parts: Sequence[Part]) -> ObjectStat:
        """Write the object from its parts, which go; one that is there was made by an earlier try."""
        folder = self.parts_folder(upload)
        with suppress(AlreadyStored, FileNotFoundError):
            described = json.loads((folder / DESCRIPTION).read_text())
            joined = _Joined([folder / f"{part.number:05}.{part.etag}" for part in parts])
            self.put_new(name, cast(IO[bytes], joined), **described)
        stat = self.stat(name)
        shutil.rmtree(folder, ignore_errors=True)
        return stat

    def abort_parts(self, name: str, upload: str) -> None:
        """Remove the parts."""
        shutil.rmtree(self.parts_folder(upload), ignore_errors=True)

    def parts_folder(self, upload: str) -> Path:
        """Answer where the parts of an upload lie."""
        if not UPLOAD_ID.fullmatch(upload):
            raise ObjectMissing(upload)
        return self.root / "parts" / upload

    def check_get(self, name: str, expires: str, filename: str, signature: str) -> None:
        """Raise Refused unless this download was signed by us and has not expired."""
        self._check("GET", name, expires, filename, signature)

    def check_put(self, name: str, expires: str, headers: Mapping[str, str], signature: str) -> None:
        """Raise Refused unless an upload with these headers (lower-case names) was signed by us and has not expired."""
        named = {*PUT_HEADERS.split(";"), *(key for key in headers if key.startswith(META_PREFIX))}
        signed = {key: headers[key] for key in named if key in headers}
        self._check("PUT", name, expires, _lines(signed), signature)

    def _check(self, method: str, name: str, expires: str, facts: str, signature: str) -> None:
        if not hmac.compare_digest(self._sign(method, name, expires, facts), signature):
            raise Refused("This address was not signed for this request.", code="bad_signature")
        if int(expires) < datetime.now(UTC).timestamp():
            raise Refused("This address has expired; ask for a new one.", code="url_expired")

    def _sign(self, method: str, name: str, expires: str, facts: str) -> str:
        text = f"{method}\n{name}\n{expires}\n{facts}".encode(errors="surrogateescape")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()

    def _url(self, name: str, query: Mapping[str, str]) -> str:
        return f"{self.public_url}/store/{name}?{urlencode(query)}"


class _Joined:
    """Files read one after the other, as one stream."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._pieces = (piece for path in paths for piece in _pieces_of(path))

    def read(self, size: int = -1) -> bytes:
        """Answer the next piece, of at most CHUNK bytes whatever is asked; b"" at the end."""
        return next(self._pieces, b"")


def _pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from chunks_of(stream)


def _part_lines(upload: str, number: str, headers: Mapping[str, str]) -> str:
    return f"{upload}\n{number}\n{_lines(headers)}"


def md5_of_header(text: str) -> str:
    """Answer the hex MD5 that a Content-MD5 header holds, or "" where it holds none."""
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{key}:{headers[key]}" for key in sorted(headers))


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
