"""CSV: a row per box (TensorFlow's columns and their cousins), or a row per image with its label or text.

What the columns mean is read off their names; the delimiter, a byte order mark, decimal commas and either kind of line end are
understood. The rows of one image need not stand together. Our own files say everything: a row without corners is about the image
as a whole, and one that says nothing tells that nothing is there.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import orjson

from core.csv_rows import DANGEROUS
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
    bad,
    cleaned,
    is_image,
    split_in,
    split_of,
)
from training.formats.boxes import corners, spelled, upright
from training.formats.pieces import opened
from training.formats.places import Places, recognised
from training.formats.spool import Spool
from training.formats.values import Answer, attributes_of, finished, id_of, number_in, side_of, taken_apart

NAME = "annotations.csv"
HEADER = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax", "text", "attributes", "split", "sample_id")
MAX_ROWS = 5_000_000
MAX_FIELD = 1024 * 1024
MAX_LINE = 4 * 1024 * 1024
SNIFFED = 64 * 1024
USUAL_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG")
MEANINGS: dict[str, tuple[str, ...]] = {
    "name": ("filename", "file_name", "file", "image", "image_name", "imagename", "image_path", "img", "imageid", "image_id", "path"),
    "label": ("class", "label", "label_name", "labelname", "category", "cell_type", "class_name", "classname", "name"),
    "xmin": ("xmin", "x_min", "x1", "left"),
    "ymin": ("ymin", "y_min", "y1", "top"),
    "xmax": ("xmax", "x_max", "x2", "right"),
    "ymax": ("ymax", "y_max", "y2", "bottom"),
    "x": ("x", "bbox_x"),
    "y": ("y", "bbox_y"),
    "w": ("w", "bbox_width", "box_width", "bbox_w"),
    "h": ("h", "bbox_height", "box_height", "bbox_h"),
    "bbox": ("bbox", "box"),
    "width": ("width", "image_width", "img_width"),
    "height": ("height", "image_height", "img_height"),
    "text": ("text", "plate", "transcription", "plate_text"),
    "attributes": ("attributes",),
    "split": ("split", "subset", "set", "usage"),
    "sample_id": ("sample_id",),
}  # fmt: skip
"""What a column means → the names that the tools give it, likeliest first."""
BOX = ("xmin", "ymin", "xmax", "ymax")
NUMBER = re.compile(r"-?\d+([.,]\d+)?")
HARMFUL = re.compile("'*[" + re.escape("".join(DANGEROUS)) + "]")
"""What gets an apostrophe before it when it is written, and loses one when it is read."""


class Columns:
    """Which place of a row means what, read off the first line; one that begins with an image is no header, but a row."""

    def __init__(self, first: str) -> None:
        self.delimiter = max(",;\t|", key=first.count)
        self.blanks = f"{self.delimiter} " in first
        """Some put a blank behind each comma; where none is, one belongs to the text."""
        header = [name.strip().lower() for name in next(csv.reader([first], delimiter=self.delimiter), [])]
        self.has_header = not (header and is_image(header[0]))
        self.names = header if self.has_header else _meant(header)
        self.places: dict[str, int] = {}
        for meaning, names in MEANINGS.items():
            found = (self.names.index(name) for name in names if name in self.names)
            free = (place for place in found if place not in self.places.values())
            if (place := next(free, None)) is not None:
                self.places[meaning] = place
        if "xmin" not in self.places and "x" in self.places and "w" not in self.places:
            self._take_sides("width", "w")
            self._take_sides("height", "h")
        self.relative = "imageid" in self.names and "xmin" in self.places
        self.corners = self._corners()

    @property
    def useful(self) -> bool:
        """Tell whether rows name an image and say something of it."""
        return "name" in self.places and bool({"label", "text"} & self.places.keys() or self.corners)

    def get(self, row: list[str], meaning: str) -> str:
        """Answer the cell of a meaning, or nothing."""
        return self.cell(row, meaning).strip()

    def cell(self, row: list[str], meaning: str) -> str:
        """Answer the cell of a meaning with the blanks around it."""
        place = self.places.get(meaning, -1)
        return row[place] if 0 <= place < len(row) else ""

    def _take_sides(self, image: str, box: str) -> None:
        """Beside x and y, width and height are those of the box."""
        if image in self.places:
            self.places[box] = self.places.pop(image)

    def _corners(self) -> tuple[str, ...]:
        said = self.places.keys()
        ways = (
            ("xmin", "ymin", "xmax", "ymax"), ("xmin", "ymin", "w", "h"), ("x", "y", "w", "h"), ("bbox",),
        )  # fmt: skip
        return next((way for way in ways if said >= set(way)), ())


def detect(source: Source) -> bool:
    """Tell whether a CSV in the source names images and says something of them."""
    return any(_columns(source, name) for name in source.names() if _is_csv(name))


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield the images of each CSV, each where its last row stands."""
    places = Places(source)
    names = [name for name in source.names() if _is_csv(name)]
    for name in recognised(source, names, _columns, notes):
        try:
            yield from _File(source, name, places, notes).records()
        except Wrong as wrong:
            yield Bad(name="", file=name, line=0, reason=wrong.reason, detail=wrong.detail)


