"""What trainers stand on: preprocessing that hub and edge share in arithmetic, scores, and hyperparameters."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from cc_edge import preprocessing as of_the_edge
from training import preprocessing as of_the_hub
from training.fingerprint import Fingerprint, split_of
from training.hearing import Ear, Pace
from training.scoring import score

RANDOM = np.random.default_rng(7)


def image(mode="RGB", size=(37, 23), orientation=None):
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    pixels = RANDOM.integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    picture = Image.fromarray(pixels.squeeze() if channels == 1 else pixels)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    out = io.BytesIO()
    picture.save(out, "PNG", exif=exif)
    return out.getvalue()


def steps(mode="L", filter_name="box", order="flat", size=(8, 8)):
    return [
        {"step": "decode", "mode": mode},
        {"step": "resize", "width": size[0], "height": size[1], "filter": filter_name},
        {"step": "scale", "multiply": 1 / 255, "add": -0.5},
        {"step": "layout", "order": order},
    ]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("filter_name", ["box", "bilinear"])
@pytest.mark.parametrize("order", ["flat", "nchw"])
@pytest.mark.parametrize("picture", [image(), image("L"), image("RGBA"), image(orientation=6), image(size=(5, 90))])
def test_hub_and_edge_see_the_same_numbers(mode, filter_name, order, picture):
    chosen = steps(mode, filter_name, order, (9, 7))
    ours, theirs = of_the_hub.apply(chosen, picture), of_the_edge.apply(chosen, picture)
    assert ours.dtype == theirs.dtype == np.float32
    assert list(ours.shape) == list(theirs.shape) == of_the_hub.input_shape(chosen)
    assert np.array_equal(ours, theirs)


def test_scores_are_those_of_scikit_learn():
    right, answered = RANDOM.integers(0, 7, 500), RANDOM.integers(0, 8, 500)
    ours = score(right, answered, [str(n) for n in range(10)])
    precision, recall, f1, _ = precision_recall_fscore_support(right, answered, average="macro", zero_division=0)
    assert ours["accuracy"] == pytest.approx(accuracy_score(right, answered))
    assert (ours["precision"], ours["recall"], ours["f1"]) == pytest.approx((precision, recall, f1))
    assert np.sum(ours["confusion"]["rows"]) == 500


def test_a_label_the_network_does_not_know_is_answered_wrongly():
    ours = score(np.array([0, 1, -1, -1]), np.array([0, 1, 1, 0]), ["a", "b"])
    assert (ours["accuracy"], ours["unknown_labels"]) == (0.5, 2)


def test_the_split_of_a_group_is_fixed():
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    splits = [split_of(7, f"g{number}", shares) for number in range(10_000)]
    assert [round(splits.count(name) / 10_000, 2) for name in ("train", "validation", "test")] == [0.8, 0.1, 0.1]
    assert splits[:6] == [split_of(7, f"g{number}", shares) for number in range(6)]
    assert {split_of(3, f"g{number}", {"train": 1.0, "validation": 0.0, "test": 0.0}) for number in range(100)} == {"train"}


def test_a_fingerprint_does_not_know_the_order():
    lines = [f"s-{number} a b train" for number in range(1_000)]
    one, other = Fingerprint(), Fingerprint()
    for line in lines:
        one.add(line)
    for line in reversed(lines):
        other.add(line)
    assert one.value() == other.value()
    other.add("s-1 a b train")
    assert one.value() != other.value()


def test_what_is_left_is_measured_on_epochs_and_not_on_what_came_before_them():
    clock = iter([100.0, 100.1, 104.0, 106.0, 106.1])
    pace = Pace(lambda: next(clock))
    assert pace.left(0, 10) is None
    assert [pace.left(epoch, 10) for epoch in (41, 3)] == [None, None]
    assert pace.left(4, 10) == pytest.approx(0.6)
    assert pace.left(5, 10) == pytest.approx(10.0)
    assert pace.left(6, 10) == pytest.approx(8.0)
    assert pace.left(10, 10) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b'{"event": "metric", "name": "x", "step": 1, "value": true}',
        b'{"event": "metric", "name": 5, "step": 1, "value": 1}',
        b'{"event": "metric", "name": "x", "step": 1, "value": 1' + b"0" * 400 + b"}",
        b'{"event": ["metric"]}',
        b'{"event": "log", "text": {"a": 1}}',
        b'{"event": "progress", "percent": "all"}',
        b'{"event": "done", "metrics": [1]}',
        b'{"event": "log", "text": "\\ud800"}',
        b'{"event": "log", "text": "\\u0000"}',
        b"[" * 50_000,
    ],
)
def test_nothing_a_program_says_raises(raw):
    ear = Ear()
    ear.hear("out", raw)
    heard = ear.take()
    assert not heard.points
    assert all("\x00" not in line.text and line.text.encode() for line in heard.lines)
