"""The members of a frozen version, page by page, with addresses to fetch their objects from."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.errors import Conflict, Malformed
from core.storage import read_only
from learning.models import StoredObject
from training import local
from training.models import DatasetVersion

PAGE = 1_000
URL_SECONDS = 3_600
CURSOR = re.compile(r"(\d{1,15})-(\d{1,15})")


@dataclass(frozen=True)
class FilesPage:
    """JSON Lines (docs/wire), and the cursor of the next page or None."""

    lines: bytes
    next: str | None


def read_page(version: DatasetVersion, cursor: str = "") -> FilesPage:
    """Answer up to 1,000 members after `cursor`, each with its truth and a signed address.

    Erased members are left out; an object that retention took has no address. Reads a local copy of both files, so that any
    page costs the same. Raises Conflict for a version that is not frozen, Malformed for a cursor that is not ours.
    """
    if version.frozen_at is None or version.manifest is None or version.truth is None:
        raise Conflict(f"{version} is {version.state}; its files can be read once it is frozen.")
    paths = [local.cached(kept.name, kept.alias, kept.sha256) for kept in (version.manifest, version.truth)]
    members, rights, after = _lines(paths[0], paths[1], cursor)
    objects = StoredObject.objects.filter(name__in=[member["object"]["name"] for member in members], deleted_at__isnull=True)
    known = {kept.name: kept for kept in objects}
    shown = [
        _shown(member, right["truth"], known.get(member["object"]["name"]))
        for member, right in zip(members, rights, strict=True)
        if right["truth"] is not None
    ]
    return FilesPage(b"".join(orjson.dumps(line) + b"\n" for line in shown), after)


def _shown(member: dict[str, Any], truth: dict[str, Any], kept: StoredObject | None) -> dict[str, Any]:
    facts = {key: value for key, value in member["object"].items() if key not in ("name", "size")}
    url = read_only(kept.alias).presign_get(kept.name, seconds=URL_SECONDS).url if kept else None
    facts |= {"reference": kept.reference if kept else None, "url": url}
    line = {key: value for key, value in member.items() if key not in ("truth_sha256", "label_status")}
    return {**line, "object": facts, "truth": truth}


def _lines(manifest: Path, truth: Path, cursor: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str | None]:
    """Read the lines of both files that begin where the cursor says; the cursor is the two places in bytes."""
    places = _places(cursor)
    pages, ends = [], []
    for path, place in zip((manifest, truth), places, strict=True):
        with path.open("rb") as stream:
            stream.seek(max(place - 1, 0))
            if place and stream.read(1) != b"\n":
                raise _foreign()
            pages.append([orjson.loads(line) for line in (stream.readline() for _ in range(PAGE)) if line])
            ends.append(stream.tell())
    members, rights = pages
    if [line["sample_id"] for line in members] != [line["sample_id"] for line in rights]:
        raise _foreign()
    more = ends[0] < manifest.stat().st_size
    return members, rights, f"{ends[0]}-{ends[1]}" if more else None


def _places(cursor: str) -> tuple[int, int]:
    if not cursor:
        return 0, 0
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise _foreign()
    return int(found[1]), int(found[2])


def _foreign() -> Malformed:
    return Malformed("This cursor was not made by us; start from the first page.")
