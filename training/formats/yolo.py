"""YOLO: a text file per image, a line per box, in shares of the image; class names in data.yaml, obj.names or classes.txt.

Nothing that data.yaml or a list of images points to is opened: images are found by their names in the source. A file without
lines says that nothing is there; an image without a file is one that nobody labelled.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from training.formats.base import (
    Bad,
    Format,
    Notes,
    Record,
    Source,
    Wrong,
    cleaned,
    split_in,
    split_of,
    stem_of,
)
from training.formats.boxes import around
from training.formats.pieces import whole
from training.formats.places import Places
from training.formats.values import Answer, finished, number_in
from training.formats.yolo_writing import DARKNET, LABEL_FOLDERS, write

MAX_LABELS = 1024 * 1024
MAX_NAMES = 300_000
MAX_LIST = 256 * 1024 * 1024
SNIFFED = 20
IMAGE_FOLDERS = ("images", "Images", "JPEGImages")
LISTS = re.compile(r"(?:^|/)(train|val|valid|validation|test|images)\.txt$", re.IGNORECASE)
CLASS_LISTS = re.compile(r"(?:^|/)(?:[^/]*\.names|classes\.txt|data\.ya?ml|dataset\.ya?ml)$", re.IGNORECASE)
NUMBERS = re.compile(r"\s*\d+(\.0+)?(\s+-?\d*\.?\d+([eE][-+]?\d+)?){4,}\s*$")
DOTA = re.compile(r"\s*(-?\d*\.?\d+\s+){8}[^\d\s.+-]\S*(\s+\d+)?\s*$")
USUAL_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".webp", ".bmp")
FAR = 0.5
"""How far a box may leave its image, as a share of it; what is farther out was not meant as a share."""


class Classes:
    """The names of the classes of one data set, and how many numbers a key point has where it has any."""

    def __init__(self, names: dict[int, str] | None = None, points: int = 0) -> None:
        self.names, self.points = names or {}, points

    def __getitem__(self, number: int) -> str:
        return self.names.get(number) or f"class_{number}"


def detect(source: Source) -> bool:
    """Tell whether the source holds label files of YOLO."""
    sniffed = 0
    for name in source.names():
        if not _is_text(name):
            continue
        if _is_label_folder(name):
            return True
        sniffed += 1
        if sniffed <= SNIFFED and _looks_right(source, name):
            return True
    return False


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield the images that the lists name in their order, then the other label files, then images that have none."""
    yield from _Reading(source, notes).records()


