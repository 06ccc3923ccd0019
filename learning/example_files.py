"""Reading examples from where they lie: a folder of NPZ files, or the rows of a CSV file. Knows files, not the database."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from learning.defects import Defect

MOST_FIELDS = 100_000
BOM = "\ufeff"


@dataclass(frozen=True)
class Found:
    """One example-to-be: where it is from (a relative path), its label as it is written there, and how to get its bytes."""

    source: str
    label: str
    path: Path | None = None
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """Which columns of a CSV mean what, counted from 0: `label`, and the numbers `first` to `last`, both included.

    `rows` is how many rows of the array the numbers make; `names` turn a whole number in the label's column into a label.
    """

    label: int
    first: int
    last: int
    rows: int = 1
    names: tuple[str, ...] = ()
    has_header: bool = False


def in_folder(folder: Path, label: str = "") -> Iterator[Found]:
    """Find all NPZ files of a folder, in order; each is labelled like the folder it lies in, or all by `label`."""
    for path in sorted(folder.rglob("*.npz")):
        if path.is_file():
            source = path.relative_to(folder).as_posix()
            yield Found(source, label or (path.parent.name if path.parent != folder else ""), path=path)


def in_csv(path: Path, columns: Columns) -> Iterator[Found]:
    """Find an example in each row of a CSV file; its source is `<file>#<row>`, rows counted from 1."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.reader(stream), start=1):
            if not row or (columns.has_header and number == 1):
                continue
            source = f"{path.name}#{number}"
            label = row[columns.label].strip() if columns.label < len(row) else ""
            yield Found(source, _named(label, columns.names), numbers=tuple(row[columns.first : columns.last + 1]))


def labels_of(path: Path) -> tuple[str, ...]:
    """Read a file of labels, one a line, with or without a byte-order mark."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return tuple(line.strip().removeprefix(BOM) for line in lines if line.strip())


def content_of(found: Found, columns: Columns | None, most_bytes: int) -> bytes:
    """Answer the NPZ of what was found: the file's bytes, or those of the array that a row's numbers make. Raises Defect."""
    if found.path is not None:
        if found.path.stat().st_size > most_bytes:
            raise Defect("oversize", f"A file may have {most_bytes:,} bytes at most.")
        return found.path.read_bytes()
    assert columns is not None
    return _packed(found.numbers, columns)


def spans(text: str) -> tuple[int, int]:
    """Read "1-42" as the columns 1 to 42; raises ValueError."""
    first, _, last = text.partition("-")
    low, high = int(first), int(last or first)
    if not 0 <= low <= high <= MOST_FIELDS:
        raise ValueError(f"{text} is no span of columns.")
    return low, high


def _packed(numbers: Sequence[str], columns: Columns) -> bytes:
    """Write the numbers of a row as an NPZ: float32, `rows` rows; the same numbers give the same bytes."""
    import numpy as np

    wanted = columns.last - columns.first + 1
    if len(numbers) != wanted:
        raise Defect("row_too_short", f"The row has {len(numbers)} of the {wanted} numbers.")
    try:
        array = np.array([float(text) for text in numbers], dtype=np.float32)
    except (ValueError, OverflowError) as error:
        raise Defect("not_numbers", "The row holds something else than numbers.") from error
    out = io.BytesIO()
    np.savez(out, features=array.reshape(columns.rows, -1))
    return out.getvalue()


def _named(label: str, names: Sequence[str]) -> str:
    if names and label.isascii() and label.isdigit() and int(label[:9]) < len(names):
        return names[int(label[:9])]
    return label
