"""Taking out of an image what says where it was taken and whose camera took it, without touching a pixel.

What the hub itself brings in (a folder, a collection, an archive, an import) it strips itself; a city strips its own. Licence and author of what is
collected stand in the image's row. Knows bytes, not the database.
"""

import io
import struct

JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
PRIVATE_SEGMENTS = frozenset({0xE1, 0xED, 0xFE})
"""APP1 (EXIF, XMP), APP13 (IPTC), comments."""
PRIVATE_CHUNKS = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
PRIVATE_RIFF = frozenset({b"EXIF", b"XMP "})
SCAN = 0xDA
ORIENTATION = 0x0112
VP8X_EXIF_AND_XMP = 0x0C


def stripped(content: bytes) -> bytes:
    """Answer the image without private data, and the way up it was; what is no JPEG, PNG or WebP, or damaged, as it is."""
    try:
        if content.startswith(JPEG):
            return _jpeg(content)
        if content.startswith(PNG):
            return _png(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
    except (struct.error, IndexError, ValueError):
        pass  # whoever decodes it will say what is wrong with it
    return content


def _jpeg(content: bytes) -> bytes:
    kept, at, private = [JPEG], 2, False
    while content[at] == 0xFF and content[at + 1] != SCAN:
        marker = content[at + 1]
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker in PRIVATE_SEGMENTS:
            private = True
        else:
            kept.append(content[at : at + 2 + length])
        at += 2 + length
    if not private:
        return content
    return b"".join([kept[0], _way_up(content), *kept[1:], content[at:]])


def _way_up(content: bytes) -> bytes:
    """Answer a segment that says nothing but the orientation, where the image is not upright as it lies."""
    from PIL import Image  # whoever only shows pages reads no image

    with Image.open(io.BytesIO(content)) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
    if orientation not in range(2, 9):
        return b""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    body = exif.tobytes()
    body = body if body.startswith(b"Exif\0\0") else b"Exif\0\0" + body
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _png(content: bytes) -> bytes:
    kept, at = [PNG], len(PNG)
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunk = content[at : at + 12 + length]
        if chunk[4:8] not in PRIVATE_CHUNKS:
            kept.append(chunk)
        at += 12 + length
    return b"".join(kept)


def _webp(content: bytes) -> bytes:
    kept, at = [], 12
    while at + 8 <= len(content):
        (length,) = struct.unpack_from("<I", content, at + 4)
        chunk = bytearray(content[at : at + 8 + length + length % 2])
        if chunk[:4] == b"VP8X":
            chunk[8] &= ~VP8X_EXIF_AND_XMP
        if bytes(chunk[:4]) not in PRIVATE_RIFF:
            kept.append(bytes(chunk))
        at += 8 + length + length % 2
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
