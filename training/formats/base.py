"""What all formats share: where files are read from, what a reader yields, what a writer is given.

A format is one module with one `FORMAT`. Its reader turns a `Source` into records, and what is wrong into `Bad`; its writer turns
members into files of a `Sink`. Both stream, know no database, and open nothing but what the source itself lists.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from msgspec import Struct

from core.errors import Invalid
from learning.annotation import MAX_BOXES, MAX_TEXT, Schema

Value = dict[str, Any]
"""An annotation value of the wire (docs/wire/annotation.json)."""
Notes = Counter[str]
"""How often something was changed or left out on the way; the keys are those of NOTES."""

MAX_LABEL = 200
MAX_ATTRIBUTES = 100
MAX_NAME = 1_024
MAX_ID = 200
MAX_FILES = 2_000_000
MAX_DETAIL = 300
SPLITS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""How the tools spell the splits → how we do."""
SHORT_SPLITS = {"train": "train", "validation": "val", "test": "test"}
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

NOTES: dict[str, str] = {
    "absolute_path": "A path of another machine was shortened to a name; it was not opened.",
    "attribute_dropped": "An attribute that is no text, number or truth value was left out.",
    "caption_dropped": "A caption was left out.",
    "clipped": "A box was cut at the edge of its image.",
    "crowd_dropped": "A crowd region was left out.",
    "duplicate_id": "An id was used twice; both were taken.",
    "ellipse_to_box": "An ellipse became the upright box around it.",
    "email_dropped": "An e-mail address was not kept.",
    "field_ignored": "A field that says nothing of the annotation was not read.",
    "file_ignored": "A file of another kind was not read.",
    "group_dropped": "A group of things under one box was left out.",
    "image_rotated": "An image was turned in the tool; its boxes were taken as they stand.",
    "line_dropped": "A line was left out.",
    "mask_dropped": "A map of regions was left out.",
    "mask_to_box": "A mask became the upright box around it.",
    "outside_dropped": "A box that the tool marks as out of sight was left out.",
    "point_dropped": "A point was left out.",
    "polygon_to_box": "A polygon became the upright box around it.",
    "relation_dropped": "A relation between boxes was left out.",
    "rotated_to_box": "A turned box became the upright box around it.",
    "shape_dropped": "A shape that this hub does not know was left out.",
    "shape_to_box": "A shape became the upright box around it.",
    "several_answers": "Of several annotations of one image the newest counts; the others are kept as older ones.",
    "cancelled_dropped": "A skipped annotation was left out.",
    "track_dropped": "A track of a video was left out.",
    "unlabelled_dropped": "An image without an answer was left out, because the format cannot tell it from an empty one.",
    "label_dropped": "What the image as a whole is was left out, because the format has no place for it.",
    "text_dropped": "A text was left out, because the format has no place for it.",
    "attributes_dropped": "Attributes were left out, because the format has no place for them.",
    "boxes_dropped": "Boxes were left out, because the format has no place for them.",
    "size_missing": "An image of unknown size was left out, because the format counts in shares of it.",
    "renamed": "An image has another name in the export, because two would have had one.",
}
"""What readers and writers count, as sentences."""

REASONS: dict[str, str] = {
    "not_readable": "The file cannot be read.",
    "too_large": "The file, or what it says of one image, is larger than is taken.",
    "too_deep": "It is nested deeper than is taken.",
    "bad_shape": "It does not have the shape that the format asks for.",
    "bad_number": "There is something else where a number belongs.",
    "no_share": "Places are shares of the image, from 0 to 1; these lie far outside, like pixels.",
    "bad_name": "It names no image.",
    "image_unknown": "It is about an image that the file does not list.",
    "image_twice": "The file lists this image twice.",
    "category_unknown": "It names a category that the file does not list.",
    "label_missing": "A box has no label.",
    "several_labels": "The image as a whole has several labels; one is possible.",
    "text_too_long": f"A text has more than {MAX_TEXT} characters.",
    "too_many_boxes": f"There are more than {MAX_BOXES:,} boxes.",
    "too_many_attributes": f"There are more than {MAX_ATTRIBUTES} attributes.",
    "box_zero_size": "A box has no width or no height.",
    "box_outside_image": "A box lies wholly outside of its image.",
    "size_unknown": "The size of the image is not known, and cannot be done without.",
    "image_missing": "There is no such image.",
    "image_ambiguous": "Several images go by this name.",
}
"""Why a record, or one box of it, was not taken, as sentences."""


class Wrong(Exception):
    """Something in a file that cannot be taken; `reason` is a code of REASONS, `detail` says it more exactly."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail[:MAX_DETAIL]


class Source(Protocol):
    """Files by relative posix names, each once; what is asked for by a name of `names` lies within."""

    def names(self) -> list[str]:
        """Answer the names of the files, in the order of the archive, or sorted."""
        ...

    def size(self, name: str) -> int:
        """Answer how many bytes a file has; raises KeyError."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a file for one reading from start to end; raises KeyError."""
        ...


class FolderSource:
    """The plain files below a folder, sorted by name, or one file alone; links are not followed."""

    def __init__(self, path: Path) -> None:
        self._paths: dict[str, Path] = {}
        found: Iterable[Path] = [path] if path.is_file() else sorted(path.rglob("*"))
        root = path.parent if path.is_file() else path
        for file in found:
            if file.is_file() and not _leads_elsewhere(file, root):
                if len(self._paths) >= MAX_FILES:
                    raise Invalid(f"A folder may hold {MAX_FILES:,} files at most.", code="too_many_entries")
                self._paths[file.relative_to(root).as_posix()] = file

    def names(self) -> list[str]:
        """Answer the names of the files, sorted."""
        return list(self._paths)

    def size(self, name: str) -> int:
        """Answer how many bytes a file has; raises KeyError."""
        return self._paths[name].stat().st_size

    def open(self, name: str) -> BinaryIO:
        """Open a file; raises KeyError."""
        return self._paths[name].open("rb")


