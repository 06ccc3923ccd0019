"""COCO: one JSON with images, annotations and categories, or one for each split; Roboflow's and CVAT's variants too.

Read in two passes, so that a hundred thousand images take little room: first each annotation is linked to its image, then
images are read one by one with theirs. Beyond the standard we write, and understand, `split`, `sample_id`, `text` and
`attributes` of an image, `text` and `attributes` of a box, and an annotation without a box for what the whole image is.
"""

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import orjson
from msgspec import Raw, Struct

from core.typed import LARGEST, told
from learning import annotation
from learning.annotation import Schema
from training.formats.base import (
    Bad,
    ExportMember,
    Format,
    Notes,
    Record,
    Sink,
    Source,
    Value,
    Wrong,
    cleaned,
    split_in,
    split_of,
)
from training.formats.coco_shapes import around_mask, around_polygons, four_numbers
from training.formats.pieces import UNDECODABLE, Document, Piece, bounded, opened, why
from training.formats.places import Places, recognised
from training.formats.spool import Spool
from training.formats.values import Answer, Categories, attributes_of, finished, id_of, side_of, taken_apart

SNIFFED = 256 * 1024
KEYS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
IMAGE_ID = re.compile(rb'"image_id"\s*:\s*("[^"\\]*"|-?\d+)')
NO_SEGMENTATION = frozenset({b"", b"[]", b"{}", b"null", b"[[]]"})
END = -1
NAME = "annotations.json"
Id = int | str | float


class _Image(Struct, gc=False):
    id: Id
    file_name: Any = None
    width: Any = None
    height: Any = None
    split: Any = None
    sample_id: Any = None
    text: Any = None
    attributes: Any = None
    unlabelled: Any = None


class _Link(Struct, gc=False):
    image_id: Id
    id: Any = None


class _Annotation(Struct, gc=False):
    category_id: Any = None
    bbox: Any = None
    segmentation: Raw = Raw(b"")
    iscrowd: Any = 0
    attributes: Any = None
    text: Any = None
    caption: Any = None
    keypoints: Raw = Raw(b"")
    segments_info: Raw = Raw(b"")


class _Category(Struct, gc=False):
    id: Id
    name: Any = None


read_image = msgspec.json.Decoder(_Image).decode
read_link = msgspec.json.Decoder(_Link).decode
read_annotation = msgspec.json.Decoder(_Annotation).decode
read_category = msgspec.json.Decoder(_Category).decode


