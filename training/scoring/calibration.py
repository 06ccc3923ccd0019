"""Whether a network is as sure as it may be: of answers given with 0.8, eight in ten should be right."""

from collections.abc import Sequence
from typing import Any

BINS = 10


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """Answer the expected calibration error (0..1) over ten bins of equal width, and each bin that holds answers.

    A bin is `{from, to, n, confidence, accuracy}`: the mean of what was claimed, and the share that was right.
    """
    filled: dict[int, list[tuple[float, bool]]] = {}
    for confidence, is_right in zip(confidences, right, strict=True):
        filled.setdefault(min(int(confidence * BINS), BINS - 1), []).append((confidence, is_right))
    bins = [_bin(number, filled[number]) for number in sorted(filled)]
    total = len(confidences)
    error = sum(each["n"] * abs(each["confidence"] - each["accuracy"]) for each in bins) / total if total else 0.0
    return {"ece": round(error, 6), "bins": bins}


def _bin(number: int, held: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    return {
        "from": number / BINS,
        "to": (number + 1) / BINS,
        "n": len(held),
        "confidence": round(sum(confidence for confidence, _ in held) / len(held), 6),
        "accuracy": round(sum(is_right for _, is_right in held) / len(held), 6),
    }
