"""The file store's objects in a backup: each is copied once and proven by its hash, for none ever changes.

They lie beside the sets, `objects/<shard>/<name>`, shared by all of them. A store that is not a folder is not copied: its own
versions and copies are its backup, and a set holds the list of what must be in it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import Conflict
from core.file_store import FileStore
from core.storage import DEFAULT_ALIAS, chunks_of, store
from learning.models import ObjectKind, StoredObject

SHOWN = 20
CHUNK = 5_000


@dataclass(frozen=True)
class Listed:
    """One object that a set lists; size in bytes, `sha256` as the hub knows it, "" of an upload that nobody has verified yet."""

    name: str
    size: int
    sha256: str


@dataclass
class Copied:
    """What copying came to: counts, bytes, and the first names of what was not there."""

    objects: int = 0
    copied: int = 0
    bytes: int = 0
    missing: int = 0
    first_missing: list[str] = field(default_factory=list)

    def lacks(self, name: str) -> None:
        """Count one that is not there and should be."""
        self.missing += 1
        if len(self.first_missing) < SHOWN:
            self.first_missing.append(name)


def listed(folder: Path) -> Iterator[Listed]:
    """Read what a set lists."""
    with (folder / "objects.jsonl").open() as lines:
        for line in lines:
            yield Listed(**json.loads(line))


def copy_out(folder: Path, shared: Path) -> Copied:
    """Copy what the set lists and `shared` lacks; what went since the dump, or never came, is counted."""
    files, done = store(), Copied()
    for one in listed(folder):
        done.objects += 1
        done.bytes += one.size
        if isinstance(files, FileStore) and not _place(shared, one.name).exists():
            source = files.path_of(one.name)
            try:
                _copy(source, _place(shared, one.name), one.sha256)
                done.copied += 1
            except FileNotFoundError:
                if one.sha256:
                    done.lacks(one.name)
    return done


def copy_back(folder: Path, shared: Path) -> Copied:
    """Copy what the set lists into the file store where it is not there; hashes are proven on the way."""
    files, done = store(), Copied()
    assert isinstance(files, FileStore)
    for one in listed(folder):
        done.objects += 1
        done.bytes += one.size
        target = files.path_of(one.name)
        if not target.exists():
            try:
                _copy(_place(shared, one.name), target, one.sha256)
                done.copied += 1
            except FileNotFoundError:
                if one.sha256:
                    done.lacks(one.name)
    return done


def forget(kept: list[Path], shared: Path) -> int:
    """Remove copies that no kept set lists, and those of objects that the hub has deleted meanwhile: what is erased stays nowhere."""
    wanted = {one.name for folder in kept for one in listed(folder)}
    gone = 0
    names = [path.name for path in shared.glob("*/*") if not path.name.endswith(".json")]
    for start in range(0, len(names), CHUNK):
        chunk = names[start : start + CHUNK]
        deleted = set(StoredObject.objects.filter(name__in=chunk, deleted_at__isnull=False).values_list("name", flat=True))
        for name in chunk:
            if name in deleted or name not in wanted:
                _place(shared, name).unlink(missing_ok=True)
                _described(_place(shared, name)).unlink(missing_ok=True)
                gone += 1
    return gone


def is_folder() -> bool:
    """Tell whether the store is a folder of this machine, which a backup copies."""
    return isinstance(store(), FileStore)


def holds_any() -> bool:
    """Tell whether the store holds any object at all."""
    return next(iter(store().listing()), None) is not None


def absent() -> Copied:
    """Ask the store for every object that the database knows to be there, in the order of names and in bounded memory."""
    rows = StoredObject.objects.filter(alias=DEFAULT_ALIAS, deleted_at=None, marked_for_deletion_at=None).order_by("name")
    rows = rows.exclude(kind=ObjectKind.IMAGE, verified_at=None)  # announced, and perhaps never sent
    found, names = Copied(), (entry.name for entry in store().listing())
    there = next(names, None)
    for name, size in rows.values_list("name", "size").iterator(chunk_size=CHUNK):
        while there is not None and there < name:
            there = next(names, None)
        found.objects += 1
        found.bytes += size
        if there != name:
            found.lacks(name)
    return found


def _copy(source: Path, target: Path, sha256: str) -> None:
    """Copy an object and its description under another name first; raises Conflict for bytes that are not what they were."""
    scratch = target.with_name(f".{target.name}.part")
    digest = hashlib.sha256()
    with source.open("rb") as content:
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as out:
            for piece in chunks_of(content):
                digest.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
    if sha256 and digest.hexdigest() != sha256:
        scratch.unlink()
        raise Conflict(f"{source} is damaged: its SHA-256 is not the one it was stored with.", code="damaged")
    shutil.copyfile(_described(source), _described(target))
    scratch.replace(target)


def _place(shared: Path, name: str) -> Path:
    return shared / Path(name).stem[-2:] / name


def _described(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
