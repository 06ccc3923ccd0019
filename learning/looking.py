"""Looking at the bytes of an image: its decoding, what it must not carry, its size, thumbnail, quality and fingerprint.

Knows Pillow and nothing of Django: it runs in a decoder's process (learning/decoder.py), where what lies, bombs or does not
end costs that process and nothing else.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageFile, ImageFilter, ImageStat, IptcImagePlugin

from learning.defects import Defect
from learning.fingerprints import Fingerprint, fingerprint_of

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
WORKING_SIDE = 512
"""On what size sharpness is measured and the fingerprint taken, at most."""
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation: how the image is brought upright."""

ORIENTATION, EXIF_IFD, GPS_IFD = 0x0112, 0x8769, 0x8825
OWNER_TAGS = frozenset({0x013B, 0x8298, 0x9C9D})
"""Artist, Copyright, XPAuthor."""
OWNER_EXIF_TAGS = frozenset({0xA430, 0xA431, 0xA435})
"""CameraOwnerName, BodySerialNumber, LensSerialNumber."""
OWNER_IPTC_TAGS = frozenset({(2, 80), (2, 85), (2, 110), (2, 116), (2, 118), (2, 122)})
"""By-line and its title, credit, copyright, contact, writer."""
PLACE_IPTC_TAGS = frozenset({(2, 90), (2, 92), (2, 95), (2, 100), (2, 101)})
"""City, sublocation, state, country by code and by name."""
OWNER_TEXTS = frozenset({"author", "copyright", "artist"})
"""What PNG calls its texts, in lower case."""
XMP_GPS, XMP_OWNER = b"GPSLatitude", (b"OwnerName", b"SerialNumber", b"dc:creator")

SHARP, SMALL = 300.0, 64


@dataclass(frozen=True)
class Look:
    """What an image turned out to be; width and height are those of the upright image, quality is from 0 to 1."""

    media_type: str
    width: int
    height: int
    quality: float
    thumbnail: bytes
    fingerprint: Fingerprint | None


def look(content: bytes, *, media_type: str, max_pixels: int) -> Look:
    """Decode an image whole; raises Defect. An empty `media_type` is found out and not compared."""
    Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow then refuses before it decodes anything
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=list(MEDIA_TYPES)) as image:
                return _look_at(image, media_type, max_pixels)
    except Defect:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise Defect("too_many_pixels", f"An image may have {max_pixels:,} pixels at most.") from bomb
    except MemoryError as error:
        raise Defect("too_much_memory", "Decoding the image takes more memory than an image of its size may.") from error
    except Exception as error:  # on a hostile file a decoder may raise anything
        raise Defect("not_an_image", "The file cannot be decoded as an image.") from error


def _look_at(image: Image.Image, media_type: str, max_pixels: int) -> Look:
    if image.width * image.height > max_pixels:
        raise Defect("too_many_pixels", f"An image may have {max_pixels:,} pixels at most.")
    found = MEDIA_TYPES[image.format or ""]
    if media_type and found != media_type:
        raise Defect("media_type_wrong", f"The file was announced as {media_type} and is {found}.")
    if getattr(image, "is_animated", False):
        raise Defect("several_frames", "An image has one frame; this one has several.")
    image.load()
    refuse_private_data(image)
    orientation = image.getexif().get(ORIENTATION)
    shown = _plain(image)
    if orientation in UPRIGHT:
        shown = shown.transpose(UPRIGHT[orientation])
    width, height = shown.size
    working = shown.convert("L")
    smallest = min(working.size)
    working.thumbnail((WORKING_SIDE, WORKING_SIDE))
    fingerprint = fingerprint_of(working, width / height)
    return Look(found, width, height, quality_of(working, smallest), _thumbnail(shown), fingerprint)


def refuse_private_data(image: Image.Image) -> None:
    """Raise Defect where the image says where it was taken, or whose camera took it; stripping is the client's part."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of what it cannot read; what it may hold nobody knows then
            exif = _exif_of(image)
            inner, gps = exif.get_ifd(EXIF_IFD), exif.get_ifd(GPS_IFD)
            iptc = set(IptcImagePlugin.getiptcinfo(image) or ()) if isinstance(image, ImageFile.ImageFile) else set()
    except Exception as error:
        raise Defect("exif_unreadable", "The image's EXIF data cannot be read; strip them before sending.") from error
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    xmp = (xmp.encode(errors="replace") if isinstance(xmp, str) else xmp).replace(b"\0", b"")  # UTF-16 is allowed too
    if gps or GPS_IFD in exif or XMP_GPS in xmp or PLACE_IPTC_TAGS & iptc:
        raise Defect("exif_gps", "The image carries its place (GPS); strip it before sending.")
    owned = OWNER_TAGS.intersection(exif) or OWNER_EXIF_TAGS.intersection(inner) or OWNER_IPTC_TAGS & iptc
    texts = {str(name).lower() for name in getattr(image, "text", ())}
    if owned or OWNER_TEXTS & texts or any(mark in xmp for mark in XMP_OWNER):
        raise Defect("exif_owner", "The image carries its owner or a serial number; strip it before sending.")


def _exif_of(image: Image.Image) -> Image.Exif:
    """Read an image's EXIF data anew: opening it may have read them already, and swallowed what was wrong."""
    raw = image.info.get("exif")
    if not raw:
        return image.getexif()  # a TIFF's own tags, or what PNG keeps as a text
    exif = Image.Exif()
    exif.load(raw)
    return exif


def quality_of(grey: Image.Image, smallest: int) -> float:
    """Score a grey image from 0 to 1: the product of sharpness, exposure and size, each from 0 to 1.

    Sharpness is the variance of the Laplacian v as v / (v + 300), on 512 pixels at most; exposure falls off linearly from a
    mean of mid-grey to all black or all white, at half weight; size is the original's `smallest` side over 64, at most 1.
    """
    edges = grey.filter(ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128))
    variance = ImageStat.Stat(edges).var[0]
    mean = ImageStat.Stat(grey).mean[0]
    exposure = 1 - abs(mean - 127.5) / 255
    return round(variance / (variance + SHARP) * exposure * min(1.0, smallest / SMALL), 4)


def _thumbnail(shown: Image.Image) -> bytes:
    """Scale an image down in its place, and answer it as a JPEG file that carries nothing but pixels."""
    shown.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    shown.info.clear()
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """Bring any mode to grey or RGB of 8 bits, with what is transparent laid on white."""
    if image.mode in {"L", "RGB"} and "transparency" not in image.info:
        return image
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        above = image.convert("RGBA")
        ground = Image.new("RGBA", above.size, "white")
        return Image.alpha_composite(ground, above).convert("RGB")
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if image.mode in {"I", "F"}:
        return _spread(image)
    return image.convert("RGB")


def _spread(image: Image.Image) -> Image.Image:
    """Bring levels of an unknown scale to 8 bits: from the darkest to the lightest there is."""
    levels = image.convert("F")
    extrema = levels.getextrema()
    low, high = (float(str(edge)) for edge in extrema)
    if not high > low:
        return Image.new("L", image.size, 128)
    scale = 255 / (high - low)
    return levels.point(lambda level: level * scale + -low * scale).convert("L")
