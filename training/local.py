"""What a host keeps of the store for itself, below VAR: copies of objects by their hash, and room to work in.

Copies are read-only and appear whole, under their hash, by a rename; any number of processes may fetch the same one.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from core.ids import new_id
from core.storage import StoreError, chunks_of, reading
from learning.models import StoredObject
from training.models import TrainingRun
from training.models.run import ALIVE

ASKED = 500


class Corrupt(StoreError):
    """The store gave other bytes than were stored."""

    is_passing = False


def scratch() -> Path:
    """Answer a folder for files that nobody misses."""
    return _made(settings.VAR / "scratch")


def runs() -> Path:
    """Answer the folder of the folders of running attempts."""
    return _made(settings.VAR / "runs")


def cache() -> Path:
    """Answer the folder of the copies: `<first two of the hash>/<hash>`."""
    return _made(settings.VAR / "cache" / "objects")


def place_of(sha256: str) -> str:
    """Answer where a copy lies below `cache()`."""
    return f"{sha256[:2]}/{sha256}"


def cached(name: str, alias: str, sha256: str, *, tick: Callable[[], None] = lambda: None) -> Path:
    """Answer a local, read-only copy of an object, fetched and checked where it is not there yet.

    `tick` is called after each piece. Raises ObjectMissing, or Corrupt where the bytes do not have this hash.
    """
    target = cache() / place_of(sha256)
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(f".{new_id()}")
    digest = hashlib.sha256()
    try:
        with reading(name, alias) as stream, part.open("xb") as out:
            for piece in chunks_of(stream):
                digest.update(piece)
                out.write(piece)
                tick()
        if digest.hexdigest() != sha256:
            raise Corrupt(f"The object {name} does not have the bytes that were stored.")
        part.chmod(0o444)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def forget_runs() -> int:
    """Remove the folders of runs that ended, or were given to another worker, without theirs: it was killed. Answers how many."""
    folders = {path.name: path for path in runs().glob("*-*-*-*-*")}
    alive = TrainingRun.objects.filter(pk__in=list(folders), state__in=ALIVE).values_list("pk", flat=True)
    left = set(folders) - {str(pk) for pk in alive}
    for name in left:
        shutil.rmtree(folders[name], ignore_errors=True)
    return len(left)


def forget_gone() -> int:
    """Remove the copies of what the store holds no more (erased, or past its time); answers how many."""
    copies = [path for path in cache().glob("??/*") if not path.name.startswith(".")]
    gone = 0
    for start in range(0, len(copies), ASKED):
        chunk = {path.name: path for path in copies[start : start + ASKED]}
        live = StoredObject.objects.filter(sha256__in=list(chunk), sha256__gt="", deleted_at__isnull=True).values_list(
            "sha256", flat=True
        )
        for name in set(chunk) - set(live):
            chunk[name].unlink(missing_ok=True)
            gone += 1
    return gone


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
