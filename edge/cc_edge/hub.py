"""Speak to the hub: one place for the key, the patience, and what each status means."""

import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from cc_edge import __version__
from cc_edge.errors import HubRefused, KeyRefused, Misconfigured, TooSlow, Unfit, Unreachable

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
AGAIN = {408, 425, 429, 500, 502, 503, 504}
LONGEST_WAIT = 30.0
LONGEST_DOCUMENT = 120.0
"""Seconds that a document of metadata may take from its first byte to its last: a limit on each wait alone ends no trickle."""
USER_AGENT = f"cc-edge/{__version__}"


class Hub:
    """The API of one hub with one key; `tries` bounds how often a request is sent, `stop` ends every wait.

    `transport` is the way there, where it is not the network.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        tries: int = 7,
        stop: threading.Event | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise Misconfigured(f"The hub's address must look like https://hub.example.org, not {url!r}.")
        self.url = url.rstrip("/")
        self.api = f"{self.url}/api/v1/"
        self.tries = tries
        self.stop = stop or threading.Event()
        headers = {"User-Agent": USER_AGENT, **({"Authorization": f"Bearer {key}"} if key else {})}
        try:
            self.client = httpx.Client(headers=headers, timeout=TIMEOUT, transport=transport)
        except UnicodeEncodeError as error:
            raise Misconfigured("The key holds characters that no key has.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()

    def get_bounded(self, path: str, *, most: int, headers: Mapping[str, str]) -> httpx.Response:
        """Ask once for a document of at most `most` bytes; raises Unfit for a longer one, and what `call` raises."""
        try:
            with self.client.stream("GET", self.api + path, headers=headers) as response:
                content = b""
                for piece in in_time(response.iter_bytes(), path):
                    content += piece
                    if len(content) > most:
                        raise Unfit(f"The hub's answer to {path} is longer than {most} bytes.")
        except httpx.TransportError as error:
            raise Unreachable(f"The hub does not answer: {type(error).__name__} {error}") from error
        whole = httpx.Response(
            response.status_code, headers=_plain(response.headers), content=content, request=response.request
        )
        if whole.status_code in AGAIN:
            raise Unreachable(f"The hub answered {whole.status_code} to {path}.")
        return _accepted(whole)

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """Send `body` as JSON and answer the object that came back; {} for an empty answer."""
        return _object(self.call("POST", path, json=body))

    def look_up(self, path: str) -> dict[str, Any]:
        """Ask for an object; raises what `call` raises."""
        return _object(self.call("GET", path))

    def call(self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Send, and again while it is worth it; raises Unreachable, KeyRefused or HubRefused."""

        def send() -> httpx.Response:
            return self.client.request(method, self.api + path, json=json, headers=headers)

        return _accepted(patiently(send, tries=self.tries, stop=self.stop))


def in_time(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Pass on what comes of a document while it comes in time; raises TooSlow."""
    latest = time.monotonic() + LONGEST_DOCUMENT
    for piece in pieces:
        yield piece
        if time.monotonic() > latest:
            raise TooSlow(f"{name} took longer than {LONGEST_DOCUMENT:g} s to come: somebody may hold up this edge.")


def patiently(send: Any, *, tries: int, stop: threading.Event) -> httpx.Response:
    """Call `send` until it answers with a status that another try would not change; raises Unreachable."""
    why = "nothing was sent"
    for turn in range(tries):
        wait = min(LONGEST_WAIT, 0.5 * 2**turn) * random.uniform(0.5, 1.0)  # noqa: S311  (spreads retries, keeps no secret)
        try:
            response: httpx.Response = send()
        except (httpx.TransportError, httpx.InvalidURL) as error:
            why = f"{type(error).__name__} {error}".strip()
        else:
            if response.status_code not in AGAIN:
                return response
            why = f"status {response.status_code}"
            wait = max(wait, _retry_after(response))
        if turn + 1 < tries and stop.wait(wait):
            why = "stopped"
            break
    raise Unreachable(f"No answer that helps after {tries} tries: {why}.")


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() else 0.0


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json() if response.content else {}
    except ValueError:
        answer = None
    if not isinstance(answer, dict):  # a captive portal, a proxy's page: whoever it was, it was not the hub
        raise Unreachable(f"{response.request.url.path} was answered with something that is not the hub's.")
    return answer


def _accepted(response: httpx.Response) -> httpx.Response:
    if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
        return response
    raise _refusal(response)


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Answer the headers of a body that is no longer encoded."""
    return {name: value for name, value in headers.items() if name not in {"content-encoding", "content-length"}}


def _refusal(response: httpx.Response) -> Exception:
    try:
        facts = response.json()
    except ValueError:
        facts = {}
    facts = facts if isinstance(facts, dict) else {}
    detail = str(facts.get("detail") or f"The hub answered {response.status_code} to {response.request.url.path}.")
    if response.status_code in {401, 403}:
        return KeyRefused(detail)
    code = str(facts.get("type", "")).rpartition(":")[2]
    return HubRefused(detail, status=response.status_code, code=code, facts=facts)
