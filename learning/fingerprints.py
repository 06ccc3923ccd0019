"""How an image looks, in bits that stay nearly the same when it is scaled, recompressed or lightened a little.

Both hashes are of the low frequencies (DCT-II) of the grey image on a square of 64 × 64: the coarse one of the lowest 8 × 8,
to be looked up by bands; the fine one of the lowest 16 × 16, to be sure. A bit tells whether a frequency is stronger than the
median. Of one photo in two sizes, lightened, or recompressed at quality 30, they differ in at most 2 and 6 bits; of real
number plates in 6 and 64 at least, and of drawn ones that differ in one character in 0 and 10.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

SIDE = 64
COARSE, FINE = 8, 16
LEAST_CONTRAST = 2.0
"""In grey levels: what varies less is a wall, a sky, or a lens cap, and like all of them."""
NEAR_COARSE, NEAR_FINE = 3, 8
"""In how many bits near-duplicates differ at most."""
NEAR_ASPECT = 0.05
BAND_BITS = 16


@dataclass(frozen=True)
class Fingerprint:
    """The look of an image: the coarse hash as a signed 64-bit number, the fine one in 32 bytes, width over height."""

    phash: int
    fine: bytes
    aspect: float

    @property
    def bands(self) -> tuple[int, int, int, int]:
        """The coarse hash in four parts of 16 bits, highest first; near hashes have at least one in common."""
        bits = self.phash & (1 << 64) - 1
        mask = (1 << BAND_BITS) - 1
        return bits >> 48 & mask, bits >> 32 & mask, bits >> 16 & mask, bits & mask

    @classmethod
    def of_bands(cls, bands: Sequence[int], fine: bytes, aspect: float) -> "Fingerprint":
        """Make it from its bands."""
        bits = 0
        for band in bands:
            bits = bits << BAND_BITS | band
        return cls(bits - (bits >> 63 << 64), fine, aspect)

    def is_near(self, other: "Fingerprint") -> bool:
        """Tell whether both are of one picture, as far as bits can tell."""
        if ((self.phash ^ other.phash) & (1 << 64) - 1).bit_count() > NEAR_COARSE:
            return False
        if abs(self.aspect - other.aspect) > NEAR_ASPECT * max(self.aspect, other.aspect):
            return False
        return (int.from_bytes(self.fine, "big") ^ int.from_bytes(other.fine, "big")).bit_count() <= NEAR_FINE


def fingerprint_of(grey: "Image.Image", aspect: float) -> Fingerprint | None:
    """Answer the fingerprint of an upright grey image, of whatever size; None where it has no detail to go by."""
    import numpy as np
    from PIL import Image

    square = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    if square.std() < LEAST_CONTRAST:
        return None
    waves = _waves()
    frequencies = waves @ square @ waves.T
    coarse = int.from_bytes(_bits(frequencies[:COARSE, :COARSE]), "big", signed=True)
    return Fingerprint(coarse, _bits(frequencies), round(aspect, 4))


def _bits(frequencies: "np.ndarray[Any, np.dtype[np.float64]]") -> bytes:
    import numpy as np

    return np.packbits(frequencies > np.median(frequencies)).tobytes()


@cache
def _waves() -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Answer the first 16 cosines over 64 places."""
    import numpy as np

    place = np.arange(SIDE)[None, :]
    return np.cos(np.pi * np.arange(FINE)[:, None] * (2 * place + 1) / (2 * SIDE))
