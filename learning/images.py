"""An uploaded image, read to its end: hashed here, and looked at in a decoder's process."""

import hashlib
from dataclasses import dataclass
from typing import IO

from core.storage import chunks_of
from learning import decoding
from learning.defects import Defect
from learning.fingerprints import Fingerprint

THUMBNAIL_TYPE = "image/jpeg"


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
    fingerprint: Fingerprint | None


def inspect(stream: IO[bytes], *, sha256: str, media_type: str, limits: Limits) -> Inspected:
    """Read, hash and decode a stream; raises Defect. An empty `sha256` or `media_type` is found out and not compared."""
    content = _read(stream, limits.max_bytes)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256:
        raise Defect("wrong_checksum", "The stored bytes do not have the sha256 that was announced.")
    found = decoding.look(content, media_type=media_type, max_pixels=limits.max_pixels)
    return Inspected(
        digest, len(content), found.media_type, found.width, found.height, found.quality, found.thumbnail, found.fingerprint
    )


def _read(stream: IO[bytes], most: int) -> bytes:
    content = bytearray()
    for piece in chunks_of(stream):
        content += piece
        if len(content) > most:
            raise Defect("oversize", f"A file may have {most:,} bytes at most.")
    return bytes(content)
