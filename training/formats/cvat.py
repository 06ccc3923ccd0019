"""CVAT's XML 1.1 for images: a task's or a project's export, read image by image.

Attributes get the types that the head of the file gives them; one that is called text is the text of the box. A tag says what
the image as a whole is. Frames of video tracks have no image of their own and are left out.
"""

from collections.abc import Iterable, Iterator
from typing import Any

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
    Wrong,
    cleaned,
    split_in,
    split_of,
)
from training.formats.boxes import around, corners, turned, upright
from training.formats.boxes import spelled as spelled_number
from training.formats.markup import Element, elements, quoted, spelled
from training.formats.pieces import opened
from training.formats.places import Places, recognised
from training.formats.spool import Spool
from training.formats.values import (
    Answer,
    Categories,
    attributes_of,
    finished,
    number_in,
    side_of,
    spelled_attribute,
    taken_apart,
    typed_attribute,
)

NAME = "annotations.xml"
HEAD = 4096
TEXT = "text"
KINDS = {"select": "select", "radio": "select", "checkbox": "checkbox", "number": "number", "text": "text"}
INPUTS = {"select": "select", "checkbox": "checkbox", "number": "number", "text": "text"}
DROPPED = {"points": "point_dropped", "polyline": "line_dropped", "skeleton": "point_dropped"}
Kinds = dict[tuple[str, str], str]
"""Label and attribute → type."""


def detect(source: Source) -> bool:
    """Tell whether there is an XML of CVAT in the source."""
    return any(_is_cvat(source, name) for name in source.names() if name.lower().endswith(".xml"))


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield the images of each file in its order."""
    places = Places(source)
    names = [name for name in source.names() if name.lower().endswith(".xml")]
    for name in recognised(source, names, _is_cvat, notes):
        try:
            yield from _File(source, name, places, notes).records()
        except Wrong as wrong:
            yield Bad(name="", file=name, line=0, reason=wrong.reason, detail=wrong.detail)


def _is_cvat(source: Source, name: str) -> bool:
    try:
        with opened(source, name) as stream:
            return b"<annotations" in stream.read(HEAD)
    except Wrong:
        return False


class _File:
    def __init__(self, source: Source, name: str, places: Places, notes: Notes) -> None:
        self.source, self.name, self.places, self.notes = source, name, places, notes
        self.kinds: Kinds = {}

    def records(self) -> Iterator[Record | Bad]:
        """Yield a record for each image, or what is wrong with it."""
        found = False
        with opened(self.source, self.name) as stream:
            for element in elements(stream, {"label", "image", "track"}):
                found = True
                if element.tag == "label":
                    self._learn(element)
                elif element.tag == "track":
                    self.notes["track_dropped"] += 1
                else:
                    yield from self._image(element)
        if not found:
            raise Wrong("bad_shape", "It lists no images, as CVAT's XML for images does.")

    def _learn(self, label: Element) -> None:
        """Keep the types of a label's attributes."""
        rows = label.child("attributes")
        for row in rows.all("attribute") if rows else ():
            self.kinds[label.said("name"), row.said("name")] = KINDS.get(row.said("input_type"), "text")

    def _image(self, image: Element) -> Iterator[Record | Bad]:
        said = image.attributes
        name = cleaned(said.get("name"), self.notes)
        if not name:
            yield Bad(name="", file=self.name, line=image.line, reason="bad_name")
            return
        split = split_of(said.get("subset")) or split_in(self.name)
        record = Record(
            name=name,
            file=self.name,
            line=image.line,
            width=side_of(said.get("width")),
            height=side_of(said.get("height")),
            split=split,
            path=self.places.find(self.name, name, split or ""),
        )
        answer = Answer()
        line = image.line
        try:
            for shape in image.children:
                line = shape.line
                self._take(answer, shape)
        except Wrong as wrong:
            yield Bad(name=name, file=self.name, line=line, reason=wrong.reason, detail=wrong.detail)
            return
        record.value = answer.value()
        yield from finished(record, self.notes)

    def _take(self, answer: Answer, shape: Element) -> None:
        if shape.attributes.get("outside") == "1":
            self.notes["outside_dropped"] += 1
            answer.dropped = True
            return
        text, attributes = self._told(shape)
        if shape.tag == "tag":
            if label := shape.attributes.get("label"):
                answer.say_label(label)
            if text is not None:
                answer.say_text(text)
            answer.attributes = attributes or answer.attributes
            return
        bbox = self._bbox(shape)
        if bbox is None:
            self.notes[DROPPED.get(shape.tag, "shape_dropped")] += 1
            answer.dropped = True
            return
        answer.add_box(shape.attributes.get("label"), bbox, text, attributes)

    def _told(self, shape: Element) -> tuple[str | None, dict[str, Any]]:
        """Answer the text and the attributes of a shape."""
        label = shape.attributes.get("label", "")
        said = {row.attributes.get("name", ""): row.text for row in shape.all("attribute")}
        text = said.pop(TEXT, None)
        typed = {name: typed_attribute(value, self.kinds.get((label, name), "")) for name, value in said.items()}
        return text, attributes_of(typed, self.notes)

    def _bbox(self, shape: Element) -> list[float] | None:
        """Answer the upright box around a shape, None for a shape that has none."""
        said = shape.attributes
        match shape.tag:
            case "box":
                left, top, right, bottom = (_number(said, key) for key in ("xtl", "ytl", "xbr", "ybr"))
                if degrees := number_in(said.get("rotation", "0")):
                    self.notes["rotated_to_box"] += 1
                    left, top, right, bottom = turned([left, top, right - left, bottom - top], degrees)
                return upright(left, top, right, bottom)
            case "polygon":
                self.notes["polygon_to_box"] += 1
                return upright(*around(_points(said.get("points", ""))))
            case "cuboid":
                self.notes["shape_to_box"] += 1
                places = [key for key in said if key[:1] == "x" and f"y{key[1:]}" in said]
                return (
                    upright(*around([(_number(said, key), _number(said, f"y{key[1:]}")) for key in places])) if places else None
                )
            case "mask":
                self.notes["mask_to_box"] += 1
                left, top, width, height = (_number(said, key) for key in ("left", "top", "width", "height"))
                return upright(left, top, left + width, top + height)
            case "ellipse":
                self.notes["ellipse_to_box"] += 1
                x, y, across, down = (_number(said, key) for key in ("cx", "cy", "rx", "ry"))
                degrees = number_in(said.get("rotation", "0"))
                return upright(*turned([x - across, y - down, 2 * across, 2 * down], degrees))
        return None


