"""What became of an import's records: counts by reason, and each one that was not taken as a line of a CSV."""

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.csv_rows import harmless
from learning.defects import Defect
from training.formats import Bad, Record
from training.formats.base import MAX_DETAIL, Wrong
from training.import_records import REASONS

HEAD = ("file", "line", "name", "reason", "detail")
MOST_LINES = 200_000
"""So many lines at most; the counts hold all."""


@dataclass
class Tally:
    """Counts of an import: records in the file, those taken or not, boxes left out of what was taken; by reason what was not."""

    records: int = 0
    accepted: int = 0
    rejected: int = 0
    boxes_left_out: int = 0
    unchanged: int = 0
    new_images: int = 0
    known_images: int = 0
    empty: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    box_reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def as_document(self) -> dict[str, Any]:
        """Answer it as it is kept, without what never happened among the notes."""
        plain = ("records", "accepted", "rejected", "boxes_left_out", "unchanged", "new_images", "known_images", "empty")
        counted = ("reasons", "box_reasons", "notes", "left_out")
        found = {name: {key: count for key, count in sorted(getattr(self, name).items()) if count} for name in counted}
        return {**{name: getattr(self, name) for name in plain}, **found}


class Report:
    """Notes what is not taken, in a file of its own; a block's length."""

    def __init__(self, path: Path) -> None:
        self.path, self.tally, self.lines = path, Tally(), 0

    def __enter__(self) -> Self:
        self._file = self.path.open("x", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEAD)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def bad(self, bad: Bad) -> None:
        """Note what the reader did not take: a record, or one box of it."""
        if bad.box:
            self._box(bad.file, bad.line, bad.name, bad.reason, bad.detail)
        else:
            self.tally.records += 1
            self.tally.rejected += 1
            self.tally.reasons[bad.reason] += 1
            self._line(bad.file, bad.line, bad.name, bad.reason, bad.detail)

    def refuse(self, record: Record, wrong: Wrong | Defect) -> None:
        """Note a record that was read and is not taken."""
        self.tally.rejected += 1
        self.tally.reasons[wrong.reason] += 1
        self._line(record.file, record.line, record.name, wrong.reason, wrong.detail)

    def leave_out(self, record: Record, misfits: list[Wrong]) -> None:
        """Note boxes of a record that is taken without them."""
        for misfit in misfits:
            self._box(record.file, record.line, record.name, misfit.reason, misfit.detail)

    def _box(self, file: str, line: int, name: str, reason: str, detail: str) -> None:
        self.tally.boxes_left_out += 1
        self.tally.box_reasons[reason] += 1
        self._line(file, line, name, reason, detail)

    def _line(self, file: str, line: int, name: str, reason: str, detail: str) -> None:
        if self.lines < MOST_LINES:
            text = detail or REASONS.get(reason, "")
            self._writer.writerow([harmless(value) for value in (file, line or "", name, reason, text[:MAX_DETAIL])])
            self.lines += 1