def _meant(row: list[str]) -> list[str]:
    """Answer what the columns of a table without a header are, by its first row: an image and its label, or a box too."""
    numbers = [place for place, cell in enumerate(row) if NUMBER.fullmatch(cell)]
    for places, meanings in (([1, 2, 3, 4], ("name", *BOX, "label")), ([2, 3, 4, 5], ("name", "label", *BOX))):
        if numbers == places and len(row) == 6:
            return [MEANINGS[meaning][0] for meaning in meanings]
    return [MEANINGS[meaning][0] for meaning in ("name", "label")] if len(row) == 2 else []


class _Image:
    """What the rows of one image say, until the last one was read."""

    __slots__ = ("answer", "attributes", "line", "name", "row", "wrong")

    def __init__(self, name: str, row: list[str], line: int) -> None:
        self.name, self.row, self.line = name, row, line
        self.answer = Answer()
        self.wrong: Bad | None = None


class _File:
    def __init__(self, source: Source, name: str, places: Places, notes: Notes) -> None:
        self.source, self.name, self.places, self.notes = source, name, places, notes
        columns = _columns(source, name)
        if columns is None:
            raise Wrong("bad_shape", "Its first line names no column for the image, or none that says something of it.")
        self.columns = columns

    def records(self) -> Iterator[Record | Bad]:
        last = self._last_rows()
        open_images: dict[int, _Image] = {}
        for place, (line, row) in enumerate(self._rows()):
            raw = self.columns.get(row, "name")
            key = hash(raw)
            image = open_images.get(key)
            if image is None:
                name = cleaned(_harmless_undone(raw), self.notes)
                if not name:
                    yield Bad(name="", file=self.name, line=line, reason="bad_name", detail=raw[:100])
                    continue
                image = open_images[key] = _Image(name, row, line)
            self._take(image, row, line)
            if last[key] == place:
                del open_images[key]
                yield from self._finished(image)

    def _last_rows(self) -> dict[int, int]:
        """Answer the place of the last row of each image: when it is read, the image is known."""
        return {hash(self.columns.get(row, "name")): place for place, (_, row) in enumerate(self._rows())}

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        with opened(self.source, self.name) as stream:
            columns = self.columns
            rows = csv.reader(_lines(stream), delimiter=columns.delimiter, skipinitialspace=columns.blanks)
            try:
                if columns.has_header:
                    next(rows, None)
                for place, row in enumerate(rows):
                    if place >= MAX_ROWS:
                        raise Wrong("too_large", f"A CSV may have {MAX_ROWS:,} rows.")
                    if any(row):
                        yield rows.line_num, row
            except csv.Error as error:
                raise Wrong("not_readable", f"Line {rows.line_num}: {error}.") from error

    def _take(self, image: _Image, row: list[str], line: int) -> None:
        if image.wrong:
            return
        try:
            self._say(image.answer, row)
        except Wrong as wrong:
            image.wrong = Bad(name=image.name, file=self.name, line=line, reason=wrong.reason, detail=wrong.detail)

    def _say(self, answer: Answer, row: list[str]) -> None:
        get = self.columns.get
        label, text = _harmless_undone(get(row, "label")), _harmless_undone(self.columns.cell(row, "text"))
        attributes = self._attributes(get(row, "attributes"))
        cells = [get(row, meaning) for meaning in self.columns.corners]
        if any(cells):
            answer.add_box(label, self._box(cells), text or None, attributes)
            return
        if label:
            answer.say_label(label)
        if text:
            answer.say_text(text)
        if attributes:
            answer.attributes = attributes

    def _box(self, cells: list[str]) -> list[float]:
        if self.columns.corners == ("bbox",):
            cells = [cell for cell in re.split(r"[\s,;\[\]()]+", cells[0]) if cell]
            if len(cells) != 4:
                raise Wrong("bad_shape", "bbox must be four numbers.")
        one, two, three, four = (number_in(cell) for cell in cells)
        if self.columns.relative:
            return [one, two, three - one, four - two]
        if "xmax" in self.columns.corners:
            return upright(one, two, three, four)
        return [one, two, three, four]

    def _attributes(self, cell: str) -> dict[str, Any]:
        if not cell:
            return {}
        try:
            said = orjson.loads(cell)
        except ValueError as error:
            raise Wrong("bad_shape", "attributes must be an object of JSON.") from error
        return attributes_of(said, self.notes)

    def _finished(self, image: _Image) -> Iterator[Record | Bad]:
        if image.wrong:
            yield image.wrong
            return
        get = self.columns.get
        split = split_of(get(image.row, "split")) or split_in(self.name) or _split_in_name(self.name)
        record = Record(
            name=image.name,
            file=self.name,
            line=image.line,
            width=side_of(get(image.row, "width") or None),
            height=side_of(get(image.row, "height") or None),
            relative=self.columns.relative,
            split=split,
            sample_id=id_of(_harmless_undone(get(image.row, "sample_id"))),
            path=self.places.find(self.name, image.name, split or ""),
            also=() if is_image(image.name) else tuple(image.name + suffix for suffix in USUAL_SUFFIXES),
        )
        try:
            record.value = image.answer.value()
        except Wrong as wrong:
            yield bad(record, wrong.reason, wrong.detail)
            return
        yield from finished(record, self.notes)