class _Reading:
    def __init__(self, source: Source, notes: Notes) -> None:
        self.source, self.notes = source, notes
        self.places = Places(source)
        self.texts = {name: None for name in source.names() if _is_text(name)}
        self.classes = {name: None for name in source.names() if CLASS_LISTS.search(name)}
        self.known: dict[str, Classes] = {}
        self.wrong: list[Bad] = []
        self.by_stem = _by_last_part(self.texts)
        self.images_read: set[str] = set()

    def records(self) -> Iterator[Record | Bad]:
        left = dict(self.texts)
        for listed, split in self._listed():
            text = self._text_of(listed)
            if text is None:
                yield from self._unlabelled(listed, split)
            elif text in left:
                del left[text]
                yield from self._labelled(text, listed, split)
        for text in left:
            yield from self._labelled(text, None, None)
        if self.texts:
            for path in self.places.images:
                if path not in self.images_read:
                    name = _image_name(path)
                    yield Record(name=name, file=path, split=_split(path), path=path)
        yield from self.wrong

    def _listed(self) -> Iterator[tuple[str, str | None]]:
        """Yield the images that train.txt and the like name, cleaned, with their split."""
        for file in self.source.names():
            if match := LISTS.search(file):
                try:
                    content = whole(self.source, file, MAX_LIST)
                except Wrong as wrong:
                    self.wrong.append(Bad(name="", file=file, line=0, reason=wrong.reason, detail=wrong.detail))
                    continue
                for line in content.splitlines():
                    name = cleaned(line.decode("utf-8", "replace").strip(), self.notes)
                    if name and "." in name:
                        yield name, split_of(match[1])

    def _text_of(self, listed: str) -> str | None:
        """Answer the label file of an image that a list names: of those of its name the one whose path agrees the longest."""
        found = self.by_stem.get(stem_of(listed.rpartition("/")[2]), ())
        wanted = stem_of(_swapped(listed, "images", "labels")).split("/")
        return max(found, key=lambda text: _agreeing(stem_of(text).split("/"), wanted), default=None)

    def _unlabelled(self, listed: str, split: str | None) -> Iterator[Record]:
        path = self.places.of_stem(stem_of(listed))
        if path:
            self.images_read.add(path)
        yield Record(name=_image_name(listed), file=listed, split=_split(listed) or split, path=path)

    def _labelled(self, text: str, listed: str | None, split: str | None) -> Iterator[Record | Bad]:
        path = self._image_of(text)
        name = _image_name(stem_of(text) + (PurePosixPath(path or listed or "").suffix))
        also = () if path or listed else tuple(name + suffix for suffix in USUAL_SUFFIXES)
        record = Record(name=name, file=text, line=1, relative=True, split=_split(text) or split, path=path, also=also)
        answer = Answer()
        try:
            content = whole(self.source, text, MAX_LABELS)
            if path is None and not _is_label_folder(text) and not listed and not _is_numeric(content):
                self.notes["file_ignored"] += 1
                return
            classes = self._classes_of(text)
            for record.line, line in enumerate(_decoded(content).splitlines(), 1):
                if line.strip():
                    self._take(record, answer, line, classes)
        except Wrong as wrong:
            self.images_read.add(path or "")
            yield Bad(name=name, file=text, line=record.line, reason=wrong.reason, detail=wrong.detail)
            return
        self.images_read.add(path or "")
        record.line, record.value = 1, answer.value()
        yield from finished(record, self.notes)

    def _image_of(self, text: str) -> str | None:
        stem = stem_of(text)
        folders = stem.split("/")[:-1]
        for folder in reversed(folders):
            if folder.lower() in LABEL_FOLDERS:
                for images in IMAGE_FOLDERS:
                    if path := self.places.of_stem(_swapped(stem, folder, images)):
                        return path
                break
        return self.places.of_stem(stem)

    def _take(self, record: Record, answer: Answer, line: str, classes: Classes) -> None:
        """Take one line: a box, a polygon, a turned box, a box with key points, or with a confidence."""
        if DOTA.match(line):
            self._take_dota(record, answer, line)
            return
        numbers = [number_in(word) for word in line.split()]
        if len(numbers) < 5 or numbers[0] < 0 or not isinstance(numbers[0], int):
            raise Wrong("bad_shape", f"{line[:60]!r} is no class with a box.")
        label, rest = classes[numbers[0]], numbers[1:]
        if classes.points and len(rest) >= 4 + classes.points:
            self.notes["point_dropped"] += (len(rest) - 4) // classes.points
            rest = rest[:4]
        if len(rest) <= 5:  # the fifth is how sure a model was
            x, y, width, height = rest[:4]
            answer.add_box(label, _checked([x - width / 2, y - height / 2, width, height]))
        elif len(rest) % 2 == 0:
            self.notes["rotated_to_box" if len(rest) == 8 else "polygon_to_box"] += 1
            left, top, right, bottom = around(zip(rest[::2], rest[1::2], strict=True))
            answer.add_box(label, _checked([left, top, right - left, bottom - top]))
        else:
            raise Wrong("bad_shape", f"A line has {len(numbers)} numbers.")

    def _take_dota(self, record: Record, answer: Answer, line: str) -> None:
        """Take a line of labelTxt: the four corners of a turned box in pixels, then its class by name."""
        if answer.boxes and record.relative:
            raise Wrong("bad_shape", "Lines in shares of the image and in pixels are mixed.")
        record.relative = False
        words = line.split()
        numbers = [number_in(word) for word in words[:8]]
        self.notes["rotated_to_box"] += 1
        left, top, right, bottom = around(zip(numbers[::2], numbers[1::2], strict=True))
        answer.add_box(words[8], [left, top, right - left, bottom - top])

    def _classes_of(self, text: str) -> Classes:
        """Answer the classes of the list that lies nearest above a label file, else of the first there is."""
        folder = text.rpartition("/")[0]
        if folder not in self.known:
            parts = folder.split("/")
            near = max(self.classes, key=lambda file: _common(file.split("/")[:-1], parts), default=None)
            self.known[folder] = self._read_classes(near) if near else Classes()
        return self.known[folder]

    def _read_classes(self, file: str) -> Classes:
        try:
            text = _decoded(whole(self.source, file, MAX_NAMES))
            if file.lower().endswith((".yaml", ".yml")):
                return _from_yaml(text)
        except Wrong as wrong:
            self.wrong.append(Bad(name="", file=file, line=0, reason=wrong.reason, detail=wrong.detail))
            return Classes()
        return Classes({number: name.strip() for number, name in enumerate(text.rstrip().splitlines())})


