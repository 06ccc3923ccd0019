"""Fetching from the web what somebody else named: as careful as a callback (outbound.py), and with redirects, each judged anew.

Only public addresses, or those of `nets`; one deadline for all of it; never more bytes than were asked for.
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin

import httpcore

from core.errors import Invalid
from core.outbound import Net, NotCalled, Pinned, check_url, judged

LONGEST_URL = 8_000
MOST_REDIRECTS = 4
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Fetched:
    """What came back: the status, headers by lower-case name, the whole body, and the address it came from at last."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def fetch(url: str, *, seconds: float, most_bytes: int, headers: Mapping[str, str], nets: Iterable[Net] = ()) -> Fetched:
    """Get `url` and follow its redirects; raises NotCalled, whose text names no part of the address."""
    deadline, allowed = time.monotonic() + seconds, list(nets)
    for _ in range(MOST_REDIRECTS + 1):
        fetched = _get(url, deadline, most_bytes, headers, allowed)
        there = fetched.headers.get("location")
        if fetched.status not in REDIRECTS or not there:
            return fetched
        url = urljoin(url, there)
    raise NotCalled("The address leads on and on.", is_passing=False)


def _get(url: str, deadline: float, most: int, headers: Mapping[str, str], nets: list[Net]) -> Fetched:
    parts = _parts(url)
    address = judged(parts, nets, "address")
    left = max(0.1, deadline - time.monotonic())
    patience = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), left)}
    context = ssl.create_default_context() if parts.scheme == "https" else None
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=Pinned(address, deadline), retries=0) as pool,
            pool.stream("GET", url, headers=list(headers.items()), extensions=patience) as response,
        ):
            body = _body(response, most)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise NotCalled(f"There was no answer ({type(error).__name__}).", is_passing=True) from error
    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Fetched(int(response.status), told, body, url)


def _parts(url: str) -> SplitResult:
    try:
        return check_url(url, longest=LONGEST_URL)
    except Invalid as refusal:
        raise NotCalled("The address is no address that can be fetched.", is_passing=False) from refusal


def _body(response: Any, most: int) -> bytes:
    content = bytearray()
    for piece in response.iter_stream():
        content += piece
        if len(content) > most:
            raise NotCalled(f"The answer has more than {most:,} bytes.", is_passing=False)
    return bytes(content)
