"""From a network's output to an answer: a closed list of three kinds, each with exact arithmetic.

The agent on the edge has the same list (cc_edge/outputs.py), written apart; a test compares the two.

- softmax_labels: (1, labels), the probability of each; the answer is the most likely one.
- ctc_text {alphabet: [characters]}: (1, steps, 1 + characters), at each step the probability of none and of each character;
  of each step the most likely counts, what repeats counts once, and none parts. The confidence is the product of what counted.
- boxes {score_threshold, iou_threshold, max_boxes}: (1, n, 4 + labels), of each place left, top, right and bottom as shares of
  the picture, and the score of each label. A place has its best label; those of the threshold or more are taken by falling
  score, unless they overlap one of their label that was taken by more than `iou_threshold`. Pixels to two decimals. The
  confidence is the mean score, or without a box what is left of the highest score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Doubles = npt.NDArray[np.float64]

Options = Mapping[str, Any]

NAMES = {"softmax_labels": "probabilities", "ctc_text": "probabilities", "boxes": "boxes"}
"""How an exported network calls its output, of each kind."""
MAX_ALPHABET = 20_000
MAX_BOXES = 1_000
MAX_PLACES = 1_000
"""So many places are looked at, the best ones."""


class UnknownOutput(ValueError):
    """The kind, or one of its options, is none that this program knows."""


@dataclass(frozen=True)
class Answer:
    """What a network says of one file: an annotation value, and how sure it is (0 to 1)."""

    value: dict[str, Any]
    confidence: float


@dataclass(frozen=True)
class Found:
    """One box: the number of its label, left, top, width and height in pixels, and its score."""

    label: int
    bbox: list[float]
    score: float


def check(kind: Any, options: Any) -> None:
    """Raise UnknownOutput unless the kind is known and has exactly its options, in bounds."""
    if kind not in NAMES or not isinstance(options, Mapping) or set(options) != KEYS[kind]:
        raise UnknownOutput("The output, or one of its options, is not known.")
    if kind == "ctc_text" and not _is_alphabet(options["alphabet"]):
        raise UnknownOutput("The alphabet must be a list of different characters.")
    if kind == "boxes" and not (
        _is_share(options["score_threshold"]) and _is_share(options["iou_threshold"]) and _is_count(options["max_boxes"])
    ):
        raise UnknownOutput("The options of boxes are out of bounds.")


def decode(kind: str, options: Options, labels: Sequence[str], output: "Floats", size: tuple[int, int]) -> Answer:
    """Answer what an output says; `size` is width and height of the upright picture (of boxes only)."""
    if kind == "ctc_text":
        return _text(options["alphabet"], output[0])
    if kind == "boxes":
        found = found_boxes(options, output, size)
        boxes = [{"label": labels[one.label], "bbox": one.bbox} for one in found]
        sure = sum(one.score for one in found) / len(found) if found else 1 - float(output[0, :, 4:].max(initial=0))
        return Answer({"boxes": boxes}, sure)
    best = int(output.argmax())
    return Answer({"label": labels[best]}, float(output.reshape(-1)[best]))


def found_boxes(
    options: Options, output: "Floats", size: tuple[int, int], *, score_threshold: float | None = None
) -> list[Found]:
    """Answer the boxes by falling score; a lower `score_threshold` than the model's own is for measuring it."""
    import numpy as np

    threshold = options["score_threshold"] if score_threshold is None else score_threshold
    places, scores = output[0, :, :4].astype(np.float64).clip(0, 1), output[0, :, 4:]
    label, score = scores.argmax(axis=1), scores.max(axis=1)
    order = np.argsort(-score, kind="stable")
    order = order[score[order] >= np.float32(threshold)][:MAX_PLACES]
    order = order[(places[order, 2] > places[order, 0]) & (places[order, 3] > places[order, 1])]
    kept: list[int] = []
    while len(order) and len(kept) < options["max_boxes"]:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        is_apart = (label[order] != label[best]) | (_overlaps(places[best], places[order]) <= options["iou_threshold"])
        order = order[is_apart]
    return [Found(int(label[row]), _pixels(places[row], size), float(score[row])) for row in kept]


def golden_size(shape: Sequence[int]) -> tuple[int, int]:
    """Answer the size that a golden input stands for: its own, since it was made of no picture."""
    return (shape[-1], shape[-2]) if len(shape) == 4 else (1, 1)


def _text(alphabet: Sequence[str], steps: "Floats") -> Answer:
    import numpy as np

    best = steps.argmax(axis=1)
    is_new = np.concatenate(([True], best[1:] != best[:-1]))
    text = "".join(alphabet[number - 1] for number in best[is_new & (best > 0)])
    return Answer({"text": text}, float(steps.max(axis=1).astype(np.float64).prod()))


def _overlaps(one: "Doubles", others: "Doubles") -> "Doubles":
    """Answer the intersection over union of a box with others."""
    import numpy as np

    inner = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    shared = inner.clip(0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    answer: Doubles = shared / ((one[2:] - one[:2]).prod() + areas - shared)
    return answer


def _pixels(place: "Doubles", size: tuple[int, int]) -> list[float]:
    width, height = size
    left, top, right, bottom = (float(side) for side in place)
    return [
        round(left * width, 2),
        round(top * height, 2),
        round((right - left) * width, 2),
        round((bottom - top) * height, 2),
    ]


KEYS: dict[str, set[str]] = {
    "softmax_labels": set(),
    "ctc_text": {"alphabet"},
    "boxes": {"score_threshold", "iou_threshold", "max_boxes"},
}


def _is_alphabet(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_ALPHABET
        and all(isinstance(one, str) and len(one) == 1 and _is_character(one) for one in value)
        and len(set(value)) == len(value)
    )


def _is_character(one: str) -> bool:
    """Tell whether databases keep it: PostgreSQL has no zero byte, and half of a surrogate pair is no text anywhere."""
    return one != "\x00" and not "\ud800" <= one <= "\udfff"


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_BOXES
