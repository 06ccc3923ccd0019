"""How good a network's answers are on a labelled split: computed once, the same for training and for evaluation."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from training import outputs, preprocessing
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
    work: Work,
    model: bytes,
    steps: Sequence[preprocessing.Step],
    labels: Sequence[str],
    split: str,
    *,
    output: str = "softmax_labels",
    options: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Answer the scores of a network on a split, one example at a time; {} where the split is empty.

    Of labels, `accuracy, precision, recall, f1` are 0..1 (macro over the labels that occur), and `confusion` counts rows of
    truth by columns of answers; of texts, `accuracy` is the share that is read wholly right, and `character_error_rate` the
    edits per character of the truth. `inference_time_ms` is the median of one run of the network.
    """
    import numpy as np

    session, numbers = open_session(model), {name: number for number, name in enumerate(labels)}
    given, right, answered, seconds = session.get_inputs()[0].name, [], [], []
    for example in work.examples(split):
        content = example.path.read_bytes()
        tensor = preprocessing.apply(steps, content)
        began = time.perf_counter()
        scores = session.run([outputs.NAMES[output]], {given: tensor})[0]
        seconds.append(time.perf_counter() - began)
        size = preprocessing.size_of(content) if output == "boxes" else (1, 1)
        answered.append(outputs.decode(output, options, labels, scores, size).value)
        right.append(example.truth)
    if not right:
        return {}
    shared = {"split": split, "inference_time_ms": round(float(np.median(seconds)) * 1000, 4)}
    if output == "ctc_text":
        return {**score_texts([str(one.get("text") or "") for one in right], [one["text"] for one in answered]), **shared}
    if output == "boxes":
        return {"examples": len(right), **shared}
    known = np.array([numbers.get(one.get("label", ""), -1) for one in right])
    return {**score(known, np.array([numbers[one["label"]] for one in answered]), labels), **shared}


def score_texts(right: Sequence[str], answered: Sequence[str]) -> dict[str, Any]:
    """Compare texts, one by one: `accuracy` counts those that are the same, `character_error_rate` the edits between them."""
    edits = sum(_edits(wanted, read) for wanted, read in zip(right, answered, strict=True))
    return {
        "accuracy": sum(wanted == read for wanted, read in zip(right, answered, strict=True)) / len(right),
        "character_error_rate": edits / max(1, sum(map(len, right))),
        "examples": len(right),
    }


def _edits(one: str, other: str) -> int:
    """Count the insertions, deletions and replacements between two texts."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        before, row[0] = row[0], number
        for column, seen in enumerate(other, start=1):
            before, row[column] = row[column], min(before + (letter != seen), row[column] + 1, row[column - 1] + 1)
    return row[-1]


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