def _is_csv(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv"))


def _columns(source: Source, name: str) -> Columns | None:
    """Answer the columns that the first line names, or None where it is no table of annotations."""
    try:
        with opened(source, name) as stream:
            first = next(_lines(io.BytesIO(stream.read(SNIFFED))), "")
        columns = Columns(first)
    except (Wrong, csv.Error):
        return None
    return columns if columns.useful else None


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines of a file with their ends, whichever they are; raises Wrong for one without end."""
    text = io.TextIOWrapper(io.BufferedReader(_Kept(stream)), encoding="utf-8-sig", newline="")
    while True:
        try:
            line = text.readline(MAX_LINE)
        except UnicodeDecodeError as error:
            raise Wrong("not_readable", "It is not UTF-8.") from error
        if not line:
            return
        if len(line) >= MAX_LINE:
            raise Wrong("too_large", "A line does not end.")
        yield line.replace("\0", "")


class _Kept(io.RawIOBase):
    """A stream that a text wrapper may read, and does not close."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _split_in_name(file: str) -> str | None:
    stem = file.rpartition("/")[2].partition(".")[0]
    return next((split for word in re.split(r"[_\-\s]", stem) if (split := split_of(word))), None)


def _harmless(text: str | None) -> str:
    """Answer a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text and HARMFUL.match(text) else text or ""


def _harmless_undone(text: str) -> str:
    return text[1:] if text.startswith("'") and HARMFUL.match(text) else text


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Write one table, and images below `images/` where there are any."""
    with Spool(b"") as rows:
        for member in members:
            said = taken_apart(member)
            if said is None:
                notes["unlabelled_dropped"] += 1
                continue
            rows.add(_spelled([_row(member, what) for what in _rows(said)]))
            if member.image is not None:
                sink.image(f"images/{member.name}", member.image)
        with sink.stream(NAME) as stream:
            stream.write(_spelled([HEADER]))
            rows.pour(stream)


def _rows(said: annotation.Value) -> Iterator[tuple[str, ...]]:
    """Yield class, corners, text and attributes: of the image where it says something, or nothing at all, then of each box."""
    if said.label or said.text or said.attributes or not said.boxes:
        yield _harmless(said.label), "", "", "", "", _harmless(said.text), _json(said.attributes)
    for box in said.boxes or ():
        left, top, right, bottom = (spelled(number) for number in corners(box.bbox))
        yield _harmless(box.label), left, top, right, bottom, _harmless(box.text), _json(box.attributes)


def _json(attributes: Any) -> str:
    return orjson.dumps(attributes).decode() if attributes else ""


def _row(member: ExportMember, what: tuple[str, ...]) -> tuple[object, ...]:
    return (
        _harmless(member.name),
        member.width or "",
        member.height or "",
        *what,
        member.split or "",
        _harmless(member.sample_id),
    )


def _spelled(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


FORMAT = Format(
    slug="csv",
    title="CSV",
    cannot_carry=(
        "CSV carries labels, texts, attributes, boxes and splits; it cannot carry images without an answer, weights, groups, "
        "cities and times, and boxes more exactly than to the ten-thousandth of a pixel."
    ),
    detect=detect,
    read=read,
    write=write,
    single=NAME,
)