def detect(source: Source) -> bool:
    """Tell whether there is a COCO file in the source."""
    return any(_is_coco(source, name) for name in _candidates(source))


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield what each COCO file says, image by image in its order, then what it says of images it does not list."""
    places = Places(source)
    for name in recognised(source, _candidates(source), _is_coco, notes):
        try:
            yield from _File(source, name, places, notes).records()
        except Wrong as wrong:
            yield Bad(name="", file=name, line=0, reason=wrong.reason, detail=wrong.detail)


def _candidates(source: Source) -> list[str]:
    return [name for name in source.names() if name.lower().endswith(".json")]


def _is_coco(source: Source, name: str) -> bool:
    try:
        with opened(source, name) as stream:
            head = stream.read(SNIFFED)
    except Wrong:
        return False
    keys = {match[1] for match in KEYS.finditer(head)}
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    return begins and (b"images" in keys or (len(head) == SNIFFED and bool(keys)))


class _File:
    """One file, read."""

    def __init__(self, source: Source, name: str, places: Places, notes: Notes) -> None:
        self.name, self.places, self.notes = name, places, notes
        self.document = Document(source, name)
        found = self.document.members("images", "annotations", "categories")
        if "images" not in found:
            raise Wrong("bad_shape", "It lists no images.")
        self.images = found["images"]
        self.annotations: list[Piece] = found.get("annotations", [])
        self.said = "annotations" in found
        self.split = _split_in(name)
        self.categories = dict(self._categories(found.get("categories", [])))
        self.first: dict[Id, int] = {}
        self.next = array("l", [END]) * len(self.annotations)
        self.broken: dict[Id, Wrong] = {}

    def records(self) -> Iterator[Record | Bad]:
        """Yield the records, and what is wrong."""
        yield from self._link()
        seen: set[Id] = set()
        for piece in self.images:
            line = self.document.line_of(piece)
            try:
                image = read_image(bounded(piece))
            except UNDECODABLE as error:
                yield self._bad("", line, _wrong(piece, error))
                continue
            except Wrong as wrong:
                yield self._bad("", line, wrong)
                continue
            name = cleaned(image.file_name, self.notes)
            key = _key(image.id)
            if key in seen:
                yield self._bad(name, line, Wrong("image_twice", f"The id {str(image.id)[:60]} is there twice."))
                continue
            seen.add(key)
            first = self.first.pop(key, END)
            if not name:
                yield self._bad("", line, Wrong("bad_name", f"The image {str(image.id)[:60]} has no name."))
            elif broken := self.broken.pop(key, None):
                yield self._bad(name, line, broken)
            else:
                yield from self._record(image, name, line, first)
        yield from self._orphans()

    def _categories(self, pieces: list[Piece]) -> Iterator[tuple[Id, str]]:
        for piece in pieces:
            try:
                category = read_category(piece)
            except UNDECODABLE:
                continue  # whoever names it is told so
            if isinstance(category.name, str):
                yield _key(category.id), category.name

    def _link(self) -> Iterator[Bad]:
        """Chain the annotations of each image in their order; backwards, so that each chain needs its head only."""
        import numpy as np

        ids = array("q")
        for place in range(len(self.annotations) - 1, -1, -1):
            piece = self.annotations[place]
            try:
                link = read_link(piece)
            except UNDECODABLE as error:
                yield from self._broken(piece, _wrong(piece, error))
                continue
            if isinstance(link.id, int) and abs(link.id) <= LARGEST:
                ids.append(link.id)
            image_id = _key(link.image_id)
            self.next[place] = self.first.get(image_id, END)
            self.first[image_id] = place
        if again := len(ids) - len(np.unique(ids)):
            self.notes["duplicate_id"] += again

    def _broken(self, piece: Piece, wrong: Wrong) -> Iterator[Bad]:
        """Keep that an image has an annotation nobody can read, or yield that where it names no image."""
        line = self.document.line_of(piece)
        found = IMAGE_ID.search(bytes(piece))
        try:
            image_id = msgspec.json.decode(found[1], type=Id) if found else None
        except UNDECODABLE:
            image_id = None
        if image_id is None:
            yield self._bad("", line, wrong)
        else:
            self.broken[_key(image_id)] = Wrong(wrong.reason, f"Line {line}: {wrong.detail}")

    def _record(self, image: _Image, name: str, line: int, first: int) -> Iterator[Record | Bad]:
        record = Record(
            name=name,
            file=self.name,
            line=line,
            width=side_of(image.width),
            height=side_of(image.height),
            split=split_of(image.split) or self.split,
            sample_id=id_of(image.sample_id),
        )
        record.path = self.places.find(self.name, name, record.split or "")
        place = first
        try:
            answer = self._answered(image)
            while place != END:
                piece = self.annotations[place]
                self._take(answer, piece)
                place = self.next[place]
        except Wrong as wrong:
            at = self.document.line_of(self.annotations[place]) if place != END else line
            yield Bad(name=name, file=self.name, line=at, reason=wrong.reason, detail=wrong.detail)
            return
        if self.said and image.unlabelled is not True:
            record.value = answer.value()
        yield from finished(record, self.notes)

    def _answered(self, image: _Image) -> Answer:
        answer = Answer()
        if image.text is not None:
            answer.say_text(image.text)
        if image.attributes:
            answer.attributes = attributes_of(image.attributes, self.notes)
        return answer

    def _take(self, answer: Answer, piece: Piece) -> None:
        try:
            said = read_annotation(bounded(piece))
        except UNDECODABLE as error:
            raise _wrong(piece, error) from error
        if self._drops(said):
            answer.dropped = True
            return
        label = self.categories.get(_key(said.category_id)) if isinstance(said.category_id, Id) else None
        if label is None:
            raise Wrong("category_unknown", f"{str(said.category_id)[:60]} is not among the categories.")
        shape = bytes(said.segmentation)
        if not said.bbox and shape in NO_SEGMENTATION:
            answer.say_label(label)
            return
        bbox = four_numbers(said.bbox) if said.bbox else None
        drawn = self._drawn(shape, needed=bbox is None)
        attributes = attributes_of(said.attributes, self.notes) if said.attributes else None
        answer.add_box(label, bbox or drawn, said.text, attributes)

    def _drops(self, said: _Annotation) -> bool:
        """Tell whether this is nothing that an annotation value can hold, and count it."""
        if said.iscrowd and said.iscrowd is not False:
            self.notes["crowd_dropped"] += 1
        elif bytes(said.segments_info):
            self.notes["mask_dropped"] += 1
        elif isinstance(said.caption, str) and not said.bbox:
            self.notes["caption_dropped"] += 1
        else:
            if bytes(said.keypoints) not in NO_SEGMENTATION:
                self.notes["point_dropped"] += 1
            return False
        return True

    def _drawn(self, shape: bytes, *, needed: bool) -> list[float]:
        """Count what is more than a box, and answer the box around it where there is no other."""
        if shape in NO_SEGMENTATION:
            return []
        self.notes["mask_to_box" if shape.startswith(b"{") else "polygon_to_box"] += 1
        if not needed:
            return []
        try:
            drawn = msgspec.json.decode(shape)
        except UNDECODABLE as error:
            raise _wrong(shape, error) from error
        return around_mask(drawn) if isinstance(drawn, dict) else around_polygons(drawn)

    def _orphans(self) -> Iterator[Bad]:
        for wrong in self.broken.values():
            yield self._bad("", 0, wrong)
        for image_id, first in self.first.items():
            count, place = 0, first
            while place != END:
                count, place = count + 1, self.next[place]
            line = self.document.line_of(self.annotations[first])
            detail = f"No image has the id {str(image_id)[:60]}; annotations of it: {count:,}."
            yield self._bad("", line, Wrong("image_unknown", detail))

    def _bad(self, name: str, line: int, wrong: Wrong) -> Bad:
        return Bad(name=name, file=self.name, line=line, reason=wrong.reason, detail=wrong.detail)


def _key(raw: Id) -> Id:
    """Answer an id as it is compared: some write a number as text in one place and not in the other."""
    return int(raw) if type(raw) is str and raw.isdecimal() and len(raw) < 19 else raw


def _wrong(piece: Piece, error: Exception) -> Wrong:
    if isinstance(error, msgspec.ValidationError) and "out of range" not in str(error):
        return Wrong("bad_shape", told(error).sentence("It"))
    return why(piece, error)


def _split_in(file: str) -> str | None:
    """Answer the split of a file by its folder (Roboflow) or its name (instances_val2017.json)."""
    stem = file.rpartition("/")[2].partition(".")[0]
    words = [word.rstrip("0123456789") for word in re.split(r"[_\-\s]", stem)]
    return next((split for word in words if (split := split_of(word))), None) or split_in(file)


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Write one file, its annotations through a spool; images, where there are any, go below `images/`."""
    categories = Categories(schema, first=1)
    with Spool() as images, Spool() as annotations:
        number = 0
        for place, member in enumerate(members, 1):
            said = taken_apart(member)
            images.add(_image_entry(member, said, place))
            for entry in _entries(said, categories):
                number += 1
                annotations.add(b'{"id":%d,"image_id":%d,%b}' % (number, place, entry))
            if member.image is not None:
                sink.image(f"images/{member.name}", member.image)
        with sink.stream(NAME) as stream:
            stream.write(b'{"images":[')
            images.pour(stream)
            stream.write(b'],"annotations":[')
            annotations.pour(stream)
            names = categories.names()
            listed = [{"id": place, "name": name, "supercategory": ""} for place, name in enumerate(names, 1)]
            stream.write(b'],"categories":%b}\n' % orjson.dumps(listed))


