"""From an image file to a model's input: the closed list of steps that a bundle may ask for, with exact arithmetic.

The hub's trainers have the same list, written apart; a test compares the two. What is not on the list is refused.
"""

import io
import struct
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from cc_edge.errors import Unfit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

Step = Mapping[str, Any]

ORDER = ["decode", "resize", "scale", "layout"]
KEYS = {
    "decode": {"step", "mode"},
    "resize": {"step", "width", "height", "filter"},
    "scale": {"step", "multiply", "add"},
    "layout": {"step", "order"},
}
FILTERS = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR}
MODES = {"L": 1, "RGB": 3}
LAYOUTS = {"flat", "nchw"}
MOST_SIDE = 4096


class UnknownStep(Unfit):
    """The bundle asks for a step that this agent does not know, so it may not guess."""


def check(steps: Any) -> None:
    """Raise UnknownStep unless `steps` is decode, resize, scale, layout with values within bounds."""
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        raise UnknownStep("The preprocessing must be a list of steps.")
    if [step.get("step") for step in steps] != ORDER:
        raise UnknownStep(f"The preprocessing must be {', '.join(ORDER)}, in this order.")
    for step in steps:
        if set(step) != KEYS[step["step"]]:
            raise UnknownStep(f"The step {step['step']} must say exactly {', '.join(sorted(KEYS[step['step']]))}.")
    decode, resize, scale, layout = steps
    known = (
        decode["mode"] in MODES
        and resize["filter"] in FILTERS
        and layout["order"] in LAYOUTS
        and all(_is_side(resize[side]) for side in ("width", "height"))
        and all(_is_number(scale[factor]) for factor in ("multiply", "add"))
    )
    if not known:
        raise UnknownStep("The preprocessing has a value that this agent does not know.")


def input_shape(steps: Sequence[Step]) -> list[int]:
    """Answer the shape of what `apply` gives, with the leading 1 of a batch of one."""
    decode, resize, _scale, layout = steps
    channels, height, width = MODES[decode["mode"]], resize["height"], resize["width"]
    return [1, channels * height * width] if layout["order"] == "flat" else [1, channels, height, width]


def apply(steps: Sequence[Step], image_bytes: bytes) -> "Array":
    """Answer the float32 input for one image; raises UnknownStep, or Unfit for what is no whole image."""
    import numpy as np

    check(steps)
    decode, resize, scale, layout = steps
    image = _upright(image_bytes, decode["mode"])
    image = image.resize((resize["width"], resize["height"]), FILTERS[resize["filter"]])
    pixels = np.asarray(image, dtype=np.float32) * np.float32(scale["multiply"]) + np.float32(scale["add"])
    if layout["order"] == "flat":
        return np.ascontiguousarray(pixels.reshape(1, -1), dtype=np.float32)
    planes = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    return np.ascontiguousarray(planes[np.newaxis], dtype=np.float32)


def _upright(image_bytes: bytes, mode: str) -> Image.Image:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(image_bytes)) as opened:
            return ImageOps.exif_transpose(opened).convert(mode)
    except Image.DecompressionBombError as error:
        raise Unfit("The image has more pixels than this agent takes.") from error
    except (OSError, ValueError, SyntaxError, TypeError, struct.error) as error:
        raise Unfit("The file is not a whole image.") from error


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SIDE


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
