"""Showing how far a long command is: on a terminal as one line that is written over, else not at all."""

import sys
import time
from typing import TextIO

EVERY_SECONDS = 0.2


class Progress:
    """A line "words  n / total" on standard error; silent where nobody looks."""

    def __init__(self, total: int, words: str, stream: TextIO | None = None) -> None:
        self.total, self.words, self.stream = total, words, stream or sys.stderr
        self._is_shown = self.stream.isatty()
        self._last = 0.0

    def show(self, done: int, note: str = "") -> None:
        """Draw the line anew, a few times a second."""
        if not self._is_shown or (time.monotonic() - self._last < EVERY_SECONDS and done < self.total):
            return
        self._last = time.monotonic()
        share = done / self.total if self.total else 1.0
        bar = "█" * round(share * 24)
        self.stream.write(f"\r{self.words} {bar:<24} {done:,} / {self.total:,}  {note}\x1b[K")
        self.stream.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._is_shown:
            self.stream.write("\n")
