"""Class folders: the images themselves, the first folder is the label, one of a split may stand above.

An image beside the folders is one that nobody labelled. A label that is no name of a folder has its letters spelled as %2F and
the like.
"""

import re
from collections.abc import Iterable, Iterator

from core.errors import Invalid
from learning.annotation import Schema
from training.formats.base import (
    SHORT_SPLITS,
    Bad,
    ExportMember,
    Format,
    Notes,
    Record,
    Sink,
    Source,
    Wrong,
    is_image,
    split_of,
)
from training.formats.naming import Names
from training.formats.values import label_of, left_out, taken_apart

UNFIT = re.compile(r'[%/\\:*?"<>|\x00-\x1f]|^\.|[. ]$')
SPELLED = re.compile(r"%(25|2F|5C|3A|2A|3F|22|3C|3E|7C|2E|20|[01][0-9A-F])")
MAX_CLASSES = 10_000


def detect(source: Source) -> bool:
    """Tell whether there are images in folders, and nothing that looks like annotations of them."""
    names = source.names()
    images = [name for name in names if is_image(name)]
    return any("/" in name for name in images) and 2 * len(images) > len(names)


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield each image with the label of its folder."""
    images = [name for name in source.names() if is_image(name)]
    lead = _lead(images)
    tops = {name[len(lead) :].split("/")[0] for name in images if "/" in name[len(lead) :]}
    has_splits = bool(tops) and all(split_of(top) for top in tops)
    for path in images:
        parts = path[len(lead) :].split("/")
        split = split_of(parts.pop(0)) if has_splits and len(parts) > 1 else None
        label = parts.pop(0) if len(parts) > 1 else None
        record = Record(name="/".join(parts), file=path, split=split, path=path)
        try:
            record.value = None if label is None else {"label": label_of(_label(label))}
        except Wrong as wrong:
            yield Bad(name=record.name, file=path, line=0, reason=wrong.reason, detail=wrong.detail)
            continue
        yield record


def _lead(images: list[str]) -> str:
    """Answer the one folder that holds all others, as archives often have, with its slash."""
    tops = {name.partition("/")[0] for name in images}
    if len(tops) != 1 or not all(name.count("/") >= 2 for name in images):
        return ""
    top = tops.pop()
    below = {name.split("/")[1] for name in images}
    return "" if split_of(top) or (len(below) == 1 and not split_of(next(iter(below)))) else f"{top}/"


def _label(folder: str) -> str:
    return SPELLED.sub(lambda match: chr(int(match[1], 16)), folder)


def _folder(label: str) -> str:
    return UNFIT.sub(lambda match: f"%{ord(match[0]):02X}", label)


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Put each image into the folder of its label, below that of its split where it has one."""
    names = Names(notes, lambda name, _: "/" in name, by_stem=False)
    for member in members:
        said = taken_apart(member)
        if said is None or said.label is None:
            notes["unlabelled_dropped"] += 1
            continue
        if member.image is None:
            raise Invalid("Class folders are the images themselves: export them with the images.", code="images_needed")
        left_out(said, notes, "text", "boxes", "attributes")
        place = "/".join([*filter(None, [member.split and SHORT_SPLITS[member.split]]), _folder(said.label), names.of(member)])
        sink.image(place, member.image)


FORMAT = Format(
    slug="class_folders",
    title="Class folders",
    cannot_carry=(
        "Class folders carry labels and splits; they cannot carry images without a label, texts, attributes and boxes, nor labels "
        "without their images."
    ),
    detect=detect,
    read=read,
    write=write,
    needs_images=True,
)
