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
