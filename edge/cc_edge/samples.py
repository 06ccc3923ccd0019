"""Read what a city has: a folder with `samples.jsonl`, one detection a line, images beside it. Nothing is written into it."""

import hashlib
import json
from collections.abc import Iterator
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


class Source:
    """A folder of samples; raises Misconfigured where there is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.list = self.folder / LIST
        if not self.list.is_file():
            raise Misconfigured(f"There is no {LIST} in {folder}.")

    def read(self) -> Iterator[Sample | Unusable]:
        """Answer each line as a sample, or as what is wrong with it; blank lines are nothing."""
        with self.list.open("rb") as lines:
            number = 0
            while line := lines.readline(LONGEST_LINE + 1):
                number += 1
                if line.strip():
                    try:
                        yield self._sample(number, line)
                    except Unusable as wrong:
                        yield wrong
                if len(line) > LONGEST_LINE:
                    return  # what follows is the rest of this line, or a file that is no list

    def _sample(self, number: int, line: bytes) -> Sample:
        try:
            item = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Unusable("malformed", f"Line {number} is not JSON.") from error
        if not isinstance(item, dict):
            raise Unusable("malformed", f"Line {number} is not an object.")
        name = item.pop("file", None)
        if name is None:
            return Sample(number, item)
        return Sample(number, item, self._inside(number, name))

    def _inside(self, number: int, name: Any) -> Path:
        if not isinstance(name, str) or not name or "\0" in name:
            raise Unusable("malformed", f"Line {number}: file must be a name in the folder.")
        path = (self.folder / name).resolve()
        if Path(name).is_absolute() or not path.is_relative_to(self.folder):
            raise Unusable("outside_folder", f"Line {number}: {name} lies outside the folder.")
        return path


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
