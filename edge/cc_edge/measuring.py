"""What this machine measures of a model while it answers, as sums that a heartbeat tells and the hub adds up (docs/edge-protocol.md)."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cc_edge.outputs import Answer

STEP = 1.25
LAST_BUCKET = 79
TENTHS = 10


@dataclass
class Tally:
    """Sums over images: answered or not, answered with nothing, how fast (bucket k: from 1.25**k to 1.25**(k+1) ms), how sure."""

    images: int = 0
    errors: int = 0
    empty: int = 0
    latency: Counter[int] = field(default_factory=Counter)
    confidence: list[int] = field(default_factory=lambda: [0] * TENTHS)

    def answered(self, answer: Answer, seconds: float) -> None:
        """Count an image that was answered."""
        self.images += 1
        self.empty += not any(answer.value.get(name) for name in ("label", "text", "boxes"))
        self.latency[bucket_of(seconds)] += 1
        self.confidence[min(TENTHS - 1, max(0, int(answer.confidence * TENTHS)))] += 1

    def failed(self) -> None:
        """Count an image that could not be answered."""
        self.errors += 1

    def add(self, told: Mapping[str, Any]) -> None:
        """Take in sums as `as_document` spells them."""
        self.images += told["images"]
        self.errors += told["errors"]
        self.empty += told["empty"]
        self.latency.update({int(bucket): count for bucket, count in told["latency"].items()})
        self.confidence = [mine + theirs for mine, theirs in zip(self.confidence, told["confidence"], strict=True)]

    def as_document(self) -> dict[str, Any]:
        """Spell the sums as a heartbeat does."""
        latency = {str(bucket): count for bucket, count in sorted(self.latency.items())}
        sums = {"images": self.images, "errors": self.errors, "empty": self.empty}
        return {**sums, "latency": latency, "confidence": self.confidence}


def bucket_of(seconds: float) -> int:
    """Answer the bucket of a time."""
    milliseconds = seconds * 1_000
    return min(LAST_BUCKET, max(0, int(math.log(milliseconds, STEP)))) if milliseconds > 1 else 0
