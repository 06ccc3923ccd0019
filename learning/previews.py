"""A picture of features, so that people see what they judge: the points of each row, the later the darker.

Knows numbers and Pillow, not the database.
"""

import io
import itertools
from typing import IO, Any

SIDE, EDGE = 320, 16
MOST_ROWS, MOST_POINTS = 64, 600
GROUND, FIRST, LAST = (255, 255, 255), (205, 216, 235), (31, 78, 160)
"""Colours of the ground, of the first row's points and of the last row's."""
TONES = 31
MEDIA_TYPE = "image/png"


def preview(stream: IO[bytes]) -> bytes:
    """Draw a checked NPZ of rows of numbers as a PNG: pairs of numbers are points x, y; an odd row is a line over its index."""
    import numpy as np

    with np.load(stream, allow_pickle=False) as archive:
        rows = np.asarray(archive[archive.files[0]], dtype="float64")
    picked = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int)]
    points = _points(picked, np)
    from PIL import Image, ImageDraw  # whoever only shows pages draws none

    image = Image.new("P", (SIDE, SIDE), 0)  # finding its colours afterwards would cost more than to draw it
    image.putpalette([part for colour in (GROUND, *(_tone(index, TONES) for index in range(TONES))) for part in colour])
    draw = ImageDraw.Draw(image)
    drawn = _scaled(points, np)
    if points.shape[1] == 1 and len(drawn) > 1:  # the way of a single point
        way = [row[0] for row in drawn if row]
        for index, (here, there) in enumerate(itertools.pairwise(way), start=1):
            draw.line((here, there), fill=_place(index, len(way)), width=5)
    half = 5 if points.size < 400 else 3
    for index, row in enumerate(drawn):
        for x, y in row:
            draw.ellipse((x - half, y - half, x + half, y + half), fill=_place(index, len(drawn)))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _points(rows: Any, np: Any) -> Any:
    """Answer rows × points × 2; a point at exactly (0, 0) is one that was not seen."""
    if rows.shape[1] % 2:
        along = np.broadcast_to(np.arange(rows.shape[1]), rows.shape)
        points = np.stack([along, -rows], axis=2)
    else:
        points = rows.reshape(len(rows), -1, 2)
        unseen = (points == 0).all(axis=2, keepdims=True)
        points = np.where(unseen & (points.shape[1] > 1), np.nan, points)
    return points[:, :: max(1, points.shape[1] // MOST_POINTS), :]


def _scaled(points: Any, np: Any) -> list[list[tuple[float, float]]]:
    """Fit the points into the picture, alike in both directions; what was not seen is left out."""
    flat = points.reshape(-1, 2)
    seen = flat[~np.isnan(flat).any(axis=1)]
    if not len(seen):
        return []
    low, span = seen.min(axis=0), max(float((seen.max(axis=0) - seen.min(axis=0)).max()), 1e-9)
    room = SIDE - 2 * EDGE
    middle = (room - (seen.max(axis=0) - low) / span * room) / 2
    fitted = (points - low) / span * room + EDGE + middle
    return [[(x, y) for x, y in row.tolist() if x == x] for row in fitted]  # noqa: PLR0124  (what is no number)


def _place(index: int, count: int) -> int:
    """Answer which of the palette's colours this one of so many rows has."""
    return 1 + (round(index / (count - 1) * (TONES - 1)) if count > 1 else TONES - 1)


def _tone(index: int, count: int) -> tuple[int, int, int]:
    share = index / max(1, count - 1) if count > 1 else 1.0
    red, green, blue = (round(first + (last - first) * share) for first, last in zip(FIRST, LAST, strict=True))
    return red, green, blue
