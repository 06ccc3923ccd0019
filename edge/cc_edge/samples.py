"""Read what a city has: a folder with `samples.jsonl`, one detection a line, images beside it. Nothing is written into it."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cc_edge.errors import Misconfigured, Unfit
from cc_edge.stripping import Picture, strip

LIST = "samples.jsonl"
MOST_BYTES = 64 * 1024 * 1024
LONGEST_LINE = 1024 * 1024


class Unusable(Unfit):
    """A line that cannot be sent: `reason` is one word for the summary, the text says why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass
class Sample:
    """One line as the hub wants it; `path` is its image, None where it names an object already in the store."""

    line: int
    item: dict[str, Any]
    path: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def event_id(self) -> str:
        """The line's own name for itself, "" where it has none."""
        return str(self.item.get("event_id") or "")

    @property
    def content_id(self) -> str:
        """What the seal says of the content: the SHA-256, or the reference."""
        return str(self.facts.get("sha256") or self.item.get("image_reference") or "")

    def picture(self) -> Picture:
        """Read and strip the image; raises Unusable, also where it is no longer what was described."""
        if self.path is None:
            raise Unusable("file_missing", f"Line {self.line} has no file.")
        picture = _stripped(self.path)
        if self.facts and self.facts["sha256"] != hashlib.sha256(picture.content).hexdigest():
            raise Unusable("file_changed", f"{self.path.name} changed while it was sent.")
        return picture

    def describe(self) -> None:
        """Fill `facts` from the stripped image; raises Unusable."""
        if self.path is None:
            return
        picture = self.picture()
        self.facts = {
            "sha256": hashlib.sha256(picture.content).hexdigest(),
            "md5": hashlib.md5(picture.content, usedforsecurity=False).hexdigest(),
            "size": len(picture.content),
            "media_type": picture.media_type,
            "name": self.path.name[:255],
        }

    def wire(self) -> dict[str, Any]:
        """Answer the item of `POST batches/:id/items`."""
        return {**self.item, "file": self.facts} if self.facts else self.item


class Source(ABC):
    """Where samples come from; `name` tells it from other sources, `folder` is where its images must lie."""

    name: str
    folder: Path

    @abstractmethod
    def read(self) -> Iterator[Sample | Unusable]:
        """Answer each line as a sample, or as what is wrong with it."""


class Folder(Source):
    """A folder with `samples.jsonl`; raises Misconfigured where there is none."""

    def __init__(self, folder: Path, defaults: Mapping[str, Any] | None = None) -> None:
        self.folder = folder.resolve()
        self.name, self.list, self.defaults = str(self.folder), self.folder / LIST, dict(defaults or {})
        if not self.list.is_file():
            raise Misconfigured(f"There is no {LIST} in {folder}.")

    def read(self) -> Iterator[Sample | Unusable]:
        """Answer each line; blank ones are nothing."""
        with self.list.open("rb") as lines:
            number = 0
            while line := lines.readline(LONGEST_LINE + 1):
                number += 1
                if line.strip():
                    try:
                        yield sample_of_line(self.folder, number, line, self.defaults)
                    except Unusable as wrong:
                        yield wrong
                if len(line) > LONGEST_LINE:
                    return  # what follows is the rest of this line, or a file that is no list


def sample_of_line(folder: Path, number: int, line: bytes, defaults: Mapping[str, Any]) -> Sample:
    """Read a line of JSON; raises Unusable."""
    try:
        item = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unusable("malformed", f"Line {number} is not JSON.") from error
    if not isinstance(item, dict):
        raise Unusable("malformed", f"Line {number} is not an object.")
    return sample_of(folder, number, {**defaults, **item})


def sample_of(folder: Path, number: int, item: dict[str, Any]) -> Sample:
    """Make a sample of an item that names its image by `file`; raises Unusable."""
    name = item.pop("file", None)
    if name is None:
        return Sample(number, item)
    if not isinstance(name, str) or not name or "\0" in name:
        raise Unusable("malformed", f"Line {number}: file must be a name in the folder.")
    path = (folder / name).resolve()
    if Path(name).is_absolute() or not path.is_relative_to(folder):
        raise Unusable("outside_folder", f"Line {number}: {name} lies outside the folder.")
    return Sample(number, item, path)


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _stripped(path: Path) -> Picture:
    content = _read(path)
    try:
        return strip(content)
    except Unfit as error:
        raise Unusable("not_an_image", f"{path.name}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unusable("file_missing", f"{path.name} cannot be read: {error.strerror}.") from error
    if len(content) > MOST_BYTES:
        raise Unusable("too_large", f"{path.name} is larger than {MOST_BYTES} bytes.")
    return content
