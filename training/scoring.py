"""How good a network's answers are on a labelled split: computed once, the same for training and for evaluation."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training import preprocessing
from training.trainers.work import Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from onnxruntime import InferenceSession

    Ints = npt.NDArray[np.int64]

MAX_CONFUSION = 100
"""Of more labels than this no table is kept: nobody reads it, and it would be millions of numbers."""


def open_session(model: bytes) -> "InferenceSession":
    """Open a network to run on one thread, so that its time is comparable."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def score_onnx(
    work: Work, model: bytes, steps: Sequence[preprocessing.Step], labels: Sequence[str], split: str
) -> dict[str, Any]:
    """Answer the scores of a classifying network on a split, one example at a time; {} where the split is empty.

    `accuracy, precision, recall, f1` are 0..1 (macro over the labels that occur), `inference_time_ms` is the median of one
    run of the network, `confusion` counts rows of truth by columns of answers.
    """
    import numpy as np

    session, numbers = open_session(model), {name: number for number, name in enumerate(labels)}
    given, right, answered, seconds = session.get_inputs()[0].name, [], [], []
    for example in work.examples(split):
        tensor = preprocessing.apply(steps, example.path.read_bytes())
        began = time.perf_counter()
        output = session.run(["probabilities"], {given: tensor})[0]
        seconds.append(time.perf_counter() - began)
        answered.append(int(np.argmax(output)))
        right.append(numbers.get(example.truth.get("label", ""), -1))
    if not right:
        return {}
    scores = score(np.array(right), np.array(answered), labels)
    return {**scores, "split": split, "inference_time_ms": round(float(np.median(seconds)) * 1000, 4)}


def score(right: "Ints", answered: "Ints", labels: Sequence[str]) -> dict[str, Any]:
    """Compare numbers of labels; a truth of -1 is a label the network does not know, and every answer to it is wrong."""
    import numpy as np

    count = len(labels)
    known = right >= 0
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (right[known], answered[known]), 1)
    hits, truths = np.diag(confusion), confusion.sum(axis=1)
    answers = np.bincount(answered, minlength=count)
    occurs = (truths + answers) > 0
    precision = _share(hits, answers)[occurs]
    recall = _share(hits, truths)[occurs]
    f1 = _share(2 * hits, truths + answers)[occurs]
    return {
        "accuracy": float(hits.sum() / len(right)),
        "precision": float(precision.mean()),
        "recall": float(recall.mean()),
        "f1": float(f1.mean()),
        "examples": len(right),
        "unknown_labels": int((~known).sum()),
        **({"confusion": {"labels": list(labels), "rows": confusion.tolist()}} if count <= MAX_CONFUSION else {}),
    }


def _share(part: "Ints", whole: "Ints") -> "npt.NDArray[np.float64]":
    import numpy as np

    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
