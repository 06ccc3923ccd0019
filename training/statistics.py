"""What is counted of a version's members while they are frozen; texts are not counted by value, they are plates and names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from training.manifest import Members

MOST_CLASSES = 200
MOST_CITIES = 30
OTHERS = ""
"""The city of what is in none of the largest."""


class _Box(msgspec.Struct, gc=False):
    label: str | None = None


class _Truth(msgspec.Struct, gc=False):
    """An annotation value, as far as it is counted."""

    label: str | None = None
    boxes: list[_Box] | None = None


_read = msgspec.json.Decoder(_Truth).decode


@dataclass
class Statistics:
    """Counts of samples, and of labels: a sample's own and one for each box."""

    samples: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By split, label status and city."""
    labels: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By label, split and city."""
    captured_from: datetime | None = None
    captured_to: datetime | None = None
    labeled: int = 0
    """How many samples of the dataset had a truth when it was begun: what a later one has more is new."""
    quality_sum: float = 0.0
    quality_count: int = 0

    def add(self, members: "Members", splits: Sequence[str]) -> None:
        """Count some members."""
        self.samples.update(zip(splits, members.label_status, members.city, strict=True))
        named: list[tuple[str, str, str]] = []
        for text, split, city in zip(members.truth, splits, members.city, strict=True):
            truth = _read(text)
            if truth.label:
                named.append((truth.label, split, city))
            if truth.boxes:
                named += [(box.label, split, city) for box in truth.boxes if box.label]
        self.labels.update(named)
        first, last = min(members.captured_at), max(members.captured_at)
        self.captured_from = min(self.captured_from or first, first)
        self.captured_to = max(self.captured_to or last, last)
        known = [quality for quality in members.quality if quality is not None]
        self.quality_sum += sum(known)
        self.quality_count += len(known)

    def as_document(self) -> dict[str, Any]:
        """Spell the statistics as a version keeps them.

        `by_class` is class × split × city, `[label, split, city, labels]`: of the 200 largest classes, and of the 30 largest
        cities by name, the others together under "".
        """
        return {
            "by_split": self._samples_by(0),
            "by_label": dict(sorted(self._labels_by(0).items())),
            "by_label_status": self._samples_by(1),
            "by_city": self._samples_by(2),
            "by_class": self._cube(),
            "of_dataset": {"labeled": self.labeled},
            "captured_from": self.captured_from.isoformat() if self.captured_from else None,
            "captured_to": self.captured_to.isoformat() if self.captured_to else None,
            "quality_mean": round(self.quality_sum / self.quality_count, 6) if self.quality_count else None,
        }

    def _samples_by(self, place: int) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for key, count in self.samples.items():
            counts[key[place]] += count
        return dict(sorted(counts.items()))

    def _labels_by(self, place: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        for key, count in self.labels.items():
            counts[key[place]] += count
        return counts

    def _cube(self) -> list[list[Any]]:
        classes = {name for name, _ in self._labels_by(0).most_common(MOST_CLASSES)}
        cities = {name for name, _ in self._labels_by(2).most_common(MOST_CITIES)}
        cells: Counter[tuple[str, str, str]] = Counter()
        for (label, split, city), count in self.labels.items():
            if label in classes:
                cells[label, split, city if city in cities else OTHERS] += count
        return [[*key, count] for key, count in sorted(cells.items())]
