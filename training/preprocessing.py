"""From an image file to a model's input: a closed list of steps, each with exact arithmetic.

The agent on the edge has the same list (cc_edge/preprocessing.py), written apart because it shares no code with the hub; a
test compares them. The list is part of every bundle's config.json; a step that is not listed here is refused.

- decode {mode: "L"|"RGB"}: Pillow reads the file, turns it upright by its EXIF orientation, and converts it to 8-bit `mode`;
- resize {width, height, filter: "box"|"bilinear"}: Pillow's filter of that name on the 8-bit image;
- scale {multiply, add}: float32(pixel) * float32(multiply) + float32(add), in float32;
- layout {order: "flat"|"nchw"}: (1, height*width*channels) row by row, or (1, channels, height, width).
"""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

Step = Mapping[str, Any]

FILTERS = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR}
MODES = ("L", "RGB")
ORDERS = ("flat", "nchw")
MAX_SIDE = 4096


class UnknownStep(ValueError):
    """The list holds a step, or a parameter, that this program does not know."""


def apply(steps: Sequence[Step], image_bytes: bytes) -> "Array":
    """Answer the model's input for one image, with the leading 1 of a batch of one.

    Raises UnknownStep for a list we do not know, and Pillow's errors (OSError, ValueError) for what is no image.
    """
    check(steps)
    decode, resize, scale, layout = steps
    image = _decode(image_bytes, decode["mode"])
    image = image.resize((resize["width"], resize["height"]), FILTERS[resize["filter"]])
    return _lay_out(_scale(image, scale["multiply"], scale["add"]), layout["order"])


def check(steps: Sequence[Step]) -> None:
    """Raise UnknownStep unless `steps` are decode, resize, scale, layout, in this order, with values in bounds."""
    if [step.get("step") for step in steps] != list(CHECKS):
        raise UnknownStep(f"The steps must be {', '.join(CHECKS)}, in this order.")
    for step in steps:
        if not CHECKS[step["step"]](step):
            raise UnknownStep(f"The step {step['step']} has a parameter this program does not know.")


def input_shape(steps: Sequence[Step]) -> list[int]:
    """Answer the shape that `apply` gives for these steps."""
    decode, resize, _scale_step, layout = steps
    channels = len(decode["mode"])
    height, width = resize["height"], resize["width"]
    return [1, channels * height * width] if layout["order"] == "flat" else [1, channels, height, width]


def _decode(image_bytes: bytes, mode: str) -> Image.Image:
    with Image.open(io.BytesIO(image_bytes)) as opened:
        return ImageOps.exif_transpose(opened).convert(mode)


def _scale(image: Image.Image, multiply: float, add: float) -> "Array":
    import numpy as np

    return np.asarray(image, dtype=np.float32) * np.float32(multiply) + np.float32(add)


def _lay_out(pixels: "Array", order: str) -> "Array":
    import numpy as np

    planes = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    laid = planes.reshape(1, -1) if order == "flat" else planes.transpose(2, 0, 1)[np.newaxis]
    return np.ascontiguousarray(laid, dtype=np.float32)


def _is_side(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= MAX_SIDE


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CHECKS: dict[str, Callable[[Step], bool]] = {
    "decode": lambda step: step.get("mode") in MODES,
    "resize": lambda step: _is_side(step.get("width")) and _is_side(step.get("height")) and step.get("filter") in FILTERS,
    "scale": lambda step: _is_number(step.get("multiply")) and _is_number(step.get("add")),
    "layout": lambda step: step.get("order") in ORDERS,
}
