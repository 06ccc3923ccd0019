"""Looking at an uploaded image whole: its hash, its decoding, what it must not carry, its size, thumbnail and quality.

Knows Pillow, not the database. What lies, bombs or does not end is a Defect with its reason, never an error.
"""

import hashlib
import io
from dataclasses import dataclass
from typing import IO

from PIL import Image, ImageFilter, ImageOps, ImageStat

from core.storage import chunks_of
from learning.defects import Defect

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
MEDIA_TYPES = {**{name: media_type for media_type, name in FORMATS.items()}, "MPO": "image/jpeg"}
"""By Pillow's word; an MPO is a JPEG file with more than one picture in it."""
THUMBNAIL_SIDE = 320
THUMBNAIL_TYPE = "image/jpeg"
TURNED = frozenset({5, 6, 7, 8})
"""The EXIF orientations whose upright image has width and height exchanged."""

ORIENTATION, EXIF_IFD, GPS_IFD = 0x0112, 0x8769, 0x8825
OWNER_TAGS = frozenset({0x013B, 0x8298, 0x9C9D})
"""Artist, Copyright, XPAuthor."""
OWNER_EXIF_TAGS = frozenset({0xA430, 0xA431, 0xA435})
"""CameraOwnerName, BodySerialNumber, LensSerialNumber."""
XMP_GPS, XMP_OWNER = b"GPSLatitude", (b"OwnerName", b"SerialNumber", b"dc:creator")

SHARP, SMALL = 300.0, 64


@dataclass(frozen=True)
class Limits:
    """The largest image: bytes and pixels."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True)
class Inspected:
    """What an image turned out to be; width and height are those of the upright image, quality is from 0 to 1."""

    sha256: str
    size: int
    media_type: str
    width: int
    height: int
    quality: float
    thumbnail: bytes


def inspect(stream: IO[bytes], *, sha256: str, media_type: str, limits: Limits) -> Inspected:
    """Read, hash and decode a stream; raises Defect. An empty `sha256` or `media_type` is found out and not compared."""
    content = _read(stream, limits.max_bytes)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256:
        raise Defect("wrong_checksum", "The stored bytes do not have the sha256 that was announced.")
    try:
        with Image.open(io.BytesIO(content), formats=list(MEDIA_TYPES)) as image:
            return _look_at(image, content, digest, media_type, limits)
    except Defect:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise Defect("too_many_pixels", f"An image may have {limits.max_pixels:,} pixels at most.") from bomb
    except Exception as error:  # on a hostile file a decoder may raise anything
        raise Defect("not_an_image", "The file cannot be decoded as an image.") from error


def _read(stream: IO[bytes], most: int) -> bytes:
    content = bytearray()
    for piece in chunks_of(stream):
        content += piece
        if len(content) > most:
            raise Defect("oversize", f"A file may have {most:,} bytes at most.")
    return bytes(content)


def _look_at(image: Image.Image, content: bytes, digest: str, media_type: str, limits: Limits) -> Inspected:
    if image.width * image.height > limits.max_pixels:
        raise Defect("too_many_pixels", f"An image may have {limits.max_pixels:,} pixels at most.")
    found = MEDIA_TYPES[image.format or ""]
    if media_type and found != media_type:
        raise Defect("media_type_wrong", f"The file was announced as {media_type} and is {found}.")
    if getattr(image, "n_frames", 1) != 1:
        raise Defect("several_frames", "An image has one frame; this one has several.")
    image.load()
    refuse_private_data(image)
    turned = image.getexif().get(ORIENTATION) in TURNED
    width, height = (image.height, image.width) if turned else (image.width, image.height)
    upright = ImageOps.exif_transpose(image)
    grey = upright.convert("L")
    return Inspected(digest, len(content), found, width, height, quality_of(grey), _thumbnail(upright))


def refuse_private_data(image: Image.Image) -> None:
    """Raise Defect where the image says where it was taken, or whose camera took it; stripping is the client's part."""
    exif = image.getexif()
    inner, gps = exif.get_ifd(EXIF_IFD), exif.get_ifd(GPS_IFD)
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode(errors="replace") if isinstance(xmp, str) else xmp
    if gps or GPS_IFD in exif or XMP_GPS in xmp:
        raise Defect("exif_gps", "The image carries its place (GPS); strip it before sending.")
    owned = OWNER_TAGS.intersection(exif) or OWNER_EXIF_TAGS.intersection(inner)
    if owned or any(mark in xmp for mark in XMP_OWNER):
        raise Defect("exif_owner", "The image carries its owner or a serial number; strip it before sending.")


def quality_of(grey: Image.Image) -> float:
    """Score a grey image from 0 to 1: the product of sharpness, exposure and size, each from 0 to 1.

    Sharpness is the variance of the Laplacian v as v / (v + 300); exposure falls off linearly from a mean of mid-grey to
    all black or all white, at half weight; size is the shorter side over 64 pixels, at most 1.
    """
    small = grey.copy()
    small.thumbnail((512, 512))
    edges = small.filter(ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128))
    variance = ImageStat.Stat(edges).var[0]
    mean = ImageStat.Stat(small).mean[0]
    exposure = 1 - abs(mean - 127.5) / 255
    size = min(1.0, min(grey.size) / SMALL)
    return round(variance / (variance + SHARP) * exposure * size, 4)


def _thumbnail(upright: Image.Image) -> bytes:
    small = upright.copy() if upright.mode in {"L", "RGB"} else _flattened(upright)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


def _flattened(image: Image.Image) -> Image.Image:
    """Lay a transparent image on white, and bring any other mode to RGB."""
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        above = image.convert("RGBA")
        ground = Image.new("RGBA", above.size, "white")
        return Image.alpha_composite(ground, above).convert("RGB")
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        return ImageOps.autocontrast(image.convert("F").convert("L"))
    return image.convert("RGB")
