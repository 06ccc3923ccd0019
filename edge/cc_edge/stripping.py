"""Take from an image everything that is not the picture: EXIF, GPS, owner, comments, thumbnails, what hangs behind it.

JPEG, PNG and WebP lose segments and keep every pixel byte as it was; only an image that EXIF turns is turned and encoded
anew. Other kinds are written as PNG. Only what is known to be harmless is kept, so that an unknown segment goes too.
"""

import io
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from cc_edge.errors import Unfit

ORIENTATION = 0x0112
UPRIGHT = 1
JPEG_QUALITY = 95
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs",
}  # fmt: skip
WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"}
WEBP_EXIF_AND_XMP = 0b0000_1100

_SOI, _EOI, _SOS, _APP0, _APP2, _APP14, _APP15, _COMMENT = 0xD8, 0xD9, 0xDA, 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """An image without metadata."""

    content: bytes
    media_type: str


def strip(content: bytes) -> Picture:
    """Answer the image without its metadata, upright; raises Unfit where it is no whole image. Same in, same out."""
    kind, orientation = _look_at(content)
    if kind in _WITHOUT_LOSS and orientation == UPRIGHT:
        stripper, media_type = _WITHOUT_LOSS[kind]
        try:
            return Picture(stripper(content), media_type)
        except (IndexError, ValueError, struct.error) as error:
            raise Unfit("This image is cut off or damaged.") from error
    return _encoded_anew(content, kind)


def _look_at(content: bytes) -> tuple[str, int]:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
            orientation = image.getexif().get(ORIENTATION, UPRIGHT)
            return image.format or "", orientation if orientation in range(2, 9) else UPRIGHT
    except Image.DecompressionBombError as error:
        raise Unfit("This image has more pixels than anyone takes.") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, struct.error) as error:
        raise Unfit("This file is not an image.") from error


def _encoded_anew(content: bytes, kind: str) -> Picture:
    out = io.BytesIO()
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as opened:
            upright = ImageOps.exif_transpose(opened)
            profile = opened.info.get("icc_profile")
            if kind == "JPEG":
                upright.save(out, "JPEG", quality=JPEG_QUALITY, icc_profile=profile, exif=b"", comment=b"")
                return Picture(out.getvalue(), "image/jpeg")
            plain = upright if upright.mode in {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"} else upright.convert("RGB")
            plain.save(out, "PNG", icc_profile=profile, exif=b"")
    except (OSError, ValueError, SyntaxError, TypeError, struct.error) as error:
        raise Unfit("This image is cut off or damaged.") from error
    return Picture(_strip_png(out.getvalue()), "image/png")


def _strip_jpeg(content: bytes) -> bytes:
    kept = [content[:2]]
    for marker, segment in _jpeg_segments(content):
        if _is_picture(marker, segment):
            kept.append(segment)
    return b"".join(kept)


def _is_picture(marker: int, segment: bytes) -> bool:
    if marker == _APP2:
        return segment[4:16] == b"ICC_PROFILE\x00"
    return not (_APP0 < marker <= _APP15 or marker == _COMMENT) or marker == _APP14


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the segments after SOI; what a scan holds belongs to its SOS. Ends with EOI, what follows it is no picture."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError
        while content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if marker == _EOI:
            yield marker, content[at : at + 2]
            return
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        if marker == _SOS:
            found = _NEXT_MARKER.search(content, end)
            if found is None:
                raise ValueError
            end = found.start(1) - 1
        if end > len(content):
            raise ValueError
        yield marker, content[at:end]
        at = end


def _strip_png(content: bytes) -> bytes:
    kept, at = [PNG_MAGIC], len(PNG_MAGIC)
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise ValueError
        if kind in PNG_KEPT:
            kept.append(content[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end


def _strip_webp(content: bytes) -> bytes:
    body, at = [], 12
    whole = 8 + struct.unpack_from("<I", content, 4)[0]
    if whole > len(content):
        raise ValueError
    while at + 8 <= whole:
        kind, length = struct.unpack_from("<4sI", content, at)
        end = at + 8 + length + length % 2
        if end > whole:
            raise ValueError
        if kind == b"VP8X":
            flags = content[at + 8] & ~WEBP_EXIF_AND_XMP
            body.append(content[at : at + 8] + bytes([flags]) + content[at + 9 : end])
        elif kind in WEBP_KEPT:
            body.append(content[at:end])
        at = end
    joined = b"".join(body)
    return b"RIFF" + struct.pack("<I", len(joined) + 4) + b"WEBP" + joined


_WITHOUT_LOSS = {
    "JPEG": (_strip_jpeg, "image/jpeg"),
    "PNG": (_strip_png, "image/png"),
    "WEBP": (_strip_webp, "image/webp"),
}