class Record(Struct, gc=False, kw_only=True):
    """What a file says of one image.

    `name` is the image as the file names it (relative, posix, cleaned by `cleaned`; it may have no suffix), `also` further names
    it may go by, `path` where it lies in the source if the reader knows. `value` holds categories as the source spells them;
    None = nothing said, `{"boxes": []}` = nothing there. Boxes are in pixels, or with `relative` in shares of the image: then
    `boxes.fitted` needs the size. `earlier` are older annotations of the same image, oldest first.
    """

    name: str
    file: str
    line: int = 0
    width: int | None = None
    height: int | None = None
    value: Value | None = None
    relative: bool = False
    earlier: tuple[Value, ...] = ()
    prediction: Value | None = None
    confidence: float | None = None
    split: str | None = None
    sample_id: str | None = None
    path: str | None = None
    also: tuple[str, ...] = ()
    facts: dict[str, Any] | None = None
    """What only our own JSONL says beside: event_id, group, weight, city, camera_id, captured_at, object."""


class Bad(Struct, gc=False, kw_only=True):
    """What was not taken, where it stands and why (a code of REASONS); `detail` says it more exactly, without personal data.

    `box` tells that only one box of a record was left out: the record itself comes too.
    """

    name: str
    file: str
    line: int
    reason: str
    detail: str = ""
    box: bool = False


class ExportMember(Struct, gc=False, kw_only=True):
    """One image of an export. `value` is a value, or its JSON as bytes, which writers pass on or parse only as far as they must.

    `name` is unique in the export. `image` opens the file itself where images are exported too. `facts` are the other members of
    the files' line of the wire (docs/wire/file.json), for JSONL: everything but sample_id, source, split and truth.
    """

    name: str
    sample_id: str
    width: int | None = None
    height: int | None = None
    split: str | None = None
    value: Value | bytes | None = None
    image: Callable[[], BinaryIO] | None = None
    facts: Mapping[str, Any] | None = None


class Sink(Protocol):
    """Where a writer puts its files, one after the other, each once: a ZIP, a folder, one file."""

    def write(self, name: str, content: bytes) -> None:
        """Put a small file."""
        ...

    def stream(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Begin a file of any length; the next one may begin when it was closed."""
        ...

    def image(self, name: str, opener: Callable[[], BinaryIO]) -> None:
        """Put a copy of an image."""
        ...


@dataclass(frozen=True)
class Format:
    """A format as the importer and the exporter know it; `cannot_carry` is one sentence for people.

    `single` is the only file that the writer makes where no images are exported, None where it makes several; `needs_images`
    tells that without images there is nothing to write.
    """

    slug: str
    title: str
    cannot_carry: str
    detect: Callable[[Source], bool]
    read: Callable[[Source, Notes], Iterator[Record | Bad]]
    write: Callable[[Iterable[ExportMember], Sink, Schema, Notes], None]
    single: str | None = None
    needs_images: bool = False


DRIVE = re.compile(r"^[A-Za-z]:[\\/]|^\\\\")
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def cleaned(raw: object, notes: Notes) -> str:
    """Answer the name of an image as a relative posix path, or "" where it names none.

    A path of another machine (absolute, with a drive, or leading upwards) keeps what lies below: it is a name to compare with,
    never opened.
    """
    if not isinstance(raw, str) or not 0 < len(raw) <= 4 * MAX_NAME or CONTROL.search(raw):
        return ""
    foreign = bool(DRIVE.match(raw)) or raw.startswith("/")
    windows = bool(DRIVE.match(raw)) or "/" not in raw
    name = DRIVE.sub("", raw).replace("\\", "/") if windows or "\\" in raw else raw
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        parts = [part for part in parts if part != ".."]
        foreign = True
    if foreign:
        notes["absolute_path"] += 1
    answer = "/".join(parts)
    return answer if len(answer.encode()) <= MAX_NAME else ""


def split_of(word: object) -> str | None:
    """Answer the split that a tool's word means, or None."""
    return SPLITS.get(word.lower()) if isinstance(word, str) else None


def split_in(path: str) -> str | None:
    """Answer the split that a folder of a path is named after, or None; the folder nearest to the file counts."""
    folders = path.split("/")[:-1]
    return next((split for folder in reversed(folders) if (split := split_of(folder))), None)


def is_image(name: str) -> bool:
    """Tell whether a file's name is that of an image."""
    dot = name.rfind(".")
    return dot >= 0 and name[dot:].lower() in IMAGE_SUFFIXES


def stem_of(name: str) -> str:
    """Answer a name without its suffix; folders stay."""
    dot = name.rfind(".")
    return name[:dot] if dot > name.rfind("/") + 1 else name


def bad(record: Record, reason: str, detail: str = "", *, box: bool = False) -> Bad:
    """Answer what is wrong with a record, or with one box of it."""
    return Bad(name=record.name, file=record.file, line=record.line, reason=reason, detail=detail[:MAX_DETAIL], box=box)


def _leads_elsewhere(file: Path, root: Path) -> bool:
    steps = [file, *file.parents]
    return any(step.is_symlink() for step in steps[: steps.index(root)])
