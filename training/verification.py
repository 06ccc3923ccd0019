"""Proving that a frozen version is what it was when it was frozen, in little memory however large it is."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.storage import ObjectMissing, chunks_of, reading
from learning.models import StoredObject
from training import local
from training.manifest import Proof, proving
from training.models import DatasetMember, DatasetVersion

CHUNK = 1_000
SHOWN = 20


@dataclass
class Verdict:
    """What was found; `faults` are sentences, and there are none where the version is sound. `objects` were read and hashed."""

    fingerprint: str = ""
    members: int = 0
    erased: int = 0
    objects: int = 0
    faults: list[str] = field(default_factory=list)

    def as_document(self) -> dict[str, Any]:
        """Spell it as a version keeps it."""
        return {"members": self.members, "erased": self.erased, "objects": self.objects, "faults": self.faults}


@dataclass
class _Odd:
    """How many are not as they should be, and the names of the first."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < SHOWN:
            self.names.append(name)

    def tell(self, verdict: Verdict, sentence: str) -> None:
        if self.count:
            verdict.faults.append(f"{sentence.format(self.count)}: {', '.join(self.names)}.")


def verify(version: DatasetVersion, *, objects: bool = False, tick: Callable[[int], None] = lambda done: None) -> Verdict:
    """Read manifest and truth again from the store, and compare hashes, truths, the members' rows and the fingerprint.

    With `objects` the members' objects too are read and hashed; what retention took is no fault. `tick` is told now and then how
    many members were looked at, and may raise.
    """
    verdict, proof = Verdict(), Proof()
    with TemporaryDirectory(dir=local.scratch()) as scratch:
        folder = Path(scratch)
        manifest, truth = (_fetch(kept, folder, verdict, tick) for kept in (version.manifest, version.truth))
        if manifest is None or truth is None:
            return verdict
        try:
            _look_through(version, proving(manifest, truth, proof, folder), verdict, objects=objects, tick=tick)
        except (ValueError, KeyError, TypeError) as error:
            verdict.faults.append(f"Manifest and truth do not belong together: {error}")
            return verdict
    verdict.fingerprint, verdict.members, verdict.erased = proof.fingerprint, proof.count, proof.erased
    if proof.broken:
        verdict.faults.append(f"{proof.broken} truths are not what was frozen: {', '.join(proof.shown)}.")
    if proof.fingerprint != version.fingerprint:
        verdict.faults.append(f"The fingerprint is {proof.fingerprint}, and {version.fingerprint} was frozen.")
    if proof.count != version.sample_count:
        verdict.faults.append(f"The manifest has {proof.count} members, the version {version.sample_count}.")
    return verdict


def _look_through(
    version: DatasetVersion,
    lines: Iterator[dict[str, Any]],
    verdict: Verdict,
    *,
    objects: bool,
    tick: Callable[[int], None],
) -> None:
    """Walk manifest lines and the members' rows side by side: both are in the order of the samples' keys."""
    astray, broken, rows, done = _Odd(), _Odd(), members_of(version), 0
    while chunk := list(islice(lines, CHUNK)):
        for line, row in zip_longest(chunk, islice(rows, len(chunk))):
            if row is None or row[1:] != (line["sample_id"], line["split"]):
                astray.add(line["sample_id"])
        if objects:
            _hash_objects(chunk, verdict, broken, partial(tick, done))
        done += len(chunk)
        tick(done)
    for row in rows:
        astray.add(row[1])
    astray.tell(verdict, "{} members of the database are not those of the manifest")
    broken.tell(verdict, "{} objects are not what was frozen")


def members_of(version: DatasetVersion) -> Iterator[tuple[int, str, str]]:
    """Read key, sample_id and split of the members in the order of the manifest's lines: by the sample's key."""
    rows, last = DatasetMember.objects.filter(version=version).order_by("sample_id"), 0
    asked = rows.values_list("sample_id", "sample__sample_id", "split")
    while chunk := list(asked.filter(sample__gt=last)[: 5 * CHUNK]):
        yield from chunk
        last = chunk[-1][0]


def _fetch(kept: StoredObject | None, folder: Path, verdict: Verdict, tick: Callable[[int], None]) -> Path | None:
    """Copy an object into `folder`, past any cache; a fault where it is missing or has other bytes."""
    if kept is None:
        verdict.faults.append("The version has no manifest or no truth.")
        return None
    path, digest = folder / kept.name, hashlib.sha256()
    try:
        with reading(kept.name, kept.alias) as stream, path.open("xb") as out:
            for piece in chunks_of(stream):
                digest.update(piece)
                out.write(piece)
                tick(0)
    except ObjectMissing:
        verdict.faults.append(f"The object {kept.name} is missing.")
        return None
    if digest.hexdigest() != kept.sha256:
        verdict.faults.append(f"The object {kept.name} ({kept.kind}) does not have the bytes that were stored.")
    return path


def _hash_objects(lines: list[dict[str, Any]], verdict: Verdict, broken: _Odd, tick: Callable[[], None]) -> None:
    wanted = {line["object"]["name"]: line["object"]["sha256"] for line in lines}
    for kept in StoredObject.objects.filter(name__in=list(wanted), deleted_at__isnull=True):
        verdict.objects += 1
        if _sha256(kept) != wanted[kept.name]:
            broken.add(kept.name)
        tick()


def _sha256(kept: StoredObject) -> str:
    digest = hashlib.sha256()
    try:
        with reading(kept.name, kept.alias) as stream:
            for piece in chunks_of(stream):
                digest.update(piece)
    except ObjectMissing:
        return ""
    return digest.hexdigest()
