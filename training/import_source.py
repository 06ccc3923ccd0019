"""What an import reads: an archive, or one file alone, and by which names the pictures in it may be called."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import Invalid
from training import archives, local
from training.formats import Format, Record, Source, detected
from training.formats.base import is_image, stem_of

MANY = -1
"""In place of a picture's number: several go by this name."""
MAX_NAME = 200


class OneFile:
    """One file alone, under the name that its person knows it by."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, archives.safe_name(Path(name.replace("\\", "/")).name) or "file"

    def names(self) -> list[str]:
        """Answer its name."""
        return [self._name]

    def size(self, name: str) -> int:
        """Answer how many bytes it has; raises KeyError."""
        return self._of(name).stat().st_size

    def open(self, name: str) -> BinaryIO:
        """Open it; raises KeyError."""
        return self._of(name).open("rb")

    def _of(self, name: str) -> Path:
        if name != self._name:
            raise KeyError(name)
        return self._path


class Pictures:
    """The pictures of a source, found by the names that a record gives: the exact path, else its end, else the name alone."""

    def __init__(self, source: Source) -> None:
        self._names = [name for name in source.names() if is_image(name)]
        self._exact = set(self._names)
        self._by_base: dict[str, list[int] | int] = {}
        for number, name in enumerate(self._names):
            base = _base(name)
            for key in {base, stem_of(base)}:
                known = self._by_base.setdefault(key, number)
                if isinstance(known, list):
                    known.append(number)
                elif known != number:
                    self._by_base[key] = [known, number]

    def __len__(self) -> int:
        return len(self._names)

    def find(self, record: Record) -> str | None:
        """Answer the picture's name in the source, or None; raises LookupError where several are as likely."""
        if not self._names:
            return None
        if record.path and record.path in self._exact:
            return record.path
        names = [record.name, *record.also]
        for name in names:
            if name in self._exact:
                return name
        for name in names:
            if found := self._by_end(name):
                return found
        return None

    def _by_end(self, name: str) -> str | None:
        known = self._by_base.get(_base(name))
        if known is None:
            return None
        if isinstance(known, int):
            return self._names[known]
        likely = [self._names[number] for number in known]
        ends = [one for one in likely if f"/{one}".endswith(f"/{name}") or stem_of(f"/{one}").endswith(f"/{name}")]
        if len(ends) == 1:
            return ends[0]
        raise LookupError(f"{len(likely):,} pictures are called {_base(name)}.")


@contextmanager
def opened(path: Path, file_name: str, tick: Callable[[], None]) -> Iterator[Source]:
    """Open what was brought for the length of a block; raises Invalid for an archive that is damaged or too much."""
    try:
        archives.kind_of(path)
    except Invalid:
        yield OneFile(path, file_name)
        return
    with archives.open_archive(path, scratch=local.scratch(), tick=tick) as source:
        yield source


def format_of(source: Source, slug: str, formats: dict[str, Format]) -> Format:
    """Answer the format that was named, else the likeliest; raises Invalid."""
    if slug:
        return formats[slug]
    found = detected(source)
    if not found:
        known = ", ".join(each.title for each in formats.values())
        raise Invalid(f"This is of no format that is known here: {known}. Name the format, or look at what the file holds.")
    return found[0]


def _base(name: str) -> str:
    return name.rpartition("/")[2]
