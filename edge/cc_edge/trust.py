"""Whom an edge believes: the root it was enrolled with, and what follows from it by signatures. Never the hub as such.

The image repository (The Update Framework) lists every released file; the assignment, signed by the online key that the
repository delegates to, says which of them this edge shall run. A file is taken only where both say the same of it.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from cc_edge.errors import Misconfigured, TooSlow, Unfit, Unreachable
from cc_edge.hub import Hub, in_time
from cc_edge.slots import MODULE
from cc_edge.state import wall_clock

try:
    from tuf.api import exceptions
    from tuf.api.metadata import Metadata, Signed, Targets, Timestamp
    from tuf.api.serialization import DeserializationError
    from tuf.ngclient import FetcherInterface, Updater
except ImportError as error:
    raise Misconfigured("Install command-centre-edge[run] to run the agent.") from error

ROLE = "assignments"
ACTIONS = {"install", "rollback"}
MOST_ENTRIES = 1000
MOST_ATTEMPTS = 1 << 31
DEPLOYMENT = re.compile(r"[0-9A-Za-z-]{1,64}")


class Untrusted(Unfit):
    """A signed document is not what it must be; it is refused, and what runs goes on running."""


class Stale(Unfit):
    """The repository's documents have expired: nothing new is installed until the hub signs again."""


@dataclass(frozen=True)
class Entry:
    """What one module shall run; `length` in bytes."""

    module: str
    version: str
    path: str
    length: int
    sha256: str
    deployment: str
    attempt: int


@dataclass(frozen=True)
class Assignment:
    """A verified assignment; `counter` only ever grows, `signed_at` is a time that has come."""

    counter: int
    entries: list[Entry]
    signed_at: datetime | None


