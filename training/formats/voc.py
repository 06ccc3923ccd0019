"""Pascal VOC: an XML per image, with corners in pixels; the file it stands in names the image better than what it says inside.

Corners are taken as they stand: the width is xmax − xmin, without the one that the 2007 tools added. Attributes are those of
CVAT (`<attributes>`); one that is called text is the text of the box.
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from learning import annotation
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
    bad,
    cleaned,
    split_in,
    split_of,
    stem_of,
)
from training.formats.boxes import corners, turned, upright
from training.formats.boxes import spelled as spelled_number
from training.formats.markup import Element, elements, spelled
from training.formats.naming import Names
from training.formats.pieces import opened, whole
from training.formats.places import Places
from training.formats.spool import Spool
from training.formats.values import (
    Answer,
    attributes_of,
    boxes_said,
    finished,
    left_out,
    number_in,
    side_of,
    spelled_attribute,
    taken_apart,
)

MAX_BYTES = 16 * 1024 * 1024
MAX_LIST = 256 * 1024 * 1024
SNIFFED = 20
HEAD = 1024
TEXT = "text"
USUAL_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG")
LISTS = {"train", "val", "test"}


def detect(source: Source) -> bool:
    """Tell whether one of the first XML files is a VOC annotation."""
    found = (name for name in source.names() if _is_xml(name))
    return any(_is_annotation(source, name) for _, name in zip(range(SNIFFED), found, strict=False))


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield what each XML says, then the images that have none, where the source holds any."""
    yield from _Reading(source, notes).records()


class _Reading:
    def __init__(self, source: Source, notes: Notes) -> None:
        self.source, self.notes = source, notes
        self.places = Places(source)
        self.splits = dict(_splits(source))
        self.images_read: set[str] = set()

    def records(self) -> Iterator[Record | Bad]:
        """Yield all in the order of the source; images that an XML may yet name by its inside come last."""
        beside = {file: self._beside(file) for file in self.source.names() if _is_xml(file)}
        self.images_read.update(path for path in beside.values() if path)
        waits = not beside or not all(beside.values())
        read = 0
        for file in self.source.names():
            if file in beside:
                for found in self._file(file):
                    read += 1
                    yield found
            elif not waits and file in self.places.names:
                yield from self._unlabelled(file)
        for path in self.places.images if waits and read else ():
            yield from self._unlabelled(path)

    def _unlabelled(self, path: str) -> Iterator[Record]:
        if path not in self.images_read:
            yield Record(name=_without_folder(path), file=path, split=self._split(path), path=path)

    def _file(self, file: str) -> Iterator[Record | Bad]:
        try:
            content = BytesIO(whole(self.source, file, MAX_BYTES))
            found = next(elements(content, {"annotation", "annotations"}), None)
        except Wrong as wrong:
            yield Bad(name="", file=file, line=0, reason=wrong.reason, detail=wrong.detail)
            return
        if found is None or found.tag != "annotation":
            self.notes["file_ignored"] += 1
            return
        record = self._record(file, found)
        if record.path:
            self.images_read.add(record.path)
        try:
            record.value = self._answer(record, found).value()
        except Wrong as wrong:
            yield bad(record, wrong.reason, wrong.detail)
            return
        record.line = found.line
        yield from finished(record, self.notes)

    def _record(self, file: str, found: Element) -> Record:
        """Answer a record for the image beside the file, for the one it names, or for one that may come from elsewhere."""
        said = cleaned(found.said("filename") or found.said("path"), self.notes)
        if found.said("path"):
            cleaned(found.said("path"), self.notes)  # only to count a path of another machine
        stem = stem_of(_without_folder(file))
        path = self._beside(file) or (self.places.find(file, said) if said else None)
        suffix = PurePosixPath(path or said).suffix
        name = f"{stem}{suffix}"
        also = {said} if said else set()
        if not suffix:
            also |= {stem + usual for usual in USUAL_SUFFIXES}
        return Record(
            name=name,
            file=file,
            line=found.line,
            width=side_of(found.said("size", "width") or None),
            height=side_of(found.said("size", "height") or None),
            split=self._split(file),
            path=path,
            also=tuple(sorted(also - {name})),
        )

    def _beside(self, file: str) -> str | None:
        stem = stem_of(file)
        parts = stem.split("/")
        places = [place for place, part in enumerate(parts[:-1]) if part.lower() == "annotations"]
        for images in ("JPEGImages", "images", "Images") if places else ():
            if path := self.places.of_stem("/".join([*parts[: places[-1]], images, *parts[places[-1] + 1 :]])):
                return path
        return self.places.of_stem(stem)

    def _split(self, file: str) -> str | None:
        return self.splits.get(stem_of(_without_folder(file))) or split_in(file)

    def _answer(self, record: Record, found: Element) -> Answer:
        answer = Answer()
        for thing in found.all("object"):
            record.line = thing.line
            if thing.said("deleted") == "1":
                continue
            answer.add_box(thing.said("name"), self._box(thing), *self._told(thing))
        return answer

    def _box(self, thing: Element) -> list[float]:
        box = thing.child("bndbox") or thing.child("robndbox")
        if box is None:
            raise Wrong("bad_shape", "An object has no bndbox.")
        if box.tag == "robndbox":
            x, y, width, height = (number_in(box.said(tag)) for tag in ("cx", "cy", "w", "h"))
            self.notes["rotated_to_box"] += 1
            degrees = number_in(box.said("angle")) * 57.29577951308232
            return upright(*turned([x - width / 2, y - height / 2, width, height], degrees))
        left, top, right, bottom = (number_in(box.said(tag)) for tag in ("xmin", "ymin", "xmax", "ymax"))
        if thing.child("polygon"):
            self.notes["polygon_to_box"] += 1
        if isinstance(left, int) and isinstance(top, int) and isinstance(right, int) and isinstance(bottom, int):
            return [left, top, right - left, bottom - top]
        return upright(left, top, right, bottom)

    def _told(self, thing: Element) -> tuple[str | None, dict[str, Any]]:
        """Answer the text and the attributes of an object."""
        rows = thing.child("attributes")
        said = {row.said("name"): row.child("value") for row in rows.all("attribute")} if rows else {}
        texts: dict[str, Any] = {name: value.text for name, value in said.items() if value is not None}
        text = texts.pop(TEXT, None)
        return text, attributes_of(texts, self.notes)


