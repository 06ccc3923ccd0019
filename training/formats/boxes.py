"""Boxes: cutting them at the edge of the image, and the upright box around what is no upright box.

A box is `[x, y, width, height]` from the top left; `relative` ones count in shares of the image's sides.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from training.formats.base import Notes, Value, Wrong

Size = tuple[int, int]
DIGITS = 4
"""Formats that do not keep a box as it is keep it to the ten-thousandth of a pixel: so reading and writing again changes nothing."""
SLACK = 1e-6
"""A box that leaves the image by less than this share of a pixel was only rounded."""


def fitted(value: Value | None, size: Size, notes: Notes, *, relative: bool = False) -> tuple[Value | None, list[Wrong]]:
    """Answer `value` with its boxes in pixels and inside of an image of `size` (width, height), and which boxes were left out.

    A box partly outside is cut and counted as `clipped`; one wholly outside, or without size, is left out. Where none of several
    boxes is left the value says nothing (None, or what else it says): an image whose boxes are wrong is not empty. Doing it again
    changes nothing; a value whose boxes all fit is answered as it is.
    """
    boxes = value.get("boxes") if value else None
    if not value or not boxes:
        return value, []
    kept, wrongs = [], []
    for box in boxes:
        try:
            bbox = inside(in_pixels(box["bbox"], size) if relative else box["bbox"], size, notes)
        except Wrong as wrong:
            wrongs.append(wrong)
        else:
            kept.append(box if bbox is box["bbox"] else {**box, "bbox": bbox})
    return with_boxes(value, kept) if kept or not wrongs else without_boxes(value), wrongs


def with_boxes(value: Value, boxes: list[dict[str, Any]]) -> Value:
    """Answer the value with these boxes; the order of its keys stays."""
    return {**value, "boxes": boxes}


def without_boxes(value: Value) -> Value | None:
    """Answer what a value says beside its boxes; None where that is nothing."""
    return {key: part for key, part in value.items() if key != "boxes"} or None


def inside(bbox: Sequence[float], size: Size, notes: Notes) -> list[float]:
    """Answer a box cut to an image; the same one where it lies inside. Raises Wrong."""
    x, y, width, height = bbox
    if not (width > 0 and height > 0):
        raise Wrong("box_zero_size", f"{told(bbox)} has no width or no height.")
    right, bottom = size
    if x >= 0 and y >= 0 and x + width <= right and y + height <= bottom:
        return bbox if isinstance(bbox, list) else list(bbox)
    over = max(-x, -y, x + width - right, y + height - bottom)
    x2, y2 = min(x + width, right), min(y + height, bottom)
    x, y = max(x, 0), max(y, 0)
    if x2 <= x or y2 <= y:
        raise Wrong("box_outside_image", f"{told(bbox)} lies outside of {right} × {bottom} pixels.")
    if over > SLACK:
        notes["clipped"] += 1
    return [x, y, _length(x, x2), _length(y, y2)]


def _length(start: float, end: float) -> float:
    """Answer end − start such that start + length never passes the end, which floats would do by their last bit."""
    length = end - start
    while start + length > end:
        length = math.nextafter(length, 0)
    return length


def in_pixels(bbox: Sequence[float], size: Size) -> list[float]:
    """Answer a relative box in pixels, to the ten-thousandth."""
    x, y, width, height = bbox
    return upright(x * size[0], y * size[1], (x + width) * size[0], (y + height) * size[1])


def upright(x1: float, y1: float, x2: float, y2: float) -> list[float]:
    """Answer the box of two corners, to the ten-thousandth; whole numbers stay whole."""
    x, y = rounded(x1), rounded(y1)
    return [x, y, rounded(rounded(x2) - x), rounded(rounded(y2) - y)]


def corners(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    """Answer left, top, right and bottom of a box, to the ten-thousandth."""
    x, y, width, height = bbox
    return rounded(x), rounded(y), rounded(x + width), rounded(y + height)


def rounded(number: float) -> float:
    """Answer a number to the ten-thousandth, a whole one as int."""
    if isinstance(number, int):
        return number
    near = round(number, DIGITS)
    return int(near) if near.is_integer() else near


def spelled(number: float) -> str:
    """Spell a number to the ten-thousandth, without zeros at its end."""
    return str(rounded(number)) if abs(number) >= 0.001 or not number else f"{number:.{DIGITS}f}".rstrip("0").rstrip(".")


def around(points: Iterable[Sequence[float]]) -> tuple[float, float, float, float]:
    """Answer left, top, right and bottom of points (x, y); raises ValueError where there are none."""
    xs, ys = zip(*((point[0], point[1]) for point in points), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def turned(
    bbox: Sequence[float], degrees: float, about: tuple[float, float] | None = None
) -> tuple[float, float, float, float]:
    """Answer left, top, right and bottom of a box turned clockwise about a point (its middle where none is given)."""
    x, y, width, height = bbox
    middle_x, middle_y = about or (x + width / 2, y + height / 2)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return around(
        (
            middle_x + (left - middle_x) * cosine - (top - middle_y) * sine,
            middle_y + (left - middle_x) * sine + (top - middle_y) * cosine,
        )
        for left, top in ((x, y), (x + width, y), (x, y + height), (x + width, y + height))
    )


def told(bbox: Sequence[float]) -> str:
    """Spell a box for people."""
    return "[" + ", ".join(spelled(number) for number in bbox) + "]"
