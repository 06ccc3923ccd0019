"""Scores of answers that are one class each: accuracy, precision, recall and F1 class by class, and who was taken for whom."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training.scoring.calibration import calibration

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

MAX_CONFUSION = 60
"""Of more labels than this no table is kept: nobody reads it, and it would be more than a line of a run may hold."""
MAX_CLASSES = 300


def score(right: "Ints", answered: "Ints", labels: Sequence[str], confidences: "Floats | None" = None) -> dict[str, Any]:
    """Compare numbers of labels; a truth of -1 is a label the network does not know, and every answer to it is wrong.

    Answers `accuracy, precision, recall, f1` (0..1, the last three the mean over the labels that occur), `by_class`,
    `confusion` (rows of truth by columns of answers), and with confidences the `calibration`.
    """
    import numpy as np

    count = len(labels)
    known = right >= 0
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (right[known], answered[known]), 1)
    hits, truths = np.diag(confusion), confusion.sum(axis=1)
    answers = np.bincount(answered, minlength=count)
    figures = {
        "precision": _share(hits, answers),
        "recall": _share(hits, truths),
        "f1": _share(2 * hits, truths + answers),
    }
    occurs = (truths + answers) > 0
    scores: dict[str, Any] = {
        "accuracy": float(hits.sum() / len(right)),
        **{name: float(values[occurs].mean()) for name, values in figures.items()},
        "examples": len(right),
        "unknown_labels": int((~known).sum()),
        "by_class": [
            {
                "label": labels[row],
                "truths": int(truths[row]),
                "answers": int(answers[row]),
                **{name: round(float(values[row]), 6) for name, values in figures.items()},
            }
            for row in np.flatnonzero(occurs)[:MAX_CLASSES].tolist()
        ],
    }
    if count <= MAX_CONFUSION:
        scores["confusion"] = {"labels": list(labels), "rows": confusion.tolist()}
    if confidences is not None:
        scores["calibration"] = calibration(confidences.tolist(), (right == answered).tolist())
    return scores


def doubts(right: "Ints", answered: "Ints", probabilities: "Floats") -> list[float | None]:
    """Answer per sample how much its truth is suspected, None where it is not (confident learning, Northcutt et al. 2021).

    A truth is suspected where another class is answered with at least the confidence with which that class is given to the
    samples that carry it, on average. `probabilities` (n, labels) must come from networks that never saw the sample.
    """
    import numpy as np

    usual = np.full(probabilities.shape[1], 2.0)  # a class without samples suspects nobody
    for label in range(probabilities.shape[1]):
        own = probabilities[right == label, label]
        if len(own):
            usual[label] = own.mean()
    said = probabilities[np.arange(len(answered)), answered]
    carried = np.where(right >= 0, probabilities[np.arange(len(right)), np.maximum(right, 0)], 0.0)
    suspected = (right != answered) & (said >= usual[answered])
    return [round(float(gap), 6) if is_so else None for gap, is_so in zip(said - carried, suspected, strict=True)]


def _share(part: "Ints", whole: "Ints") -> "Floats":
    import numpy as np

    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
