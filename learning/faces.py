"""Finding faces with OpenCV's bundled detector, where the extra `media` is installed. Knows images, not the database."""

import importlib.util
import io
from functools import cache
from typing import Any

SIDE = 70
"""A face has this many pixels each way at least."""
LOOKED_AT = 1_600
"""An image is looked at no larger than this."""
NOT_LOOKED = "Decoded only: no face was looked for, because the extra media (OpenCV) is not installed."


def is_installed() -> bool:
    """Tell whether faces can be looked for."""
    return importlib.util.find_spec("cv2") is not None


def objection(content: bytes) -> str:
    """Say why a decodable image does not show exactly one face that is large enough, or ""; NOT_LOOKED without the extra."""
    if not is_installed():
        return NOT_LOOKED
    found = _count(content)
    if found == 1:
        return ""
    if not found:
        return f"No face of at least {SIDE} × {SIDE} pixels was found."
    return f"{found} faces were found; an image of a person shows one."


def _count(content: bytes) -> int:
    import numpy as np
    from PIL import Image, ImageOps  # whoever only shows pages reads no image

    with Image.open(io.BytesIO(content)) as image:
        grey = ImageOps.exif_transpose(image).convert("L")
    scale = min(1.0, LOOKED_AT / max(grey.size))
    if scale < 1:
        grey = grey.resize((max(1, round(grey.width * scale)), max(1, round(grey.height * scale))))
    side = max(24, round(SIDE * scale))
    faces = _detector().detectMultiScale(np.asarray(grey), scaleFactor=1.1, minNeighbors=5, minSize=(side, side))
    return len(faces)


@cache
def _detector() -> Any:
    import cv2

    folder = cv2.data.haarcascades  # type: ignore[attr-defined,unused-ignore]  # not in its stubs
    return cv2.CascadeClassifier(f"{folder}haarcascade_frontalface_default.xml")
