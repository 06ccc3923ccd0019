"""Install from a stick: the same documents, the same checks, only the way they come is a folder instead of the hub.

What `manage.py trust export-usb` writes: trust/<name>.json, edges/<number>/assignment.json, bundles/<sha256>.zip.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx

from cc_edge.agent import MOST_ASSIGNMENT_BYTES, Agent
from cc_edge.errors import Misconfigured
from cc_edge.home import Home
from cc_edge.hub import Hub
from cc_edge.state import State

ADDRESS = "http://stick"
API = "/api/v1/edge/"
TRUST = re.compile(r"trust/([0-9a-z.-]{1,60}\.json)")
DOWNLOAD = re.compile(r"deployments/([0-9A-Za-z-]{1,64})/download")
BUNDLE = re.compile(r"/bundles/([0-9a-f]{64}\.zip)")
PIECE = 1 << 16


def install_from(stick: Path, home: Home, *, stop: threading.Event) -> list[str]:
    """Bring every module to what the stick assigns this edge; answers what was refused, as sentences. The caller holds the lock.

    What came of it waits in the outbox for the hub. Raises Misconfigured where the stick holds nothing for this edge.
    """
    number = home.edge_server_id
    if not (stick / "edges" / str(number) / "assignment.json").is_file():
        raise Misconfigured(f"{stick} holds nothing for edge server {number}.")
    home.prepare()
    with (
        State(home.database) as state,
        Hub(ADDRESS, tries=1, stop=stop, transport=Way(stick, number)) as hub,
        httpx.Client(transport=Way(stick, number)) as store,
    ):
        return Agent(home, state, hub, store).round_from_stick().refused


class Way(httpx.BaseTransport):
    """Answers as the hub and its store do, from a folder; nothing can be reported to it."""

    def __init__(self, stick: Path, number: int) -> None:
        self._stick, self._number = stick, number

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; raises ConnectError for what only the hub itself could take."""
        path = request.url.path
        asked = path.removeprefix(API)
        if named := BUNDLE.fullmatch(path):
            return self._file("bundles", named[1])
        if named := TRUST.fullmatch(asked):
            return self._file("trust", named[1])
        if asked == "assignment":
            content = self._assignment()
            return httpx.Response(200, content=content, headers={"ETag": f'"stick-{hashlib.sha256(content).hexdigest()}"'})
        if named := DOWNLOAD.fullmatch(asked):
            return httpx.Response(200, json={"url": f"{ADDRESS}/bundles/{self._bundle_of(named[1])}.zip"})
        raise httpx.ConnectError("A stick takes no reports; they wait for the hub.", request=request)

    def _file(self, *parts: str) -> httpx.Response:
        path = self._stick.joinpath(*parts)
        return httpx.Response(200, stream=_Pieces(path)) if path.is_file() else httpx.Response(404)

    def _assignment(self) -> bytes:
        with (self._stick / "edges" / str(self._number) / "assignment.json").open("rb") as file:
            return file.read(MOST_ASSIGNMENT_BYTES + 1)

    def _bundle_of(self, deployment: str) -> str:
        """Answer the hash that the assignment names for a deployment; what it leads to is verified like any download."""
        try:
            targets = json.loads(self._assignment())["signed"]["targets"].values()
            return next(str(one["hashes"]["sha256"]) for one in targets if one["custom"]["deployment"] == deployment)
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
            return ""


class _Pieces(httpx.SyncByteStream):
    """A file of any size, a piece at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