class Trust:
    """The verified image repository at this moment; `refresh` before anything else. `now` is a clock that never goes back."""

    def __init__(self, folder: Path, root: bytes, hub: Hub, now: Callable[[], datetime] = wall_clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._now = folder, now
        self._updater = self._believe(folder, root, hub)

    @staticmethod
    def _believe(folder: Path, root: bytes, hub: Hub) -> Updater:
        try:
            return Updater(str(folder), f"{hub.api}edge/trust/", fetcher=_Fetcher(hub.client), bootstrap=root)
        except exceptions.RepositoryError as error:
            raise Untrusted(f"The root document this agent was enrolled with is damaged: {error}") from error

    def refresh(self) -> None:
        """Follow root, timestamp, snapshot and targets to the newest; raises Untrusted, Stale, Unreachable."""
        try:
            self._updater.refresh()
        except exceptions.ExpiredMetadataError as error:
            raise Stale(f"The hub's trust documents have expired: {error}") from error
        except exceptions.RepositoryError as error:
            raise Untrusted(f"The hub's trust documents are refused: {error}") from error
        except exceptions.DownloadError as error:
            raise _not_fetched(error) from error
        # the updater keeps on disk what it has verified, and nothing else
        self._targets = Metadata[Targets].from_file(str(self._folder / "targets.json")).signed
        self._refuse_expired("root", "timestamp", "snapshot", "targets")

    def signed_at(self) -> datetime | None:
        """Answer when the newest verified timestamp was signed, None where it does not say."""
        return _signed_at(Metadata[Timestamp].from_file(str(self._folder / "timestamp.json")).signed)

    def _refuse_expired(self, *roles: str) -> None:
        """Raise Stale where a document has expired by our clock, which may be ahead of the machine's that the updater reads."""
        for role in roles:
            signed = Metadata.from_file(str(self._folder / f"{role}.json")).signed
            if signed.is_expired(self._now()):
                raise Stale(f"The hub's trust documents have expired: {role} on {signed.expires:%Y-%m-%d %H:%M} UTC.")

    def read(self, document: bytes, *, edge_server_id: int, lowest: int) -> Assignment:
        """Verify an assignment for this edge whose counter is not below `lowest`; raises Untrusted."""
        try:
            metadata = Metadata[Targets].from_bytes(document)
        except DeserializationError as error:
            raise Untrusted("The assignment is no signed document.") from error
        signed = metadata.signed
        if not isinstance(signed, Targets):
            raise Untrusted("The assignment is a document of another kind.")
        try:
            self._targets.verify_delegate(ROLE, metadata.signed_bytes, metadata.signatures)
        except (exceptions.RepositoryError, ValueError) as error:
            raise Untrusted("The assignment is not signed by the key that may sign assignments.") from error
        if signed.is_expired(self._now()):
            raise Untrusted(f"The assignment expired on {signed.expires:%Y-%m-%d %H:%M} UTC.")
        if signed.unrecognized_fields.get("edge_server_id") != edge_server_id:
            raise Untrusted("The assignment is for another edge server.")
        if signed.version < lowest:
            raise Untrusted(f"The assignment is older than one already seen ({signed.version} after {lowest}).")
        return Assignment(signed.version, _entries(signed), _signed_at(signed))

    def agree(self, entry: Entry) -> None:
        """Raise Untrusted unless the image repository lists this very file; the assignment alone names no file."""
        try:
            released = self._updater.get_targetinfo(entry.path)
        except exceptions.DownloadError as error:
            raise _not_fetched(error) from error
        except exceptions.ExpiredMetadataError as error:
            raise Stale(f"The hub's trust documents have expired: {error}") from error
        except exceptions.RepositoryError as error:
            raise Untrusted(f"The hub's trust documents are refused: {error}") from error
        self._refuse_expired(*self._lists_for(entry.path))
        if released is None or self._leads_to_online_key(entry.path):
            raise Untrusted(f"{entry.path} was never released.")
        if released.length != entry.length or released.hashes.get("sha256") != entry.sha256:
            raise Untrusted(f"{entry.path} is assigned with another length or hash than was released.")

    def _lists_for(self, path: str) -> list[str]:
        """Answer the delegated lists that were looked into for `path`."""
        delegations = self._targets.delegations
        named = delegations.get_roles_for_target(path) if delegations and path not in self._targets.targets else ()
        return [role for role, _terminating in named if (self._folder / f"{role}.json").exists()]

    def _leads_to_online_key(self, path: str) -> bool:
        """Tell whether the online key could have vouched for `path`; what the release key lists itself is found first."""
        delegations = self._targets.delegations
        if path in self._targets.targets or delegations is None:
            return False
        return ROLE in {role for role, _terminating in delegations.get_roles_for_target(path)}


def _not_fetched(error: exceptions.DownloadError) -> Exception:
    """Answer what a download that failed means: one that is too long or too slow is an attack, any other may pass."""
    if isinstance(error, exceptions.DownloadLengthMismatchError):
        return Untrusted(f"The hub's trust documents are refused: {error}")
    if isinstance(error, exceptions.SlowRetrievalError):
        return TooSlow(str(error))
    return Unreachable(f"The trust documents cannot be fetched: {error}")


def _signed_at(signed: Signed) -> datetime | None:
    """Read when a verified document says it was signed; what lies beyond its own end is no such moment."""
    try:
        moment = datetime.strptime(signed.unrecognized_fields.get("signed_at", ""), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None
    return moment if moment < signed.expires else None


def _entries(signed: Targets) -> list[Entry]:
    if len(signed.targets) > MOST_ENTRIES:
        raise Untrusted("The assignment names more files than any edge runs.")
    try:
        entries = [_entry(path, target.length, target.hashes, target.custom) for path, target in signed.targets.items()]
    except (KeyError, TypeError, ValueError) as error:
        raise Untrusted("The assignment has an entry that this agent does not understand.") from error
    if len({entry.module for entry in entries}) != len(entries):
        raise Untrusted("The assignment names a module twice.")
    return sorted(entries, key=lambda entry: entry.module)


def _entry(path: str, length: int, hashes: dict[str, str], custom: dict[str, Any]) -> Entry:
    entry = Entry(
        module=custom["module"],
        version=custom["version"],
        path=path,
        length=length,
        sha256=hashes["sha256"],
        deployment=custom["deployment"],
        attempt=custom["attempt"],
    )
    texts = (entry.version, entry.sha256)
    if not all(isinstance(text, str) and len(text) <= 120 for text in texts) or not MODULE.fullmatch(entry.module):
        raise ValueError
    if not _is_attempt(entry.deployment, entry.attempt) or custom["action"] not in ACTIONS:
        raise ValueError
    return entry


def _is_attempt(deployment: Any, attempt: Any) -> bool:
    is_number = isinstance(attempt, int) and not isinstance(attempt, bool)
    return isinstance(deployment, str) and bool(DEPLOYMENT.fullmatch(deployment)) and is_number and 0 < attempt < MOST_ATTEMPTS


def deployments_named(document: bytes) -> list[tuple[str, int]]:
    """Answer what an unverified assignment says it is about: (deployment, attempt) of each entry that can be read."""
    try:
        targets = json.loads(document)["signed"]["targets"]
        customs = [target["custom"] for target in targets.values()][:MOST_ENTRIES]
        named = [(custom["deployment"], custom["attempt"]) for custom in customs]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    return [(deployment, attempt) for deployment, attempt in named if _is_attempt(deployment, attempt)]


def root_is(document: bytes, sha256: str) -> bool:
    """Tell whether these bytes are the root that the person who enrols this edge was told of."""
    return hashlib.sha256(document).hexdigest() == sha256.strip().lower()


class _Fetcher(FetcherInterface):
    """The updater's downloads through our own client: same proxy, same time-outs, same certificates."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            with self._client.stream("GET", url) as response:
                if not response.is_success:
                    raise exceptions.DownloadHTTPError(f"{url} answered {response.status_code}", response.status_code)
                yield from in_time(response.iter_bytes(), url)
        except TooSlow as error:
            raise exceptions.SlowRetrievalError(str(error)) from error
        except httpx.HTTPError as error:
            raise exceptions.DownloadError(f"{url}: {type(error).__name__} {error}") from error
