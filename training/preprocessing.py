"""From a file to a model's input: two closed lists of steps, each with exact arithmetic.

The agent on the edge has the same lists (cc_edge/preprocessing.py), written apart because it shares no code with the hub; a
test compares them. The list is part of every bundle's config.json; a step that is not listed here is refused.

Of a picture:
- decode {mode: "L"|"RGB"}: Pillow reads the file, turns it upright by its EXIF orientation, and converts it to 8-bit `mode`;
- resize {width, height, filter: "box"|"bilinear"}: Pillow's filter of that name on the 8-bit image;
- scale {multiply, add}: float32(pixel) * float32(multiply) + float32(add), in float32;
- layout {order: "flat"|"nchw"}: (1, height*width*channels) row by row, or (1, channels, height, width).

Of an NPZ file of features:
- features {dims}: its one two-dimensional array of floats, as float32, which must have `dims` numbers a row;
- frames {count}: `count` rows, of which row i is row floor(i * rows / count) of the file;
- scale: as above;
- layout {order: "flat"|"series"}: (1, count*dims) row by row, or (1, count, dims).
"""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    Array = npt.NDArray[np.float32]

Step = Mapping[str, Any]

PICTURE = ("decode", "resize", "scale", "layout")
FEATURES = ("features", "frames", "scale", "layout")
FILTERS = {"box": 4, "bilinear": 2}
"""How Pillow numbers them; a test compares."""
MODES = ("L", "RGB")
ORDERS = {PICTURE: ("flat", "nchw"), FEATURES: ("flat", "series")}
MAX_SIDE = 4096
MAX_ARRAY = 64 * 1024 * 1024


class UnknownStep(ValueError):
    """The list holds a step, or a parameter, that this program does not know."""


class UnfitFile(ValueError):
    """The file is not what these steps take, and this sentence says why."""


def apply(steps: Sequence[Step], content: bytes) -> "Array":
    """Answer the model's input for one file, with the leading 1 of a batch of one.

    Raises UnknownStep for a list we do not know, UnfitFile for features of another shape, and Pillow's errors (OSError,
    ValueError) for what is no image.
    """
    check(steps)
    first, second, scale, layout = steps
    if first["step"] == "features":
        return _lay_out(_scale(_frames(read_features(content, first["dims"]), second["count"]), scale), layout["order"])
    image = _decode(content, first["mode"]).resize((second["width"], second["height"]), FILTERS[second["filter"]])
    return _lay_out(_scale(image, scale), layout["order"])


def check(steps: Sequence[Step]) -> None:
    """Raise UnknownStep unless `steps` are one of the two lists, in its order, with values in bounds."""
    named = tuple(step.get("step") for step in steps)
    if named not in ORDERS:
        raise UnknownStep(f"The steps must be {', '.join(PICTURE)}, or {', '.join(FEATURES)}, in this order.")
    for step in steps:
        if not CHECKS[step["step"]](step):
            raise UnknownStep(f"The step {step['step']} has a parameter this program does not know.")
    if steps[-1].get("order") not in ORDERS[named]:
        raise UnknownStep("The step layout has a parameter this program does not know.")


def input_shape(steps: Sequence[Step]) -> list[int]:
    """Answer the shape that `apply` gives for these steps."""
    first, second, _scale_step, layout = steps
    if first["step"] == "features":
        count, dims = second["count"], first["dims"]
        return [1, count * dims] if layout["order"] == "flat" else [1, count, dims]
    channels, height, width = len(first["mode"]), second["height"], second["width"]
    return [1, channels * height * width] if layout["order"] == "flat" else [1, channels, height, width]


def size_of(content: bytes) -> tuple[int, int]:
    """Answer width and height of a picture as people see it: upright. Raises Pillow's errors."""
    from PIL import Image, ImageOps  # whoever only shows pages reads no image

    with Image.open(io.BytesIO(content)) as opened:
        return ImageOps.exif_transpose(opened).size


def read_features(content: bytes, dims: int) -> "Array":
    """Read an NPZ file without unpickling anything; raises UnfitFile."""
    import numpy as np

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            array: Array = np.lib.format.read_array(io.BytesIO(archive.read(_only_member(archive))), allow_pickle=False)
    except UnfitFile:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnfitFile("The file is no NPZ file of features, or it is damaged.") from error
    if array.ndim != 2 or array.dtype.kind != "f" or not len(array):
        raise UnfitFile("The file does not hold rows of floats.")
    if array.shape[1] != dims:
        raise UnfitFile(f"The file has {array.shape[1]} numbers a row; the model takes {dims}.")
    return array.astype(np.float32)


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1 or members[0].file_size > MAX_ARRAY:
        raise UnfitFile("The file does not hold exactly one array, of 64 MiB at most.")
    return members[0]


def _frames(rows: "Array", count: int) -> "Array":
    import numpy as np

    return rows[np.arange(count) * len(rows) // count]


def _decode(image_bytes: bytes, mode: str) -> "Image.Image":
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(image_bytes)) as opened:
        return ImageOps.exif_transpose(opened).convert(mode)


def _scale(values: Any, step: Step) -> "Array":
    import numpy as np

    return np.asarray(values, dtype=np.float32) * np.float32(step["multiply"]) + np.float32(step["add"])


def _lay_out(values: "Array", order: str) -> "Array":
    import numpy as np

    if order == "nchw":
        planes = values[..., np.newaxis] if values.ndim == 2 else values
        laid = planes.transpose(2, 0, 1)[np.newaxis]
    else:
        laid = values.reshape(1, -1) if order == "flat" else values[np.newaxis]
    return np.ascontiguousarray(laid, dtype=np.float32)


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIDE


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CHECKS: dict[str, Callable[[Step], bool]] = {
    "decode": lambda step: step.get("mode") in MODES,
    "resize": lambda step: _is_side(step.get("width")) and _is_side(step.get("height")) and step.get("filter") in FILTERS,
    "features": lambda step: _is_side(step.get("dims")),
    "frames": lambda step: _is_side(step.get("count")),
    "scale": lambda step: _is_number(step.get("multiply")) and _is_number(step.get("add")),
    "layout": lambda step: isinstance(step.get("order"), str),
}
