"""How a version does on edges, measured by themselves, and whether a new one does worse than the one before. Knows no tables.

A measure is a sum over images: how many were answered, could not be, or were answered with nothing; how long they took, counted
in buckets of a quarter more each (bucket k holds from 1.25**k to 1.25**(k+1) ms); and how sure the answers were, in tenths.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.plan import Health

STEP = 1.25
MOST_BUCKETS = 80
TENTHS = 10
MOST = 2**53


@dataclass
class Measured:
    """What edges measured of one version, summed."""

    images: int = 0
    errors: int = 0
    empty: int = 0
    latency: Counter[int] = field(default_factory=Counter)
    confidence: list[int] = field(default_factory=lambda: [0] * TENTHS)

    def add(self, other: "Measured") -> None:
        """Take in what somebody else measured."""
        self.images += other.images
        self.errors += other.errors
        self.empty += other.empty
        self.latency.update(other.latency)
        self.confidence = [mine + theirs for mine, theirs in zip(self.confidence, other.confidence, strict=True)]

    @property
    def error_rate(self) -> float:
        """The share of images that could not be answered."""
        return self.errors / max(1, self.images + self.errors)

    @property
    def empty_rate(self) -> float:
        """The share of answers that say nothing."""
        return self.empty / max(1, self.images)

    @property
    def p95_ms(self) -> float | None:
        """The milliseconds in which 95 of 100 images were answered, to a quarter; None where nothing was clocked."""
        left = 0.95 * sum(self.latency.values())
        for bucket in sorted(self.latency):
            left -= self.latency[bucket]
            if left <= 0:
                return round(STEP ** (bucket + 1), 1)
        return None

    def as_document(self) -> dict[str, Any]:
        """Spell it as it is kept, and as an edge tells it."""
        latency = {str(bucket): count for bucket, count in sorted(self.latency.items())}
        return {
            "images": self.images,
            "errors": self.errors,
            "empty": self.empty,
            "latency": latency,
            "confidence": self.confidence,
        }


def read(entry: Mapping[str, Any]) -> Measured:
    """Read what an edge told, or we kept; what makes no sense counts as nothing."""
    latency: Counter[int] = Counter()
    told = entry.get("latency")
    for bucket, count in told.items() if isinstance(told, Mapping) else ():
        if str(bucket).isdigit() and int(bucket) < MOST_BUCKETS:
            latency[int(bucket)] += _number(count)
    tenths = entry.get("confidence")
    is_whole = isinstance(tenths, list) and len(tenths) == TENTHS
    confidence = [_number(count) for count in tenths or ()] if is_whole else [0] * TENTHS
    images, errors, empty = (_number(entry.get(name)) for name in ("images", "errors", "empty"))
    return Measured(images, errors, empty, latency, confidence)


def summed(entries: Iterable[Mapping[str, Any]]) -> Measured:
    """Sum what was kept."""
    whole = Measured()
    for entry in entries:
        whole.add(read(entry))
    return whole


def complaints(rule: Health, new: Measured, old: Measured) -> list[str]:
    """Answer what the new version does worse than the rule allows, each as a sentence; nothing where nothing was measured."""
    if not new.images and not new.errors:
        return []
    said = []
    if rule.error_rise is not None and new.error_rate - old.error_rate > rule.error_rise:
        said.append(f"{new.error_rate:.1%} of the images could not be answered, {old.error_rate:.1%} before")
    if rule.empty_rise is not None and old.images and new.empty_rate - old.empty_rate > rule.empty_rise:
        said.append(f"{new.empty_rate:.1%} of the answers are empty, {old.empty_rate:.1%} before")
    if rule.p95_ratio is not None and new.p95_ms and old.p95_ms and new.p95_ms / old.p95_ms > rule.p95_ratio:
        said.append(f"95 of 100 images take up to {new.p95_ms:g} ms, {old.p95_ms:g} ms before")
    shift = shifted(new.confidence, old.confidence)
    if rule.confidence_shift is not None and shift is not None and shift > rule.confidence_shift:
        said.append(f"the confidence of {shift:.0%} of the answers has moved")
    return said


def shifted(new: Sequence[int], old: Sequence[int]) -> float | None:
    """Answer the share of answers that moved to other tenths (the total variation distance); None where one says nothing."""
    here, there = sum(new), sum(old)
    if not here or not there:
        return None
    return sum(abs(mine / here - theirs / there) for mine, theirs in zip(new, old, strict=True)) / 2


def _number(value: Any) -> int:
    return min(value, MOST) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