def _image_entry(member: ExportMember, said: annotation.Value | None, place: int) -> bytes:
    entry: Value = {"id": place, "file_name": member.name, "width": member.width, "height": member.height}
    if member.split:
        entry["split"] = member.split
    entry["sample_id"] = member.sample_id
    if said is None:
        entry["unlabelled"] = True
    else:
        if said.text is not None:
            entry["text"] = said.text
        if said.attributes:
            entry["attributes"] = said.attributes
    return orjson.dumps(entry)


def _entries(said: annotation.Value | None, categories: Categories) -> Iterator[bytes]:
    """Yield the annotations of an image, without their ids: what it is, then its boxes."""
    if said is None:
        return
    if said.label is not None:
        yield b'"category_id":%d,"iscrowd":0' % categories[said.label]
    for box in said.boxes or ():
        extra = b""
        if box.text is not None:
            extra += b',"text":' + orjson.dumps(box.text)
        if box.attributes:
            extra += b',"attributes":' + orjson.dumps(box.attributes)
        _, _, width, height = box.bbox
        yield b'"category_id":%d,"bbox":%b,"area":%b,"iscrowd":0,"segmentation":[]%b' % (
            categories[box.label],
            orjson.dumps(box.bbox),
            orjson.dumps(width * height),
            extra,
        )


FORMAT = Format(
    slug="coco",
    title="COCO JSON",
    cannot_carry="COCO carries boxes, labels, texts, attributes and splits; it cannot carry weights, groups, cities and times.",
    detect=detect,
    read=read,
    write=write,
    single=NAME,
)
