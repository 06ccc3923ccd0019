"""Taking a backup while the hub runs: the database first, then the objects that it names, then what is too old goes."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from config.backup import databases, objects, sets
from config.models import Backup
from config.version import VERSION
from core.errors import Conflict, Unavailable
from core.storage import store

KEEP = 14


def take(place: Path, *, keep: int = KEEP, with_keys: bool = True) -> Backup:
    """Write a new set below `place`, and let go of all but the newest `keep`; raises Conflict, Unavailable.

    An object is written before the row that names it and never changes, so objects that are copied after the dump are all it names.
    """
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    taken_at = _free_moment(place)
    folder = place / f".{taken_at.strftime(sets.STAMP)}"
    try:
        folder.mkdir(mode=0o700)
        facts = _fill(folder, place, taken_at, with_keys=with_keys)
        whole = folder.rename(place / taken_at.strftime(sets.STAMP))
    except FileExistsError as error:
        raise Conflict("Another backup is being taken into this folder at this very second.") from error
    except OSError as error:
        raise Unavailable(f"The backup could not be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    facts |= {"set": str(whole), "forgotten_sets": _forget_old(place, keep)}
    facts["forgotten_objects"] = objects.forget(sets.all_in(place), place / sets.SHARED)
    return Backup.objects.create(taken_at=taken_at, facts=facts)


def _free_moment(place: Path) -> datetime:
    """Answer the second that the set is named by: the first from now on that no set has."""
    taken_at = datetime.now(UTC).replace(microsecond=0)
    while (place / taken_at.strftime(sets.STAMP)).exists():
        taken_at += timedelta(seconds=1)
    return taken_at


def _fill(folder: Path, place: Path, taken_at: datetime, *, with_keys: bool) -> dict[str, Any]:
    dumped = databases.dump(folder)
    if with_keys:
        _copy_keys(folder / "keys")
    copied = objects.copy_out(folder, place / sets.SHARED)
    manifest = sets.write(
        folder,
        {
            "taken_at": taken_at.isoformat(),
            "version": VERSION,
            "database": databases.file_name(),
            "rows": dumped.rows,
            "migrations": dumped.migrations,
            "store": store().identity,
            "is_store_inside": objects.is_folder(),
            "objects": copied.objects,
            "bytes": copied.bytes,
            "last_event": dumped.last_event,
        },
    )
    return {
        "rows": sum(manifest.rows.values()),
        "database_bytes": (folder / manifest.database).stat().st_size,
        "objects": copied.objects,
        "object_bytes": copied.bytes,
        "copied_objects": copied.copied,
        "missing_objects": copied.missing,
        "first_missing": copied.first_missing,
        "store": manifest.store,
        "seconds": round((timezone.now() - taken_at).total_seconds(), 1),
    }


def _copy_keys(target: Path) -> None:
    """Copy the signing keys that are on this machine, readable by the owner only."""
    source = Path(settings.TRUST_DIR) / "keys"
    if not source.is_dir():
        return
    target.mkdir(mode=0o700)
    for path in sorted(source.iterdir()):
        if path.is_file():
            descriptor = os.open(target / path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(path.read_bytes())


def _forget_old(place: Path, keep: int) -> int:
    old = sets.all_in(place)[:-keep] if keep else []
    for folder in old:
        shutil.rmtree(folder)
    return len(old)
