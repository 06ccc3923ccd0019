"""The folder of an agent: who it is, its key, its root of trust, and where its models lie."""

import json
import os
from pathlib import Path
from typing import Any

from cc_edge.errors import Misconfigured
from cc_edge.slots import modules_in


class Home:
    """`<dir>`; `identity.json` is written last by enrolment, so a folder with it is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.identity_file = self.folder / "identity.json"
        self.key_file = self.folder / "key"
        self.root_file = self.folder / "root.json"
        self.trust = self.folder / "trust"
        self.downloads = self.folder / "downloads"
        self.modules = self.folder / "modules"
        self.database = self.folder / "state.sqlite3"
        self.lock = self.folder / "agent.lock"

    def identity(self) -> dict[str, Any]:
        """Answer {hub, name, edge_server_id}; raises Misconfigured where this folder was never enrolled."""
        try:
            facts: dict[str, Any] = json.loads(self.identity_file.read_text())
            facts["hub"], facts["name"], int(facts["edge_server_id"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(f"{self.folder} is not enrolled; run cc-edge enrol first.") from error
        return facts

    @property
    def edge_server_id(self) -> int:
        """The hub's number of this edge server."""
        return int(self.identity()["edge_server_id"])

    def key(self) -> str:
        """Answer the secret this edge made for itself."""
        try:
            return self.key_file.read_text().strip()
        except OSError as error:
            raise Misconfigured(f"{self.key_file} cannot be read: {error.strerror}.") from error

    def root(self) -> bytes:
        """Answer the root document this edge was enrolled with."""
        try:
            return self.root_file.read_bytes()
        except OSError as error:
            raise Misconfigured(f"{self.root_file} cannot be read: {error.strerror}.") from error

    def installed(self) -> list[str]:
        """Answer the modules that have slots."""
        return modules_in(self.modules)

    def prepare(self) -> None:
        """Make the folders; raises Misconfigured where that is not possible."""
        try:
            for folder in (self.folder, self.downloads, self.modules):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Misconfigured(f"{self.folder} cannot be written: {error.strerror}.") from error


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that it is there whole, or not at all, whatever happens."""
    scratch = path.with_name(f".{path.name}")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    scratch.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
