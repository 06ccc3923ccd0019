"""The shapes that COCO knows beside boxes, and the upright boxes around them."""

from typing import Any

from training.formats import regions
from training.formats.base import Wrong
from training.formats.boxes import around, upright
from training.formats.values import number_of, side_of


def four_numbers(bbox: Any) -> list[float]:
    """Answer a bbox of COCO; raises Wrong."""
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise Wrong("bad_shape", "bbox must be four numbers: x, y, width, height.")
    return [number_of(number) for number in bbox]


def around_polygons(polygons: Any) -> list[float]:
    """Answer the upright box around polygons, lists of x, y, x, y …; raises Wrong."""
    if not isinstance(polygons, list) or not all(isinstance(polygon, list) for polygon in polygons):
        raise Wrong("bad_shape", "segmentation must be a list of polygons, or a mask.")
    numbers = [[number_of(number) for number in polygon] for polygon in polygons if len(polygon) >= 4]
    if not numbers:
        raise Wrong("box_zero_size", "A polygon has no points.")
    return upright(*around(pair for line in numbers for pair in zip(line[::2], line[1::2], strict=False)))


def around_mask(mask: dict[str, Any]) -> list[float]:
    """Answer the upright box around a mask, whose runs go down column by column; raises Wrong."""
    counts, size = mask.get("counts"), mask.get("size")
    if not isinstance(size, list) or len(size) != 2 or not (height := side_of(size[0])):
        raise Wrong("bad_shape", "The size of a mask is its height and width.")
    runs = regions.decompressed(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or len(runs) > regions.MAX_RUNS:
        raise Wrong("bad_shape", "The counts of a mask are a list of runs.")
    left, top, right, bottom = regions.box_of(regions.painted(runs), height)
    return upright(left, top, right, bottom)
