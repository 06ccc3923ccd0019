"""Proving that a frozen version is what it was when it was frozen."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from core.storage import ObjectMissing, chunks_of, reading
from learning.models import StoredObject
from training import local
from training.manifest import prove
from training.models import DatasetVersion

CHUNK = 1_000
SHOWN = 20


@dataclass
class Verdict:
    """What was found; `faults` are sentences, and there are none where the version is sound."""

    fingerprint: str = ""
    members: int = 0
    erased: int = 0
    faults: list[str] = field(default_factory=list)


def verify(version: DatasetVersion, *, objects: bool = False) -> Verdict:
    """Read manifest and truth again from the store and compare hashes, truths, members and fingerprint.

    With `objects` the members' objects too are read and hashed.
    """
    verdict = Verdict()
    with TemporaryDirectory(dir=local.scratch()) as folder:
        paths = [_fetch(kept, Path(folder), verdict) for kept in (version.manifest, version.truth)]
        manifest, truth = paths
        if manifest is None or truth is None:
            return verdict
        try:
            proof = prove(manifest, truth)
        except (ValueError, KeyError, TypeError) as error:
            verdict.faults.append(f"Manifest and truth do not belong together: {error}")
            return verdict
        if objects:
            _hash_objects(manifest, verdict)
    verdict.fingerprint, verdict.members, verdict.erased = proof.fingerprint, proof.count, len(proof.erased)
    if proof.broken:
        verdict.faults.append(f"{len(proof.broken)} truths are not what was frozen: {', '.join(proof.broken[:SHOWN])}.")
    if proof.fingerprint != version.fingerprint:
        verdict.faults.append(f"The fingerprint is {proof.fingerprint}, and {version.fingerprint} was frozen.")
    if proof.count != version.sample_count or proof.count != version.members.count():
        verdict.faults.append(f"The manifest has {proof.count} members, the version {version.sample_count}.")
    return verdict


def _fetch(kept: StoredObject | None, folder: Path, verdict: Verdict) -> Path | None:
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
    except ObjectMissing:
        verdict.faults.append(f"The object {kept.name} is missing.")
        return None
    if digest.hexdigest() != kept.sha256:
        verdict.faults.append(f"The object {kept.name} ({kept.kind}) does not have the bytes that were stored.")
    return path


def _hash_objects(manifest: Path, verdict: Verdict) -> None:
    with manifest.open("rb") as lines:
        wanted = {line["object"]["name"]: line["object"]["sha256"] for line in map(orjson.loads, lines)}
    names = list(wanted)
    broken: list[str] = []
    for start in range(0, len(names), CHUNK):
        kept = StoredObject.objects.filter(name__in=names[start : start + CHUNK], deleted_at__isnull=True)
        broken += [one.name for one in kept if _sha256(one) != wanted[one.name]]
    if broken:
        verdict.faults.append(f"{len(broken)} objects are not what was frozen: {', '.join(broken[:SHOWN])}.")


def _sha256(kept: StoredObject) -> str:
    digest = hashlib.sha256()
    try:
        with reading(kept.name, kept.alias) as stream:
            for piece in chunks_of(stream):
                digest.update(piece)
    except ObjectMissing:
        return ""
    return digest.hexdigest()