def _number(said: dict[str, str], key: str) -> float:
    if key not in said:
        raise Wrong("bad_shape", f"{key} is missing.")
    return number_in(said[key])


def _points(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise Wrong("bad_shape", "The points of a polygon are pairs of numbers.")
    return [(number_in(x), number_in(y)) for x, y in pairs]


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Write one file, its head with the labels of the schema, and images below `images/` where there are any."""
    labels = Categories(schema)
    with Spool(b"") as images:
        place = 0
        for member in members:
            said = taken_apart(member)
            if said is None:
                notes["unlabelled_dropped"] += 1
                continue
            for box in said.boxes or ():
                labels[box.label]  # one that the schema has no longer is told of too
            images.add(_image(place, member, said))
            place += 1
            if member.image is not None:
                sink.image(f"images/{member.name}", member.image)
        with sink.stream(NAME) as stream:
            stream.write(_head(labels.names(), schema))
            images.pour(stream)
            stream.write(b"</annotations>\n")


def _head(labels: list[str], schema: Schema) -> bytes:
    colors = {label["name"]: label.get("color", "") for label in schema.labels}
    rows = [_attribute(row) for row in schema.attributes or ()]
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>", "  <meta>", "    <task>"]
    lines.append("      <labels>")
    for label in labels:
        lines += ["        <label>", f"          <name>{spelled(label)}</name>"]
        if colors.get(label):
            lines.append(f"          <color>{spelled(colors[label])}</color>")
        lines += ["          <attributes>", *rows, "          </attributes>", "        </label>"]
    lines += ["      </labels>", "    </task>", "  </meta>", ""]
    return "\n".join(lines).encode()


def _attribute(row: dict[str, Any]) -> str:
    values = "\n".join(map(str, row.get("values") or ()))
    return (
        f"            <attribute><name>{spelled(row['name'])}</name><mutable>False</mutable>"
        f"<input_type>{INPUTS.get(row['type'], 'text')}</input_type><default_value></default_value>"
        f"<values>{spelled(values)}</values></attribute>"
    )


def _image(place: int, member: ExportMember, said: annotation.Value) -> bytes:
    size = f' width="{member.width}" height="{member.height}"' if member.width and member.height else ""
    subset = f" subset={quoted(member.split)}" if member.split else ""
    lines = [f'  <image id="{place}" name={quoted(member.name)}{subset}{size}>']
    if said.label or said.text is not None or said.attributes:
        lines += _shape("tag", {"label": said.label or ""}, said.text, said.attributes)
    for box in said.boxes or ():
        places = zip(("xtl", "ytl", "xbr", "ybr"), map(spelled_number, corners(box.bbox)), strict=True)
        lines += _shape("box", {"label": box.label, "occluded": "0", **dict(places), "z_order": "0"}, box.text, box.attributes)
    return "\n".join([*lines, "  </image>", ""]).encode()


def _shape(tag: str, said: dict[str, str], text: str | None, attributes: dict[str, Any] | None) -> list[str]:
    told = dict(attributes or {})
    if text is not None:
        told[TEXT] = text
    lines = [f"    <{tag} " + " ".join(f"{key}={quoted(value)}" for key, value in said.items()) + ' source="manual">']
    for name, value in told.items():
        lines.append(f"      <attribute name={quoted(name)}>{spelled(spelled_attribute(value))}</attribute>")
    return [*lines, f"    </{tag}>"]


FORMAT = Format(
    slug="cvat",
    title="CVAT XML for images",
    cannot_carry=(
        "CVAT XML carries labels, texts, attributes, boxes and splits; it cannot carry images without an answer, an attribute that "
        "is called text, weights, groups, cities and times, and boxes more exactly than to the ten-thousandth of a pixel."
    ),
    detect=detect,
    read=read,
    write=write,
    single=NAME,
)
