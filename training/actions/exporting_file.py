"""Writing the file of an export: rows from the database, spelled by a format, into one file or a ZIP, in bounded memory."""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self, cast

from core.storage import EXTENSIONS, chunks_of
from training.actions.exporting_images import with_images
from training.actions.exporting_rows import Row, names_of, rows_of, schema_of
from training.formats import FORMATS, ExportMember, Notes
from training.formats import base as formats
from training.models import DatasetExport
from training.zipping import StoredZip

EVERY = 200
SAYS_FACTS = "jsonl"
IMAGE_GONE = "image_gone"
RENAMED = "renamed"
NOTES = {**formats.NOTES, IMAGE_GONE: "An image is not in the file, because the store has it no more."}
"""What is counted while an export is written, as sentences."""
TYPES = {suffix: media_type for media_type, suffix in EXTENSIONS.items()}
Tick = Callable[[int, int], None]


@dataclass
class Written:
    """How many samples and bytes were written, and what of them the format could not hold."""

    count: int = 0
    bytes: int = 0
    notes: Notes = field(default_factory=Counter)


def single_of(export: DatasetExport) -> str:
    """Answer the name of the only file that an export makes, "" where it makes a ZIP."""
    return "" if export.with_images else FORMATS[export.format].single or ""


def suffix_of(export: DatasetExport) -> str:
    """Answer how the name of the export's file ends: .zip, or that of its only file."""
    return PurePosixPath(single_of(export) or "export.zip").suffix


def media_type_of(export: DatasetExport) -> str:
    """Answer what kind of file it is."""
    return TYPES.get(suffix_of(export).removeprefix("."), "application/octet-stream")


def write(export: DatasetExport, path: Path, *, tick: Tick) -> Written:
    """Write an export to a new file; `tick` is told often how many samples and bytes there are, and may raise."""
    written, names = Written(), names_of(export)
    rows = rows_of(export, names, with_facts=export.format == SAYS_FACTS)
    sink = OneFile(path, written, tick) if single_of(export) else Archive(path, written, tick)
    with sink:
        members = _counted(export, with_images(rows, tick=sink.say) if export.with_images else _without(rows), sink)
        FORMATS[export.format].write(members, sink, schema_of(export), written.notes)
    if names.renamed:
        written.notes[RENAMED] += names.renamed
    written.bytes = path.stat().st_size
    return written


def _without(rows: Iterable[Row]) -> Iterator[ExportMember]:
    return (member for member, _ in rows)


def _counted(export: DatasetExport, members: Iterable[ExportMember], sink: "Archive | OneFile") -> Iterator[ExportMember]:
    written = sink.written
    for member in members:
        if not export.by_split:
            member.split = None
        if export.with_images and member.image is None:
            written.notes[IMAGE_GONE] += 1
        written.count += 1
        if written.count % EVERY == 0:
            sink.say()
        yield member


class Archive:
    """A sink that is a ZIP."""

    def __init__(self, path: Path, written: Written, tick: Tick) -> None:
        self.written, self._tick, self._zip = written, tick, StoredZip(path)

    def __enter__(self) -> Self:
        self._zip.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.__exit__(*error)  # type: ignore[arg-type]

    def say(self) -> None:
        """Tell how far it is."""
        self._tick(self.written.count, self._zip.tell())

    def write(self, name: str, content: bytes) -> None:
        """Put a small file."""
        self._zip.add(name, content)

    def stream(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Begin a file of any length."""
        return self._zip.entry(name)

    def image(self, name: str, opener: Callable[[], BinaryIO]) -> None:
        """Put a copy of an image."""
        with opener() as stream:
            if isinstance(stream, io.BytesIO):
                self._zip.add(name, stream.getvalue())
                return
            with self._zip.entry(name) as out:
                for piece in chunks_of(stream):
                    out.write(piece)
                    self.say()


class OneFile:
    """A sink that is the only file of a format."""

    def __init__(self, path: Path, written: Written, tick: Tick) -> None:
        self.path, self.written, self._tick = path, written, tick
        self._out = path.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._out.close()

    def say(self) -> None:
        """Tell how far it is."""
        self._tick(self.written.count, self._out.tell())

    def write(self, name: str, content: bytes) -> None:
        """Put it whole."""
        self._out.write(content)

    @contextmanager
    def stream(self, name: str) -> Iterator[BinaryIO]:
        """Write it piece by piece."""
        yield cast(BinaryIO, self._out)

    def image(self, name: str, opener: Callable[[], BinaryIO]) -> None:
        """Never happens: images come with others in a ZIP."""
        raise AssertionError(name)
