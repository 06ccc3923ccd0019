"""From a file to a model's input: the closed lists of steps that a bundle may ask for, with exact arithmetic.

The hub's trainers have the same list, written apart; a test compares the two. What is not on the list is refused.
"""

import io
import struct
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from cc_edge.errors import Unfit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

Step = Mapping[str, Any]

PICTURE = ["decode", "resize", "scale", "layout"]
FEATURES = ["features", "frames", "scale", "layout"]
KEYS = {
    "decode": {"step", "mode"},
    "resize": {"step", "width", "height", "filter"},
    "features": {"step", "dims"},
    "frames": {"step", "count"},
    "scale": {"step", "multiply", "add"},
    "layout": {"step", "order"},
}
FILTERS = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR}
MODES = {"L": 1, "RGB": 3}
LAYOUTS = {"decode": {"flat", "nchw"}, "features": {"flat", "series"}}
MOST_SIDE = 4096
MOST_ARRAY = 64 << 20


class UnknownStep(Unfit):
    """The bundle asks for a step that this agent does not know, so it may not guess."""


def check(steps: Any) -> None:
    """Raise UnknownStep unless `steps` are those of a picture or of features, in order, with values within bounds."""
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        raise UnknownStep("The preprocessing must be a list of steps.")
    if [step.get("step") for step in steps] not in (PICTURE, FEATURES):
        raise UnknownStep(f"The preprocessing must be {', '.join(PICTURE)}, or {', '.join(FEATURES)}, in this order.")
    for step in steps:
        if set(step) != KEYS[step["step"]]:
            raise UnknownStep(f"The step {step['step']} must say exactly {', '.join(sorted(KEYS[step['step']]))}.")
    first, second, scale, layout = steps
    if first["step"] == "decode":
        sides = [second["width"], second["height"]]
        is_known = first["mode"] in MODES and second["filter"] in FILTERS
    else:
        sides, is_known = [first["dims"], second["count"]], True
    is_known = is_known and layout["order"] in LAYOUTS[first["step"]] and all(map(_is_side, sides))
    if not is_known or not _is_number(scale["multiply"]) or not _is_number(scale["add"]):
        raise UnknownStep("The preprocessing has a value that this agent does not know.")


def input_shape(steps: Sequence[Step]) -> list[int]:
    """Answer the shape of what `apply` gives, with the leading 1 of a batch of one."""
    first, second, _scale, layout = steps
    if first["step"] == "features":
        count, dims = second["count"], first["dims"]
        return [1, count * dims] if layout["order"] == "flat" else [1, count, dims]
    channels, height, width = MODES[first["mode"]], second["height"], second["width"]
    return [1, channels * height * width] if layout["order"] == "flat" else [1, channels, height, width]


def apply(steps: Sequence[Step], content: bytes) -> "Array":
    """Answer the float32 input for one file; raises UnknownStep, or Unfit for what is no whole image or no such features."""
    import numpy as np

    check(steps)
    first, second, scale, layout = steps
    if first["step"] == "features":
        values = _frames(_features(content, first["dims"]), second["count"])
    else:
        image = _upright(content, first["mode"])
        values = np.asarray(image.resize((second["width"], second["height"]), FILTERS[second["filter"]]), dtype=np.float32)
    values = values * np.float32(scale["multiply"]) + np.float32(scale["add"])
    if layout["order"] == "flat":
        return np.ascontiguousarray(values.reshape(1, -1), dtype=np.float32)
    if layout["order"] == "nchw":
        values = values.reshape(*values.shape[:2], -1).transpose(2, 0, 1)
    return np.ascontiguousarray(values[np.newaxis], dtype=np.float32)


def size_of(content: bytes) -> tuple[int, int]:
    """Answer width and height of a picture as people see it: upright; raises Unfit."""
    return _upright(content, "L").size


def _features(content: bytes, dims: int) -> "Array":
    """Read the one array of an NPZ file; nothing of it is unpickled."""
    import numpy as np

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) != 1 or members[0].file_size > MOST_ARRAY:
                raise Unfit("The file does not hold exactly one array, of 64 MiB at most.")
            array = np.lib.format.read_array(io.BytesIO(archive.read(members[0])), allow_pickle=False)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unfit("The file is no NPZ file of features, or it is damaged.") from error
    if array.ndim != 2 or array.dtype.kind != "f" or not len(array) or array.shape[1] != dims:
        raise Unfit(f"The file does not hold rows of {dims} floats.")
    return array.astype(np.float32)


def _frames(rows: "Array", count: int) -> "Array":
    import numpy as np

    return rows[np.arange(count) * len(rows) // count]


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
