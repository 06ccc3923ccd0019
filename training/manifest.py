"""The two files of a frozen version: the manifest (who its members are) and the truth (what is right of them).

Both are JSON Lines, one line a member, in the same order. Truth is a file of its own because an erasure rewrites it, while
the manifest, and the hash of the truth in it, stays. A manifest line is the wire's (docs/wire) without addresses:

    {"sample_id", "event_id", "split", "group", "object": {"sha256", "name", "size", "media_type", "width", "height"},
     "truth_sha256", "label_status", "weight", "city", "camera_id", "captured_at", "source"?}
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from core.canonical import canonical_sha256
from training.fingerprint import Fingerprint, member_line
from training.statistics import Statistics

MANIFEST_NAME = "manifest.jsonl"
TRUTH_NAME = "truth.jsonl"
SHOWN = 20
BETWEEN, LINE_BREAK = b'},{"sample_id":', b'}\n{"sample_id":'
"""Within a text a quote has a backslash before it, so nothing but the end of one line and the beginning of the next reads so."""


class Members(NamedTuple):
    """Some settled samples as a freeze reads them, column by column; a truth is JSON as the database holds it."""

    key: Sequence[int]
    sample_id: Sequence[str]
    event_id: Sequence[str]
    source: Sequence[str]
    group: Sequence[str]
    label_status: Sequence[str]
    captured_at: Sequence[datetime]
    quality: Sequence[float | None]
    truth: Sequence[str]
    truth_sha256: Sequence[str]
    city: Sequence[str]
    camera_id: Sequence[str]
    weight: Sequence[float]
    object_name: Sequence[str]
    object_sha256: Sequence[str]
    object_size: Sequence[int]
    object_media_type: Sequence[str]
    object_width: Sequence[int | None]
    object_height: Sequence[int | None]

    def manifest_lines(self, splits: Sequence[str]) -> bytes:
        """Spell the manifest's lines, all in one call: that is a third of the time."""
        lines: list[dict[str, Any]] = [
            {
                "sample_id": sample_id,
                "event_id": event_id,
                "split": split,
                "group": group,
                "object": {"sha256": sha256, "name": name, "size": size, "media_type": kind, "width": width, "height": height},
                "truth_sha256": truth_sha256,
                "label_status": label_status,
                "weight": weight,
                "city": city,
                "camera_id": camera_id,
                "captured_at": captured_at,
            }
            for (
                _,
                sample_id,
                event_id,
                _,
                group,
                label_status,
                captured_at,
                _,
                _,
                truth_sha256,
                city,
                camera_id,
                weight,
                name,
                sha256,
                size,
                kind,
                width,
                height,
                split,
            ) in zip(*self, splits, strict=True)
        ]
        for line, source in zip(lines, self.source, strict=True):
            if source:
                line["source"] = source
        return orjson.dumps(lines)[1:-1].replace(BETWEEN, LINE_BREAK) + b"\n"

    def truth_lines(self) -> bytes:
        """Spell the truth's lines; what the database holds is passed through as it is."""
        names = orjson.dumps(self.sample_id)[2:-2].decode().split('","')  # within a name a quote has a backslash before it
        lines = [f'{{"sample_id":"{name}","truth":{truth}}}\n' for name, truth in zip(names, self.truth, strict=True)]
        return "".join(lines).encode()


class VersionFiles:
    """Writes both files of a version below `folder`, and counts and fingerprints what passes."""

    def __init__(self, folder: Path) -> None:
        self.manifest_path, self.truth_path = folder / MANIFEST_NAME, folder / TRUTH_NAME
        self.statistics, self.fingerprint = Statistics(), Fingerprint(folder)
        self.count = 0

    def __enter__(self) -> Self:
        self._manifest, self._truth = self.manifest_path.open("xb"), self.truth_path.open("xb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._manifest.close()
        self._truth.close()

    def add(self, members: Members, splits: Sequence[str]) -> None:
        """Write the two lines of each member."""
        self._manifest.write(members.manifest_lines(splits))
        self._truth.write(members.truth_lines())
        self.fingerprint.add_all(map(member_line, members.sample_id, members.object_sha256, members.truth_sha256, splits))
        self.statistics.add(members, splits)
        self.count += len(members.key)


@dataclass
class Proof:
    """What reading both files again shows: their fingerprint, and of how many members the truth is not what was frozen."""

    fingerprint: str = ""
    count: int = 0
    erased: int = 0
    broken: int = 0
    shown: list[str] = field(default_factory=list)

    def fault(self, sample_id: str) -> None:
        """Count a member whose truth is not what was frozen; the first are named."""
        self.broken += 1
        if len(self.shown) < SHOWN:
            self.shown.append(sample_id)


def prove(manifest: Path, truth: Path, folder: Path | None = None) -> Proof:
    """Read both files line by line and answer what they prove; an erased member's truth is null and is not broken."""
    proof = Proof()
    for _ in proving(manifest, truth, proof, folder):
        pass
    return proof


def proving(manifest: Path, truth: Path, proof: Proof, folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Do so a member at a time: yields each manifest line once it is counted in `proof`, which is whole at the end."""
    fingerprint = Fingerprint(folder)
    for line, right in read_members(manifest, truth):
        sample_id, sha256 = line["sample_id"], line["truth_sha256"]
        fingerprint.add(member_line(sample_id, line["object"]["sha256"], sha256, line["split"]))
        proof.count += 1
        if right["truth"] is None:
            proof.erased += 1
        elif right["sample_id"] != sample_id or canonical_sha256(right["truth"]) != sha256:
            proof.fault(sample_id)
        yield line
    proof.fingerprint = fingerprint.value()


def read_members(manifest: Path, truth: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each member's manifest line and truth line; raises ValueError where one file is longer."""
    with manifest.open("rb") as members, truth.open("rb") as truths:
        for line, right in zip(members, truths, strict=True):
            yield orjson.loads(line), orjson.loads(right)


def labels_of(truth: Mapping[str, Any]) -> list[str]:
    """Answer the labels an annotation value names: its own, and one for each box."""
    named = [truth.get("label"), *(box.get("label") for box in truth.get("boxes") or ())]
    return [name for name in named if name]
