"""The two files of a frozen version: the manifest (who its members are) and the truth (what is right of them).

Both are JSON Lines, one line a member, in the same order. Truth is a file of its own because an erasure rewrites it, while
the manifest, and the hash of the truth in it, stays. A manifest line is the wire's (docs/wire) without addresses:

    {"sample_id", "event_id", "source", "split", "group", "object": {"sha256", "name", "size", "media_type", "width",
     "height"}, "truth_sha256", "label_status", "weight", "city", "camera_id", "captured_at"}
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from core.canonical import canonical_sha256
from training.fingerprint import Fingerprint, member_line

MANIFEST_NAME = "manifest.jsonl"
TRUTH_NAME = "truth.jsonl"


@dataclass(frozen=True)
class Member:
    """One settled sample as a freeze reads it."""

    key: int
    sample_id: str
    event_id: str
    source: str
    group: str
    label_status: str
    captured_at: datetime
    quality: float | None
    truth: dict[str, Any]
    truth_sha256: str
    city: str
    camera_id: str
    weight: float | None
    object_name: str
    object_sha256: str
    object_size: int
    object_media_type: str
    object_width: int | None
    object_height: int | None

    def line(self, split: str) -> dict[str, Any]:
        """Answer the manifest's line."""
        return {
            "sample_id": self.sample_id,
            "event_id": self.event_id,
            **({"source": self.source} if self.source else {}),
            "split": split,
            "group": self.group,
            "object": {
                "sha256": self.object_sha256,
                "name": self.object_name,
                "size": self.object_size,
                "media_type": self.object_media_type,
                "width": self.object_width,
                "height": self.object_height,
            },
            "truth_sha256": self.truth_sha256,
            "label_status": self.label_status,
            "weight": 1.0 if self.weight is None else self.weight,
            "city": self.city,
            "camera_id": self.camera_id,
            "captured_at": self.captured_at.isoformat(),
        }


@dataclass
class Statistics:
    """What is counted while members pass; texts are not counted by value, they are plates and names."""

    by_split: Counter[str] = field(default_factory=Counter)
    by_label: Counter[str] = field(default_factory=Counter)
    by_label_status: Counter[str] = field(default_factory=Counter)
    by_city: Counter[str] = field(default_factory=Counter)
    captured_from: datetime | None = None
    captured_to: datetime | None = None
    quality_sum: float = 0.0
    quality_count: int = 0

    def add(self, member: Member, split: str) -> None:
        """Count one member."""
        self.by_split[split] += 1
        self.by_label_status[member.label_status] += 1
        self.by_city[member.city] += 1
        self.by_label.update(labels_of(member.truth))
        self.captured_from = min(self.captured_from or member.captured_at, member.captured_at)
        self.captured_to = max(self.captured_to or member.captured_at, member.captured_at)
        if member.quality is not None:
            self.quality_sum += member.quality
            self.quality_count += 1

    def as_document(self) -> dict[str, Any]:
        """Spell the statistics as a version keeps them."""
        return {
            "by_split": dict(sorted(self.by_split.items())),
            "by_label": dict(sorted(self.by_label.items())),
            "by_label_status": dict(sorted(self.by_label_status.items())),
            "by_city": dict(sorted(self.by_city.items())),
            "captured_from": self.captured_from.isoformat() if self.captured_from else None,
            "captured_to": self.captured_to.isoformat() if self.captured_to else None,
            "quality_mean": round(self.quality_sum / self.quality_count, 6) if self.quality_count else None,
        }


class VersionFiles:
    """Writes both files of a version below `folder`, and counts and fingerprints what passes."""

    def __init__(self, folder: Path) -> None:
        self.manifest_path, self.truth_path = folder / MANIFEST_NAME, folder / TRUTH_NAME
        self.statistics, self.fingerprint = Statistics(), Fingerprint()
        self.count = 0

    def __enter__(self) -> Self:
        self._manifest, self._truth = self.manifest_path.open("xb"), self.truth_path.open("xb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._manifest.close()
        self._truth.close()

    def add(self, member: Member, split: str) -> None:
        """Write one member's two lines."""
        self._manifest.write(orjson.dumps(member.line(split)) + b"\n")
        self._truth.write(orjson.dumps({"sample_id": member.sample_id, "truth": member.truth}) + b"\n")
        self.fingerprint.add(member_line(member.sample_id, member.object_sha256, member.truth_sha256, split))
        self.statistics.add(member, split)
        self.count += 1


@dataclass
class Proof:
    """What reading both files again shows: their fingerprint, and which members' truths are not what was frozen."""

    fingerprint: str
    count: int
    broken: list[str]
    erased: list[str]


def prove(manifest: Path, truth: Path) -> Proof:
    """Read both files line by line and answer what they prove; an erased member's truth is null and is not broken."""
    fingerprint, broken, erased, count = Fingerprint(), [], [], 0
    for line, right in read_members(manifest, truth):
        sample_id, sha256 = line["sample_id"], line["truth_sha256"]
        fingerprint.add(member_line(sample_id, line["object"]["sha256"], sha256, line["split"]))
        if right["sample_id"] != sample_id:
            broken.append(sample_id)
        elif right["truth"] is None:
            erased.append(sample_id)
        elif canonical_sha256(right["truth"]) != sha256:
            broken.append(sample_id)
        count += 1
    return Proof(fingerprint.value(), count, broken, erased)


def read_members(manifest: Path, truth: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each member's manifest line and truth line; raises ValueError where one file is longer."""
    with manifest.open("rb") as members, truth.open("rb") as truths:
        for line, right in zip(members, truths, strict=True):
            yield orjson.loads(line), orjson.loads(right)


def labels_of(truth: dict[str, Any]) -> list[str]:
    """Answer the labels an annotation value names: its own, and one for each box."""
    named = [truth.get("label"), *(box.get("label") for box in truth.get("boxes") or ())]
    return [name for name in named if name]
