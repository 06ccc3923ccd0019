"""A scratch file for what a writer knows before its place in the file has come."""

import shutil
import tempfile
from types import TracebackType
from typing import BinaryIO, Self

IN_MEMORY = 4 * 1024 * 1024
AT_ONCE = 1_000


class Spool:
    """Entries with a separator between them; a few megabytes in memory, more on disk, gone at the end."""

    def __init__(self, separator: bytes = b",") -> None:
        self._separator = separator
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 it lives as long as the spool
        self._waiting: list[bytes] = []
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def add(self, entry: bytes) -> None:
        """Add an entry."""
        self._waiting.append(entry)
        self.count += 1
        if len(self._waiting) == AT_ONCE:
            self._write()

    def pour(self, stream: BinaryIO) -> None:
        """Write all of them into a stream."""
        self._write()
        self._file.seek(0)
        shutil.copyfileobj(self._file, stream, 1024 * 1024)

    def _write(self) -> None:
        """Write what waits: a thousand at once, for each write costs as much as an entry."""
        if self._waiting:
            if self.count > len(self._waiting):
                self._file.write(self._separator)
            self._file.write(self._separator.join(self._waiting))
            self._waiting = []
