"""`cc-edge pull DATASET@v1.0.0 DIR`: a frozen version on this machine, each object checked, the whole proven by its fingerprint.

DIR holds `members.jsonl` (the hub's lines, each with `file`: its object below DIR) and `objects/<sha256>.<ext>`. An object
that is there under its name was checked before it got it, so a pull that was killed goes on where it was. Objects are kept
in a cache too, from which other pulls take them. Pulled again, what the version lists no more (it was erased) goes from both.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import httpx

from cc_edge.errors import EdgeError, HubRefused, Misconfigured, Unreachable
from cc_edge.hub import TIMEOUT, USER_AGENT, Hub, patiently

VERSION = re.compile(r"(?P<dataset>[^/@\0]{1,200})@(?P<version>v?\d{1,9}\.\d{1,9}\.\d{1,9})")
SHA256 = re.compile(r"[0-9a-f]{64}")
EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "application/x-npz": ".npz"}
FRESH_PAGES = 3
ABANDONED_SECONDS = 86_400
"""So old is what a killed pull left half fetched; another one that is alive may be at work in the same cache."""


@dataclass
class Summary:
    """The one JSON line: what is in DIR now; `proven` where the members are those that were frozen."""

    version: str = ""
    members: int = 0
    objects: int = 0
    fetched: int = 0
    bytes: int = 0
    withdrawn: int = 0
    removed: int = 0
    fingerprint: str = ""
    proven: bool = False
    seconds: float = 0.0


class StaleAddress(Exception):
    """The store refuses an address that was signed too long ago."""


class Pull:
    """One version into one folder; `split` limits which objects are fetched, never which members are proven."""

    def __init__(self, hub: Hub, version: str, folder: Path, *, cache: Path, split: str = "") -> None:
        named = VERSION.fullmatch(version)
        if named is None:
            raise Misconfigured(f"A version is spelled DATASET@v1.0.0, not {version!r}.")
        number = f"v{named['version'].removeprefix('v')}"
        self.path = f"training/datasets/{quote(named['dataset'], safe='')}/versions/{number}/files"
        self.hub, self.folder, self.cache, self.split = hub, folder, cache, split
        self.summary = Summary(version=f"{named['dataset']}@{number}")
        self.lines: list[bytes] = []
        self.listed: set[int] = set()
        self._count = threading.Lock()

    def run(self, *, threads: int = 8) -> Summary:
        """Fetch what is lacking; raises Unreachable where it has to be run again, EdgeError for an object that is not what was frozen."""
        began = time.monotonic()
        for place in (self.folder / "objects", self.cache):
            place.mkdir(parents=True, exist_ok=True)
        written = self.folder / "members.jsonl.part"
        limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads)
        with (
            ThreadPoolExecutor(threads, thread_name_prefix="pull") as pool,
            httpx.Client(timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}, limits=limits) as self.store,
            written.open("wb") as out,
        ):
            expected, count = self._pages(pool, out)
            out.flush()
            os.fsync(out.fileno())
        written.replace(self.folder / "members.jsonl")
        self._tidy()
        summary = self.summary
        summary.withdrawn += max(0, count - summary.members)
        summary.fingerprint = fingerprint(self.lines)
        summary.proven = summary.fingerprint == expected
        summary.seconds = round(time.monotonic() - began, 3)
        return summary

    def _pages(self, pool: ThreadPoolExecutor, out: IO[bytes]) -> tuple[str, int]:
        """Walk all pages; answers the version's fingerprint and count as the hub knows them."""
        cursor = ""
        while True:
            response, members = self._page(pool, cursor)
            for member in members:
                out.write(json.dumps(member, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            cursor = response.headers.get("X-Next-Cursor", "")
            if not cursor:
                count = response.headers.get("X-Member-Count", "0")
                return response.headers.get("X-Fingerprint", ""), int(count) if count.isdigit() else 0

    def _page(self, pool: ThreadPoolExecutor, cursor: str) -> tuple[httpx.Response, list[dict[str, Any]]]:
        """Fetch one page and its objects, with fresh addresses where the old ones ran out on the way."""
        for _ in range(FRESH_PAGES):
            response = self._asked(cursor)
            members = [_member(line) for line in response.iter_lines() if line.strip()]
            wanted = {member["object"]["sha256"]: member["object"] for member in members if self._is_wanted(member)}
            try:
                for _done in pool.map(self._have, wanted.values()):
                    pass
            except StaleAddress:
                continue
            self._note(members)
            return response, members
        raise Unreachable("The store refuses the addresses that the hub signs.")

    def _asked(self, cursor: str) -> httpx.Response:
        query = f"?cursor={quote(cursor)}" if cursor else ""
        try:
            return self.hub.call("GET", self.path + query)
        except HubRefused as refused:
            raise Misconfigured(f"{self.summary.version}: {refused}") from refused

    def _note(self, members: list[dict[str, Any]]) -> None:
        """Count members, take their part of the fingerprint, and say in each where its object lies."""
        for member in members:
            truth = json.dumps(member["truth"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            parts = (member["sample_id"], member["object"]["sha256"], _sha256(truth.encode()), member["split"])
            self.lines.append(hashlib.sha256(" ".join(parts).encode()).digest())
            self.summary.members += 1
            self.listed.add(_short(member["object"]["sha256"]))
            if self._is_wanted(member):
                member["file"] = f"objects/{_name_of(member['object'])}"
                self.summary.objects += 1
            url = member["object"].pop("url", None)  # signed for an hour: of no use in a file
            self.summary.withdrawn += url is None

    def _tidy(self) -> None:
        """Remove objects that the version lists no more, from the cache too, and what killed pulls left half fetched."""
        for path in (self.folder / "objects").iterdir():
            if SHA256.fullmatch(path.stem) and _short(path.stem) not in self.listed:
                path.unlink(missing_ok=True)
                (self.cache / path.name).unlink(missing_ok=True)
                self.summary.removed += 1
        for place in (self.folder / "objects", self.cache):
            for part in place.glob(".*.part"):
                with contextlib.suppress(FileNotFoundError):
                    if part.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                        part.unlink()

    def _is_wanted(self, member: dict[str, Any]) -> bool:
        return member["object"].get("url") is not None and self.split in ("", member["split"])

    def _have(self, facts: dict[str, Any]) -> None:
        """Have one object below DIR; runs in a thread."""
        if self.hub.stop.is_set():
            raise Unreachable("Stopped; run again to continue.")
        name = _name_of(facts)
        target, kept = self.folder / "objects" / name, self.cache / name
        if target.exists():
            return
        if not kept.exists():
            self._fetch(facts["url"], facts["sha256"], kept)
        _link(kept, target)

    def _fetch(self, url: str, sha256: str, target: Path) -> None:
        """Download one object beside its place, check it, and give it its name."""
        part = target.with_name(f".{uuid.uuid4()}.part")
        try:
            response = patiently(lambda: self._stream(url, part), tries=self.hub.tries, stop=self.hub.stop)
            if response.status_code == httpx.codes.FORBIDDEN:
                raise StaleAddress
            if not response.is_success:
                raise EdgeError(f"The store answered {response.status_code} for the object {sha256}.")
            with part.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    raise EdgeError(f"The object {sha256} is not what was frozen: its SHA-256 differs.")
                os.fsync(file.fileno())
            with self._count:
                self.summary.fetched += 1
                self.summary.bytes += part.stat().st_size
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _stream(self, url: str, part: Path) -> httpx.Response:
        with self.store.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response, part.open("wb") as out:
            if response.is_success:
                for piece in response.iter_raw():
                    out.write(piece)
            return response


def fingerprint(digests: list[bytes]) -> str:
    """Answer "sha256:<hex>" over the sorted hex SHA-256 of the member lines, each ended by a line feed."""
    whole = hashlib.sha256()
    for digest in sorted(digests):
        whole.update(f"{digest.hex()}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _member(line: str) -> dict[str, Any]:
    try:
        member = json.loads(line)
        is_whole = (
            SHA256.fullmatch(member["object"]["sha256"])
            and isinstance(member["sample_id"], str)
            and isinstance(member["split"], str)
            and isinstance(member["truth"], dict)
        )
    except (ValueError, KeyError, TypeError):
        is_whole, member = False, {}
    if not is_whole:
        raise Unreachable("The hub's list of members is cut off, or not the hub's.")
    return dict(member)


def _name_of(facts: dict[str, Any]) -> str:
    return str(facts["sha256"]) + EXTENSIONS.get(facts.get("media_type", ""), "")


def _link(kept: Path, target: Path) -> None:
    """Give a checked object its second name, or copy it where the cache lies on another disk."""
    scratch = target.with_name(f".{uuid.uuid4()}.part")
    try:
        os.link(kept, scratch)
    except OSError:
        shutil.copyfile(kept, scratch)
    with contextlib.suppress(FileExistsError):
        scratch.replace(target)


def _short(sha256: str) -> int:
    """Answer 60 bits of a hash: a million of them are held in little room."""
    return int(sha256[:15], 16)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
