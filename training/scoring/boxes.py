"""Scores of answers that are boxes: mean average precision as COCO counts it, and what each image lost.

Boxes are `{"label", "bbox": [x, y, width, height]}` in pixels of the upright image; answered ones also have `score` (0..1).
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

Box = Mapping[str, Any]
IOU = 0.5


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Answer the intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def found(truths: Sequence[Box], answers: Sequence[Box]) -> list[tuple[int, int]]:
    """Pair answers, the surest first, each with the true box of its label that it overlaps most, by 0.5 at least."""
    free, pairs = set(range(len(truths))), []
    for at in sorted(range(len(answers)), key=lambda each: -answers[each].get("score", 1.0)):
        near = [(overlap(truths[each]["bbox"], answers[at]["bbox"]), each) for each in free if _same(truths[each], answers[at])]
        best = max(near, default=(0.0, -1))
        if best[0] >= IOU:
            free.discard(best[1])
            pairs.append((best[1], at))
    return pairs


def surer(boxes: Sequence[Box], threshold: float) -> list[Box]:
    """Answer the boxes from a score on."""
    return [box for box in boxes if box.get("score", 1.0) >= threshold]


def score_boxes(
    truths: Sequence[Sequence[Box]], answers: Sequence[Sequence[Box]], labels: Sequence[str], threshold: float
) -> dict[str, Any]:
    """Compare images, one list of boxes each.

    `map50` and `map` (0.5:0.95) are pycocotools'. At overlap 0.5 and from the model's own `threshold` on: `precision, recall,
    f1` as the mean over the labels that occur, `by_class`, and `accuracy` as the share of images without any fault.
    """
    sure = [surer(image, threshold) for image in answers]
    counts = {label: [0, 0, 0] for label in labels}
    flawless = 0
    for right, said in zip(truths, sure, strict=True):
        pairs = found(right, said)
        flawless += len(pairs) == len(right) == len(said)
        for place, boxes in ((0, right), (1, said), (2, [right[one] for one, _ in pairs])):
            for box in boxes:
                counts.setdefault(box["label"], [0, 0, 0])[place] += 1
    by_class = [_of_class(label, *numbers) for label, numbers in counts.items() if numbers[0] or numbers[1]]
    average = _mean_average_precision(truths, answers, sorted(counts))
    for row in by_class:
        row["ap50"] = average["by_class"].get(row["label"])
    return {
        "accuracy": flawless / len(truths),
        **{name: _mean([row[name] for row in by_class]) for name in ("precision", "recall", "f1")},
        "map50": average["map50"],
        "map": average["map"],
        "examples": len(truths),
        "boxes": sum(map(len, truths)),
        "by_class": by_class,
    }


def image_f1(truths: Sequence[Box], answers: Sequence[Box]) -> float:
    """Answer how right the boxes of one image are: F1 at overlap 0.5, and 1 where none is and none is said."""
    both = len(truths) + len(answers)
    return 2 * len(found(truths, answers)) / both if both else 1.0


def _mean_average_precision(
    truths: Sequence[Sequence[Box]], answers: Sequence[Sequence[Box]], labels: Sequence[str]
) -> dict[str, Any]:
    import numpy as np
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not any(truths):
        return {"map50": 0.0, "map": 0.0, "by_class": {}}
    numbers = {label: number for number, label in enumerate(labels, start=1)}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        known, said = COCO(), COCO()
        for held, images in ((known, truths), (said, answers)):
            held.dataset = _dataset(images, numbers)
            held.createIndex()
        run = COCOeval(known, said, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"][0, :, :, 0, -1]  # overlap 0.5, all sizes, 100 boxes an image
    of_class = {
        label: round(float(np.mean(precision[:, at])), 6) for at, label in enumerate(labels) if (precision[:, at] > -1).all()
    }
    return {"map50": round(float(run.stats[1]), 6), "map": round(float(run.stats[0]), 6), "by_class": of_class}


def _dataset(images: Sequence[Sequence[Box]], numbers: Mapping[str, int]) -> dict[str, Any]:
    rows = [
        {
            "id": 0,
            "image_id": image,
            "category_id": numbers[box["label"]],
            "bbox": list(box["bbox"]),
            "area": box["bbox"][2] * box["bbox"][3],
            "iscrowd": 0,
            "score": box.get("score", 1.0),
        }
        for image, boxes in enumerate(images, start=1)
        for box in boxes
    ]
    return {
        "images": [{"id": number} for number in range(1, len(images) + 1)],
        "categories": [{"id": number, "name": label} for label, number in numbers.items()],
        "annotations": [{**row, "id": number} for number, row in enumerate(rows, start=1)],
    }


def _of_class(label: str, truths: int, answers: int, hits: int) -> dict[str, Any]:
    return {
        "label": label,
        "truths": truths,
        "answers": answers,
        "precision": round(hits / answers, 6) if answers else 0.0,
        "recall": round(hits / truths, 6) if truths else 0.0,
        "f1": round(2 * hits / (truths + answers), 6),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _same(one: Box, other: Box) -> bool:
    return bool(one["label"] == other["label"])