def _is_xml(name: str) -> bool:
    return name.lower().endswith(".xml")


def _is_annotation(source: Source, name: str) -> bool:
    try:
        with opened(source, name) as stream:
            return b"<annotation" in (head := stream.read(HEAD)) and b"<annotations" not in head
    except Wrong:
        return False


def _splits(source: Source) -> Iterator[tuple[str, str]]:
    """Yield the split of each name that ImageSets/Main/train.txt and the like list."""
    for file in source.names():
        parts = file.split("/")
        if "ImageSets" in parts and parts[-1].removesuffix(".txt") in LISTS and (split := split_of(parts[-1][:-4])):
            try:
                content = whole(source, file, MAX_LIST)
            except Wrong:
                continue
            for line in content.splitlines():
                name = line.decode("utf-8", "replace").strip()
                if name and not name.startswith("#"):
                    yield name, split


def _without_folder(path: str) -> str:
    """Answer a path below the folders that the format adds; of others the last part only."""
    parts = path.split("/")
    added = {"annotations", "jpegimages", "images"}
    last = max((place for place, part in enumerate(parts[:-1]) if part.lower() in added), default=None)
    return "/".join(parts[last + 1 :]) if last is not None else parts[-1]


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Write an XML per image below `Annotations/`, images below `JPEGImages/`, and the lists of the splits."""
    names = Names(notes, _would_be_misread)
    lists = {split: Spool(b"") for split in SHORT_SPLITS.values()}
    try:
        for member in members:
            name, said = names.of(member), taken_apart(member)
            if said is not None:
                left_out(said, notes, "label", "text", "attributes")
            if (boxes := boxes_said(said)) is not None:
                sink.write(f"Annotations/{stem_of(name)}.xml", _document(member, name, boxes))
            elif member.image is None:
                notes["unlabelled_dropped"] += 1
                continue
            if short := SHORT_SPLITS.get(member.split or ""):
                lists[short].add(f"{stem_of(name)}\n".encode())
            if member.image is not None:
                sink.image(f"JPEGImages/{name}", member.image)
        for split, listed in lists.items():
            if listed.count:
                with sink.stream(f"ImageSets/Main/{split}.txt") as stream:
                    listed.pour(stream)
    finally:
        for listed in lists.values():
            listed.close()


def _would_be_misread(name: str, member: ExportMember) -> bool:
    folders = [part.lower() for part in name.split("/")[:-1]]
    return bool({"annotations", "jpegimages", "images"} & set(folders)) or any(map(split_of, folders))


def _document(member: ExportMember, name: str, boxes: list[annotation.Box]) -> bytes:
    lines = ["<annotation>", f"  <filename>{spelled(name)}</filename>"]
    if member.width and member.height:
        lines += [
            "  <size>",
            f"    <width>{member.width}</width>",
            f"    <height>{member.height}</height>",
            "    <depth>3</depth>",
            "  </size>",
        ]
    for box in boxes:
        lines += _object(box)
    return "\n".join([*lines, "</annotation>", ""]).encode()


def _object(box: annotation.Box) -> list[str]:
    places = zip(("xmin", "ymin", "xmax", "ymax"), corners(box.bbox), strict=True)
    told = dict(box.attributes or {})
    if box.text is not None:
        told[TEXT] = box.text
    lines = ["  <object>", f"    <name>{spelled(box.label)}</name>", "    <bndbox>"]
    lines += [f"      <{tag}>{spelled_number(number)}</{tag}>" for tag, number in places]
    lines += ["    </bndbox>"]
    if told:
        lines.append("    <attributes>")
        for name, value in told.items():
            said = f"<name>{spelled(name)}</name><value>{spelled(spelled_attribute(value))}</value>"
            lines.append(f"      <attribute>{said}</attribute>")
        lines.append("    </attributes>")
    return [*lines, "  </object>"]


FORMAT = Format(
    slug="voc",
    title="Pascal VOC",
    cannot_carry=(
        "Pascal VOC carries boxes with their texts and attributes, and splits; it cannot carry what an image is as a whole, the "
        "types of attributes, one that is called text, and boxes more exactly than to the ten-thousandth of a pixel."
    ),
    detect=detect,
    read=read,
    write=write,
)
