"""Upright boxes around masks: runs of COCO (as numbers, or compressed), and the bit stream of Label Studio's brush."""

from collections.abc import Iterable, Iterator, Sequence

from training.formats.base import Wrong

MAX_PIXELS = 2**31
MAX_RUNS = 1_000_000
Runs = Iterable[tuple[int, int]]
"""Where painted pixels begin and end in the order in which they are counted; ends are exclusive."""


def painted(counts: Sequence[int]) -> Runs:
    """Yield the painted runs of lengths that begin with an unpainted one; raises Wrong."""
    at = 0
    for place, length in enumerate(counts):
        if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length <= MAX_PIXELS:
            raise Wrong("bad_number", "A mask's runs are whole numbers.")
        if place % 2 and length:
            yield at, at + length
        at += length


def decompressed(text: str) -> list[int]:
    """Answer the lengths that COCO's compressed string spells: six bits a letter, the third one on told as a difference."""
    if len(text) > MAX_RUNS:
        raise Wrong("too_large", f"A mask may have {MAX_RUNS:,} letters.")
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise Wrong("bad_shape", "A mask's runs are spelled with other letters.")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    return counts


def box_of(runs: Runs, across: int) -> tuple[int, int, int, int]:
    """Answer (first line, first place, last line + 1, last place + 1) of painted runs in lines of `across` pixels; raises Wrong."""
    first_line = first_place = MAX_PIXELS
    last_line = last_place = -1
    for start, end in runs:
        line, place = divmod(start, across)
        end_line, end_place = divmod(end - 1, across)
        first_line, last_line = min(first_line, line), max(last_line, end_line)
        if line == end_line:
            first_place, last_place = min(first_place, place), max(last_place, end_place)
        else:
            first_place, last_place = 0, across - 1
    if last_line < 0:
        raise Wrong("box_zero_size", "Nothing of the mask is painted.")
    return first_line, first_place, last_line + 1, last_place + 1


def brushed(data: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the painted runs of a brush of Label Studio, in pixels line by line: bytes of red, green, blue, alpha in packed runs."""
    if not 4 <= len(data) <= MAX_RUNS or not all(isinstance(byte, int) and 0 <= byte < 256 for byte in data):
        raise Wrong("bad_shape", "A brush is a list of bytes.")
    bits = _Bits(bytes(data))
    total, word = bits.take(32), bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    if total > 4 * MAX_PIXELS:
        raise Wrong("too_large")
    at = 0
    while at < total:
        same = bits.take(1)
        end = at + 1 + bits.take(sizes[bits.take(2)])
        if same:
            if bits.take(word) and (run := _alpha(at, end)):
                yield run
        else:
            for place in range(at, end):
                if bits.take(word) and place % 4 == 3:
                    yield place // 4, place // 4 + 1
        at = end


def _alpha(start: int, end: int) -> tuple[int, int] | None:
    """Answer the pixels whose alpha lies in a run of channels."""
    first, last = start // 4, (end - 4) // 4 + 1
    return (first, last) if last > first else None


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> int:
        """Answer the next bits as a number; raises Wrong at the end."""
        end = self.at + count
        if end > 8 * len(self.data):
            raise Wrong("bad_shape", "A brush ends too soon.")
        first, last = self.at // 8, (end + 7) // 8
        number = int.from_bytes(self.data[first:last], "big") >> (8 * last - end)
        self.at = end
        return number & ((1 << count) - 1)
