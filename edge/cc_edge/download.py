"""Fetch a large file over an unsteady line: continued where it broke off, never longer than promised, checked whole."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from cc_edge.errors import TooSlow, Unfit, Unreachable

TRIES_WITHOUT_PROGRESS = 5
LONGEST_WAIT = 10.0
SPELL = 60.0
LEAST_IN_A_SPELL = 60 << 10
"""Seconds, and the bytes that must come in them at least: below a kilobyte a second somebody may hold us up."""


class Download:
    """One file of known length and SHA-256; `address` answers a signed URL, a fresh one each time it is called."""

    def __init__(
        self,
        client: httpx.Client,
        address: Callable[[], str],
        *,
        length: int,
        sha256: str,
        stop: threading.Event,
        progress: Callable[[int], None] = lambda _: None,
        pause: float = 0.5,
    ) -> None:
        self.client, self.address, self.stop, self.progress = client, address, stop, progress
        self.length, self.sha256, self.pause = length, sha256, pause

    def to(self, target: Path) -> None:
        """Have the whole file at `target`; raises Unreachable (what came is kept for the next call), or Unfit.

        Beside the part lies the ETag it came under, so that a piece is never continued with another file's bytes.
        """
        part = target.with_name(f"{target.name}.part")
        began_at = _size(part)
        self._fetch(part)
        if _sha256(part) != self.sha256 and began_at:  # an older piece may have been of another file: once more, from nothing
            part.unlink()
            self._fetch(part)
        if _sha256(part) != self.sha256:
            part.unlink()
            _etag_of(part).unlink(missing_ok=True)
            raise Unfit("The downloaded file is not the one that was released: its SHA-256 differs.")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
        _etag_of(part).unlink(missing_ok=True)

    def _fetch(self, part: Path) -> None:
        """Append to `part` until it has its length."""
        fruitless, why = 0, ""
        while (had := _size(part)) != self.length:
            if had > self.length:
                part.unlink()
                continue
            try:
                why = self._once(part, had)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                why = f"{type(error).__name__} {error}".strip()
            fruitless = 0 if _size(part) > had else fruitless + 1
            wait = min(LONGEST_WAIT, self.pause * 2**fruitless) if fruitless else 0.0
            if fruitless >= TRIES_WITHOUT_PROGRESS or self.stop.wait(wait):
                raise Unreachable(f"The download stands at {_size(part)} of {self.length} bytes: {why}")
        if self.length == 0:
            part.touch()

    def _once(self, part: Path, had: int) -> str:
        """Ask for what is missing and write what comes; answers why it may not be all."""
        headers = {"Accept-Encoding": "identity", **(_rest_of(part, had) if had else {})}
        with self.client.stream("GET", self.address(), headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()
            if response.status_code not in {200, 206}:
                return f"the store answered {response.status_code}"
            starts = _start_of(response) if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
            if starts not in {0, had}:
                return f"the store answered from byte {starts}"
            if starts == 0:
                _remember_etag(part, response.headers.get("ETag", ""))
            with part.open("r+b" if part.exists() else "xb") as file:
                file.seek(starts)
                file.truncate()
                self._write(response, file.write, starts)
        return "the connection ended early"

    def _write(self, response: httpx.Response, write: Callable[[bytes], int], at: int) -> None:
        began, came = time.monotonic(), 0
        for piece in response.iter_raw():  # as it comes: a gathered chunk would be lost with the connection
            if at + len(piece) > self.length:
                raise Unfit("The store sends more than was released.")
            if self.stop.is_set():
                raise Unreachable("Stopped; the download goes on the next time.")
            write(piece)
            at, came = at + len(piece), came + len(piece)
            self.progress(at)
            if time.monotonic() - began > SPELL:
                if came < LEAST_IN_A_SPELL and at < self.length:
                    raise TooSlow(f"The store sent {came} bytes in {SPELL:g} s: somebody may hold up this edge.")
                began, came = time.monotonic(), 0


def _etag_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _remember_etag(part: Path, etag: str) -> None:
    """Keep a strong ETag; a weak one promises nothing about bytes."""
    _etag_of(part).unlink(missing_ok=True)
    if etag.startswith('"') and etag.isascii() and etag.isprintable():
        _etag_of(part).write_text(etag)


def _rest_of(part: Path, had: int) -> dict[str, str]:
    """Ask for what is missing, and for all of it if the file is another one by now."""
    try:
        return {"Range": f"bytes={had}-", "If-Range": _etag_of(part).read_text()}
    except FileNotFoundError:
        return {"Range": f"bytes={had}-"}


def _start_of(response: httpx.Response) -> int:
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isascii() and first.isdigit() else -1


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
