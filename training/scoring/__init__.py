"""How good a network's answers are on a labelled split: computed once, the same for training and for evaluation.

Of each kind of output (training/outputs.py) the figures are those of its field: scoring/classes.py, texts.py, boxes.py. What
came of each sample is written to artifact/outcomes.jsonl on the way.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from training import outputs, preprocessing
from training.scoring.classes import doubts, score
from training.scoring.outcomes import OUTCOMES_NAME, Outcome, write
from training.trainers.work import Example, Work

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from onnxruntime import InferenceSession

    Floats = npt.NDArray[np.float32]

__all__ = ["Answered", "answer_onnx", "open_session", "score", "score_answers", "score_labels", "score_onnx"]

MEASURED_FROM = 0.01
"""Boxes are measured from this score on, lower than a model's own threshold: average precision is of the whole curve."""
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Answered:
    """What a network said of one example: its annotation value (boxes with a `score` each), and how sure it is (0..1).

    `probabilities` are those of all labels, where it answers with one; `seconds` is how long its run took.
    """

    example: Example
    value: Mapping[str, Any]
    confidence: float
    probabilities: "Floats"
    seconds: float


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
    options: Mapping[str, Any] = NO_OPTIONS,
) -> dict[str, Any]:
    """Answer the scores of a network on a split, one example at a time; {} where the split is empty.

    `accuracy` is 0..1 for all kinds, and `inference_time_ms` the median of one run of the network. Raises Stopped.
    """
    import numpy as np

    said = answer_onnx(work, model, steps, labels, split, output=output, options=options)
    if not said:
        return {}
    took = round(float(np.median([one.seconds for one in said])) * 1000, 4)
    return {**score_answers(work, said, labels, output, options), "split": split, "inference_time_ms": took}


def answer_onnx(
    work: Work,
    model: bytes,
    steps: Sequence[preprocessing.Step],
    labels: Sequence[str],
    *splits: str,
    output: str = "softmax_labels",
    options: Mapping[str, Any] = NO_OPTIONS,
) -> list[Answered]:
    """Run a network on each example of these splits; raises Stopped."""
    import numpy as np

    session = open_session(model)
    given, name = session.get_inputs()[0].name, outputs.NAMES[output]
    answered = []
    for example in work.examples(*splits):
        content = example.path.read_bytes()
        tensor = preprocessing.apply(steps, content)
        began = time.perf_counter()
        raw = session.run([name], {given: tensor})[0]
        seconds = time.perf_counter() - began
        size = preprocessing.size_of(content) if output == "boxes" else (1, 1)
        answer = outputs.decode(output, options, labels, raw, size)
        value = _measured(raw, options, labels, size) if output == "boxes" else answer.value
        kept = raw.reshape(-1) if output == "softmax_labels" else np.empty(0, np.float32)
        answered.append(Answered(example, value, min(1.0, max(0.0, answer.confidence)), kept, seconds))
    return answered


def score_answers(
    work: Work, answered: Sequence[Answered], labels: Sequence[str], output: str, options: Mapping[str, Any] = NO_OPTIONS
) -> dict[str, Any]:
    """Answer the scores of some answers, one at least, and write artifact/outcomes.jsonl.

    Texts are compared as the module's schema spells them (`text.normalise` of job.json).
    """
    if output == "softmax_labels":
        return score_labels(work, answered, labels, OUTCOMES_NAME)
    scores, found = _texts(work, answered) if output == "ctc_text" else _boxes(answered, labels, options["score_threshold"])
    write(work.artifact / OUTCOMES_NAME, found)
    return scores


def score_labels(
    work: Work, answered: Sequence[Answered], labels: Sequence[str], kept_as: str, *, with_doubts: bool = False
) -> dict[str, Any]:
    """Answer the scores of labels, and write what came of each sample to `artifact/<kept_as>`.

    With doubts, truths are suspected: then the networks that answered must not have seen these samples.
    """
    import numpy as np

    numbers = {name: number for number, name in enumerate(labels)}
    truths = [str(one.example.truth.get("label", "")) for one in answered]
    right = np.array([numbers.get(truth, -1) for truth in truths])
    probabilities = np.array([one.probabilities for one in answered], dtype=np.float64)
    said = probabilities.argmax(axis=1)
    suspected = doubts(right, said, probabilities) if with_doubts else [None] * len(truths)
    rows = zip(answered, truths, (right == said).tolist(), said.tolist(), suspected, strict=True)
    write(
        work.artifact / kept_as,
        (
            Outcome(one.example.sample_id, hit, float(hit), truth, labels[number], round(one.confidence, 6), doubt)
            for one, truth, hit, number, doubt in rows
        ),
    )
    scores = score(right, said, labels, np.array([one.confidence for one in answered]))
    return {**scores, "suspected": sum(doubt is not None for doubt in suspected)} if with_doubts else scores


def _texts(work: Work, answered: Sequence[Answered]) -> tuple[dict[str, Any], list[Outcome]]:
    from learning.annotation import normalise_text
    from training.scoring.texts import character_errors, score_texts

    how = (work.job.get("text") or {}).get("normalise") or "space"

    def spelled(value: Mapping[str, Any]) -> str:
        return normalise_text(str(value.get("text") or ""), how)

    pairs = [(spelled(one.example.truth), spelled(one.value)) for one in answered]
    found = []
    for one, (truth, said) in zip(answered, pairs, strict=True):
        share = max(0.0, 1 - character_errors(truth, said) / max(1, len(truth)))
        found.append(Outcome(one.example.sample_id, truth == said, share, truth, said, round(one.confidence, 6)))
    truths, texts = [truth for truth, _ in pairs], [said for _, said in pairs]
    return score_texts(truths, texts, [one.confidence for one in answered]), found


def _boxes(answered: Sequence[Answered], labels: Sequence[str], threshold: float) -> tuple[dict[str, Any], list[Outcome]]:
    from training.scoring.boxes import image_f1, score_boxes, surer

    truths = [list(one.example.truth.get("boxes") or ()) for one in answered]
    said = [list(one.value["boxes"]) for one in answered]
    found = []
    for one, right, boxes in zip(answered, truths, said, strict=True):
        sure = surer(boxes, threshold)
        share = image_f1(right, sure)
        words = _counted(right), _counted(sure)
        kept = {"boxes": sure}
        found.append(Outcome(one.example.sample_id, share == 1, share, *words, round(one.confidence, 6), answer=kept))
    return score_boxes(truths, said, labels, threshold), found


def _measured(raw: "Floats", options: Mapping[str, Any], labels: Sequence[str], size: tuple[int, int]) -> dict[str, Any]:
    """Answer the boxes with their scores, also those below the model's own threshold."""
    low = min(MEASURED_FROM, options["score_threshold"])
    found = outputs.found_boxes(options, raw, size, score_threshold=low)
    return {"boxes": [{"label": labels[one.label], "bbox": one.bbox, "score": round(one.score, 6)} for one in found]}


def _counted(boxes: Sequence[Mapping[str, Any]]) -> str:
    """Say boxes as their labels: "3 car, 1 bus", and "nothing" where there is none."""
    counts: dict[str, int] = {}
    for box in boxes:
        counts[box["label"]] = counts.get(box["label"], 0) + 1
    return ", ".join(f"{counts[label]} {label}" for label in sorted(counts)) or "nothing"
