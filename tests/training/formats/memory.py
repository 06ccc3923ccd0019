"""Files in memory, as a source and as a sink, and what a round through a format makes of members."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, BinaryIO

from training.formats import FORMATS, Bad, ExportMember, Notes, Record
from training.formats.boxes import fitted
from training.formats.values import with_types

SCHEMA = SimpleNamespace(
    labels=[{"id": "l1", "name": "car", "color": "#3b76d1"}, {"id": "l2", "name": "plate: 1/2, “über”"}, {"id": "l3", "name": "no"}],
    attributes=[
        {"name": "colour", "type": "select", "values": ["red", "dark blue"], "per": "box"},
        {"name": "parked", "type": "checkbox", "per": "box"},
        {"name": "doors", "type": "number", "per": "box"},
        {"name": "note", "type": "text", "per": "box"},
        {"name": "weather", "type": "select", "values": ["rain", "1"], "per": "sample"},
    ],
    text={},
)  # fmt: skip


class Files:
    """Both a Source and a Sink: bytes by name, in the order in which they were put."""

    def __init__(self, files: Mapping[str, bytes | str] | None = None) -> None:
        self.files = {name: data.encode() if isinstance(data, str) else data for name, data in (files or {}).items()}

    def names(self) -> list[str]:
        return list(self.files)

    def size(self, name: str) -> int:
        return len(self.files[name])

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self.files[name])

    def write(self, name: str, content: bytes) -> None:
        assert name not in self.files
        self.files[name] = content

    @contextmanager
    def stream(self, name: str) -> Iterator[BinaryIO]:
        out = io.BytesIO()
        yield out
        self.write(name, out.getvalue())

    def image(self, name: str, opener: Callable[[], BinaryIO]) -> None:
        with opener() as stream:
            self.write(name, stream.read())


def exported(slug: str, members: list[ExportMember], notes: Notes | None = None) -> Files:
    sink = Files()
    FORMATS[slug].write(iter(members), sink, SCHEMA, Notes() if notes is None else notes)
    return sink


def read(slug: str, files: Mapping[str, bytes | str], notes: Notes | None = None) -> list[Record | Bad]:
    return list(FORMATS[slug].read(Files(files), Notes() if notes is None else notes))


def one(slug: str, files: Mapping[str, bytes | str], notes: Notes | None = None) -> Record:
    """Read a source that holds one good record and nothing bad."""
    (record,) = read(slug, files, notes)
    assert isinstance(record, Record), record
    return record


def imported(slug: str, files: Files, sizes: Mapping[str, tuple[int, int]]) -> list[ExportMember]:
    """Read files as an import does (sizes come from the images, types of attributes from the schema), as members again."""
    notes = Notes()
    members = []
    for number, record in enumerate(FORMATS[slug].read(files, notes)):
        assert isinstance(record, Record), record
        size = sizes[record.name.rpartition("/")[2]]
        value, wrong = fitted(record.value, size, notes, relative=record.relative)
        assert not wrong
        members.append(
            ExportMember(
                name=record.name,
                sample_id=record.sample_id or f"new-{number}",
                width=size[0],
                height=size[1],
                split=record.split,
                value=with_types(value, SCHEMA.attributes),
                image=opener(files.files[record.path]) if record.path else None,
                facts=record.facts,
            )
        )
    return members


def opener(content: bytes) -> Callable[[], Any]:
    return lambda: io.BytesIO(content)
