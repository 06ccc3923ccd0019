"""From outputs to answers: exact, bounded, and the same on the edge as on the hub."""

import numpy as np
import pytest

from cc_edge import outputs
from training import outputs as hub

RANDOM = np.random.default_rng(17)
BOXES = {"score_threshold": 0.5, "iou_threshold": 0.5, "max_boxes": 3}
LABELS = ["car", "bus"]


def both(kind, options, labels, output, size=(1, 1)):
    """The answer of the edge, which is that of the hub."""
    outputs.check(kind, options)
    hub.check(kind, options)
    ours, theirs = (one.decode(kind, options, labels, output, size) for one in (outputs, hub))
    assert (ours.value, ours.confidence) == (theirs.value, theirs.confidence)
    assert outputs.fits(kind, len(labels), options, output.shape)
    return ours


def place(left, top, right, bottom, *scores):
    return [left, top, right, bottom, *scores]


def test_the_likeliest_label_is_the_answer():
    answer = both("softmax_labels", {}, LABELS, np.array([[0.25, 0.75]], dtype=np.float32))
    assert (answer.value, answer.confidence) == ({"label": "bus"}, 0.75)


def test_repeats_count_once_and_none_parts():
    steps = np.full((1, 6, 3), 0.1, dtype=np.float32)
    for step, best in enumerate([1, 1, 0, 1, 2, 2]):
        steps[0, step, best] = 0.5
    answer = both("ctc_text", {"alphabet": ["皖", "7"]}, [], steps)
    assert answer.value == {"text": "皖皖7"}
    assert answer.confidence == pytest.approx(0.5**6)
    nothing = np.zeros((1, 4, 3), dtype=np.float32)
    nothing[..., 0] = 1
    assert both("ctc_text", {"alphabet": ["a", "b"]}, [], nothing).value == {"text": ""}


def test_boxes_are_taken_by_score_and_those_they_cover_left():
    output = np.array(
        [[
            place(0.1, 0.1, 0.5, 0.5, 0.8, 0.1),
            place(0.1, 0.1, 0.5, 0.52, 0.9, 0.1),  # covers the first
            place(0.1, 0.1, 0.5, 0.5, 0.2, 0.7),  # the same place, another label
            place(-0.5, 0.6, 0.2, 1.5, 0.1, 0.6),  # leaves the picture
            place(0.7, 0.7, 0.7, 0.9, 0.99, 0.0),  # no area
            place(0.6, 0.6, 0.8, 0.8, 0.49, 0.0),  # too unsure
        ]],
        dtype=np.float32,
    )  # fmt: skip
    answer = both("boxes", BOXES, LABELS, output, (200, 100))
    assert answer.value == {
        "boxes": [
            {"label": "car", "bbox": [20.0, 10.0, 80.0, 42.0]},
            {"label": "bus", "bbox": [20.0, 10.0, 80.0, 40.0]},
            {"label": "bus", "bbox": [0.0, 60.0, 40.0, 40.0]},
        ]
    }
    assert answer.confidence == pytest.approx((0.9 + 0.7 + 0.6) / 3)
    none = both("boxes", {**BOXES, "score_threshold": 1.0}, LABELS, output[:, :3], (200, 100))
    assert none.value == {"boxes": []}
    assert none.confidence == pytest.approx(0.1)
    assert both("boxes", BOXES, LABELS, output[:, :0], (9, 9)).value == {"boxes": []}
    assert len(hub.found_boxes(BOXES, output, (200, 100), score_threshold=0.0)) == 3


@pytest.mark.parametrize("seed", range(5))
def test_hub_and_edge_answer_alike_on_anything(seed):
    random = np.random.default_rng(seed)
    corners = np.sort(random.uniform(-0.1, 1.1, (400, 2, 2)), axis=1).reshape(400, 4)
    output = np.concatenate([corners, random.random((400, 2))], axis=1)[np.newaxis].astype(np.float32)
    both("boxes", {**BOXES, "max_boxes": 300}, LABELS, output, (640, 479))
    both("ctc_text", {"alphabet": list("abcd")}, [], random.random((1, 20, 5)).astype(np.float32))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("pickle", {}),
        (None, {}),
        ("softmax_labels", {"alphabet": ["a"]}),
        ("ctc_text", {}),
        ("ctc_text", {"alphabet": []}),
        ("ctc_text", {"alphabet": ["a", "a"]}),
        ("ctc_text", {"alphabet": ["ab"]}),
        ("ctc_text", {"alphabet": "ab"}),
        ("boxes", {**BOXES, "max_boxes": 10**9}),
        ("boxes", {**BOXES, "iou_threshold": float("nan")}),
        ("boxes", {**BOXES, "score_threshold": "0.5"}),
        ("boxes", BOXES | {"code": "x"}),
        ("boxes", None),
    ],
)
def test_what_is_not_known_is_refused_by_both(kind, options):
    with pytest.raises(outputs.UnknownOutput):
        outputs.check(kind, options)
    with pytest.raises(hub.UnknownOutput):
        hub.check(kind, options)


def test_an_output_of_another_shape_is_not_taken():
    assert not outputs.fits("ctc_text", 0, {"alphabet": ["a"]}, (1, 5, 3))
    assert not outputs.fits("boxes", 2, BOXES, (1, 5, 5))
    assert not outputs.fits("boxes", 2, BOXES, (2, 5, 6))
    assert not outputs.fits("softmax_labels", 2, {}, (1, 3))
