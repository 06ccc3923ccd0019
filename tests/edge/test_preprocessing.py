"""The closed list of steps: exact, refused where unknown, and the same as the hub's trainers have it."""

import io

import numpy as np
import pytest
from PIL import Image

from cc_edge import preprocessing
from cc_edge.errors import Unfit
from cc_edge.preprocessing import UnknownStep
from training import preprocessing as hub

PIXELS = np.random.default_rng(11).integers(0, 255, (23, 31, 3), dtype=np.uint8)


def steps(mode="L", filter="box", order="flat", multiply=1 / 16, add=-0.25):  # noqa: A002
    return [
        {"step": "decode", "mode": mode},
        {"step": "resize", "width": 8, "height": 6, "filter": filter},
        {"step": "scale", "multiply": multiply, "add": add},
        {"step": "layout", "order": order},
    ]


def picture(kind="PNG", orientation=1) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, kind, exif=tags.tobytes())
    return out.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("filter", ["box", "bilinear"])
@pytest.mark.parametrize("order", ["flat", "nchw"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_edge_computes_bit_for_bit_what_the_hub_computes(mode, filter, order, orientation):  # noqa: A002
    wanted = steps(mode, filter, order)
    for kind in ("PNG", "JPEG"):
        ours = preprocessing.apply(wanted, picture(kind, orientation))
        theirs = hub.apply(wanted, picture(kind, orientation))
        assert ours.dtype == np.float32
        assert list(ours.shape) == preprocessing.input_shape(wanted) == hub.input_shape(wanted)
        assert ours.tobytes() == theirs.tobytes()


def test_scale_is_done_in_single_precision():
    given = preprocessing.apply(steps(multiply=1 / 3, add=0.1), picture())
    with Image.open(io.BytesIO(picture())) as opened:
        small = np.asarray(opened.convert("L").resize((8, 6), Image.Resampling.BOX), dtype=np.float32)
    np.testing.assert_array_equal(given[0], (small * np.float32(1 / 3) + np.float32(0.1)).reshape(-1))


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        steps()[:3],
        [*steps(), {"step": "sharpen"}],
        steps(mode="CMYK"),
        steps(filter="lanczos"),
        steps(order="nhwc"),
        steps(multiply="2"),
        [{"step": "features", "dims": 3}, *steps()[1:]],
        [{"step": "features", "dims": 0}, {"step": "frames", "count": 4}, *steps()[2:]],
        [{"step": "features", "dims": 3}, {"step": "frames", "count": 4}, steps()[2], {"step": "layout", "order": "nchw"}],
        [steps()[0], {"step": "resize", "width": 10**9, "height": 8, "filter": "box"}, *steps()[2:]],
    ],
)
def test_what_is_not_on_the_list_is_refused_by_both(bad):
    with pytest.raises(UnknownStep):
        preprocessing.check(bad)
    with pytest.raises((hub.UnknownStep, TypeError)):
        hub.check(bad)


def test_what_is_no_image_is_refused():
    with pytest.raises(Unfit):
        preprocessing.apply(steps(), b"no image")


def features(count=5, order="series", dims=3):
    return [
        {"step": "features", "dims": dims},
        {"step": "frames", "count": count},
        {"step": "scale", "multiply": 2.0, "add": -1.0},
        {"step": "layout", "order": order},
    ]


def npz(*arrays):
    out = io.BytesIO()
    np.savez_compressed(out, *arrays)
    return out.getvalue()


@pytest.mark.parametrize("order", ["flat", "series"])
@pytest.mark.parametrize("rows", [1, 4, 5, 12])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_features_are_read_alike(order, rows, dtype):
    series = np.random.default_rng(3).normal(size=(rows, 3)).astype(dtype)
    ours, theirs = preprocessing.apply(features(order=order), npz(series)), hub.apply(features(order=order), npz(series))
    assert ours.dtype == theirs.dtype == np.float32
    assert list(ours.shape) == preprocessing.input_shape(features(order=order)) == hub.input_shape(features(order=order))
    assert ours.tobytes() == theirs.tobytes()
    if rows == 5:
        np.testing.assert_array_equal(ours.reshape(5, 3), series.astype(np.float32) * np.float32(2) - np.float32(1))


PICKLED = npz(np.array([[{"a": 1}]], dtype=object))


@pytest.mark.parametrize(
    "content", [b"", b"PK no zip", npz(np.zeros((4, 2))), npz(np.zeros(4)), npz(np.zeros((4, 3)), np.zeros(2)), PICKLED]
)
def test_what_is_no_such_features_is_refused_by_both(content):
    with pytest.raises(Unfit):
        preprocessing.apply(features(), content)
    with pytest.raises(hub.UnfitFile):
        hub.apply(features(), content)