def _checked(bbox: list[float]) -> list[float]:
    """Answer a box in shares of the image; raises Wrong for one in pixels, which would become the whole image when cut."""
    x, y, width, height = bbox
    if x < -FAR or y < -FAR or x + width > 1 + FAR or y + height > 1 + FAR:
        raise Wrong("no_share", f"A box reaches from {x:.6g}, {y:.6g} to {x + width:.6g}, {y + height:.6g}.")
    return bbox


def _from_yaml(text: str) -> Classes:
    try:
        # the loader that knows no tags and leaves every word a text: `no` is a name, and not false
        value: Any = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Wrong("not_readable", " ".join(str(error).split())) from error
    if not isinstance(value, dict):
        return Classes()
    names, shape = value.get("names"), value.get("kpt_shape")
    pairs = names.items() if isinstance(names, dict) else enumerate(names) if isinstance(names, list) else ()
    known = {
        int(number): name.strip()
        for number, name in pairs
        if isinstance(name, str) and (isinstance(number, int) or (number.isdecimal() and len(number) < 9))
    }
    points = shape[1] if isinstance(shape, list) and len(shape) == 2 else ""
    return Classes(known, int(points) if points in ("2", "3") else 0)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Wrong("not_readable", "It is not UTF-8.") from error


def _is_text(name: str) -> bool:
    base = name.rpartition("/")[2].lower()
    return base.endswith(".txt") and not LISTS.search(name) and base != "classes.txt" and not base.startswith("readme")


def _is_label_folder(name: str) -> bool:
    return any(part.lower() in LABEL_FOLDERS or DARKNET.fullmatch(part) for part in name.split("/")[:-1])


def _looks_right(source: Source, name: str) -> bool:
    try:
        return source.size(name) <= MAX_LABELS and _is_numeric(whole(source, name, MAX_LABELS))
    except Wrong:
        return False


def _is_numeric(content: bytes) -> bool:
    """Tell whether the first line that says anything is one of boxes."""
    lines = content.decode("utf-8-sig", "replace").splitlines()
    first = next((line for line in lines if line.strip()), "")
    return bool(NUMBERS.match(first) or DOTA.match(first))


def _by_last_part(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(stem_of(name.rpartition("/")[2]), []).append(name)
    return found


def _swapped(path: str, folder: str, other: str) -> str:
    """Answer a path in which the last folder of a name has another one."""
    parts = path.split("/")
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == folder:
            parts[place] = other
            break
    return "/".join(parts)


def _agreeing(one: list[str], two: list[str]) -> int:
    """Answer how many parts of two paths agree, from their ends."""
    pairs = zip(reversed(one), reversed(two), strict=False)
    return next((count for count, (left, right) in enumerate(pairs) if left != right), min(len(one), len(two)))


def _common(one: list[str], two: list[str]) -> tuple[int, int]:
    """Answer how near a folder lies above another: the shared beginning, then how little it has beside."""
    shared = next((count for count, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    return shared, -len(one)


def _split(path: str) -> str | None:
    for part in path.split("/")[:-1]:
        if match := DARKNET.fullmatch(part):
            return split_of(match["split"] or match["other"])
    return split_in(path)


def _image_name(path: str) -> str:
    """Answer what is left of a path without the folders that the format adds: images/train, train/labels, obj_train_data."""
    parts = path.split("/")
    folders = [part.lower() for part in parts[:-1]]
    added = {*LABEL_FOLDERS, "images"}
    last = max((place for place, part in enumerate(folders) if part in added or DARKNET.fullmatch(part)), default=-1)
    if last + 1 < len(folders) and last >= 0 and split_of(folders[last + 1]):
        last += 1
    return "/".join(parts[last + 1 :])


FORMAT = Format(
    slug="yolo",
    title="YOLO",
    cannot_carry=(
        "YOLO carries boxes and splits; it cannot carry texts, attributes, what an image is as a whole, the sizes of images, "
        "and boxes more exactly than to the ten-thousandth of a pixel."
    ),
    detect=detect,
    read=read,
    write=write,
)
