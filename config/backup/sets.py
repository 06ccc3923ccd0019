"""A backup on disk: `<stamp>/` with backup.json, the dump, the list of objects and the trust keys; `objects/` beside all sets."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import Conflict, Missing

FORMAT = "command-centre backup 1"
MANIFEST = "backup.json"
SHARED = "objects"
STAMP = "%Y%m%dT%H%M%SZ"
HASHED = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a set says of itself; `files` are hex SHA-256 by name, `store` the identity of the object store."""

    taken_at: str
    version: str
    database: str
    rows: dict[str, int]
    migrations: list[str]
    store: str
    is_store_inside: bool
    objects: int
    bytes: int
    last_event: int
    files: dict[str, str]
    format: str = FORMAT

    @property
    def moment(self) -> datetime:
        """When it was taken."""
        return datetime.fromisoformat(self.taken_at)


def write(folder: Path, facts: dict[str, Any]) -> Manifest:
    """Write a set's manifest last: a folder without one is no set."""
    hashes = {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = Manifest(**facts, files=hashes)
    scratch = folder / f".{MANIFEST}"
    scratch.write_text(json.dumps(asdict(manifest), indent=1))
    scratch.replace(folder / MANIFEST)
    return manifest


def read(folder: Path) -> Manifest:
    """Read a set and prove its files by their hashes; raises Missing, Conflict."""
    if not (folder / MANIFEST).is_file():
        raise Missing(f"{folder} is no backup: it has no {MANIFEST}. Name the folder of one set, like …/20261121T030000Z.")
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text()))
    except (ValueError, TypeError) as error:
        raise Conflict(f"{folder / MANIFEST} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise Conflict(f"{folder} is of another format ({manifest.format}); a newer release wrote it.")
    for name, sha256 in manifest.files.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != sha256:
            raise Conflict(f"{folder / name} is missing or damaged: it is not the file that was written.", code="damaged")
    return manifest


def all_in(place: Path) -> list[Path]:
    """Answer the sets in a folder of backups, the oldest first."""
    return sorted(path.parent for path in place.glob(f"*/{MANIFEST}"))


def sha256_of(path: Path) -> str:
    """Hash a file."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(HASHED):
            digest.update(piece)
    return digest.hexdigest()
