"""Scores of answers that are a text each: how many are read without a fault, and how many characters are wrong."""

from collections.abc import Sequence
from typing import Any

from training.scoring.calibration import calibration


def character_errors(truth: str, said: str) -> int:
    """Answer how many characters have to be put in, taken out or replaced to make `truth` of `said`."""
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(truth, said))


def score_texts(truths: Sequence[str], said: Sequence[str], confidences: Sequence[float] | None = None) -> dict[str, Any]:
    """Compare texts, both in the spelling in which they are compared (learning.annotation.normalise_text).

    `exact_match` is the share read without a fault, which is the `accuracy` of a text; `character_error_rate` is all faults
    by all characters of the truths.
    """
    faults = [character_errors(truth, answer) for truth, answer in zip(truths, said, strict=True)]
    right = [not count for count in faults]
    share = sum(right) / len(right)
    scores: dict[str, Any] = {
        "accuracy": share,
        "exact_match": share,
        "character_error_rate": round(sum(faults) / max(1, sum(map(len, truths))), 6),
        "examples": len(right),
    }
    if confidences is not None:
        scores["calibration"] = calibration(confidences, right)
    return scores
