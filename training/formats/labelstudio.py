"""Label Studio's JSON: a list of tasks with their annotations, or the short JSON_MIN; places are percents of the image.

Of several annotations of one task the newest counts and the others are kept as older ones; skipped ones do not count. Who made
them is not kept. Our own attributes come as questions named `attributes.<name>`, of a box under the box's id.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import orjson
from msgspec import Struct

from core.typed import told
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
    is_image,
    split_in,
    split_of,
)
from training.formats.boxes import corners
from training.formats.labelstudio_results import PREFIX, Reading, Result
from training.formats.pieces import UNDECODABLE, Document, Piece, bounded, opened, why
from training.formats.places import Places, recognised
from training.formats.spool import Spool
from training.formats.values import (
    EMAIL,
    finished,
    id_of,
    spelled_attribute,
    taken_apart,
)

NAME = "tasks.json"
SNIFFED = 64 * 1024
TASKS = re.compile(rb'"(annotations|completions|annotation_id|data|lead_time|rectanglelabels)"\s*:')
UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""
PERCENTS = 10
"""Digits of a percent: a place in any image comes out to the ten-thousandth of a pixel again."""
IMAGE_KEYS = ("image", "img", "image_url", "url", "ocr", "photo")
MINIMAL = frozenset({
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "reviews", "sample_id", "split",
})  # fmt: skip


class _Annotation(Struct, gc=False):
    result: list[Result] | None = None
    was_cancelled: Any = False
    updated_at: Any = None
    created_at: Any = None
    id: Any = None
    completed_by: Any = None
    score: Any = None


class _Task(Struct, gc=False):
    data: dict[str, Any] | None = None
    annotations: list[_Annotation] | None = None
    completions: list[_Annotation] | None = None
    predictions: list[_Annotation | int] | None = None
    file_upload: Any = None


read_task = msgspec.json.Decoder(_Task).decode
read_minimal = msgspec.json.Decoder(dict[str, Any]).decode


def detect(source: Source) -> bool:
    """Tell whether there is an export of Label Studio in the source."""
    return any(_is_export(source, name) for name in source.names())


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield each task of each export."""
    places = Places(source)
    names = [name for name in source.names() if name.lower().endswith(".json")]
    for name in recognised(source, names, _is_export, notes):
        try:
            yield from _File(source, name, places, notes).records()
        except Wrong as wrong:
            yield Bad(name="", file=name, line=0, reason=wrong.reason, detail=wrong.detail)


def _is_export(source: Source, name: str) -> bool:
    if not name.lower().endswith(".json"):
        return False
    try:
        with opened(source, name) as stream:
            head = stream.read(SNIFFED)
    except Wrong:
        return False
    begins = re.match(rb"(\xef\xbb\xbf)?\s*\[\s*\{", head)
    return bool(begins and TASKS.search(head))


class _File:
    def __init__(self, source: Source, name: str, places: Places, notes: Notes) -> None:
        self.name, self.places, self.notes = name, places, notes
        self.document = Document(source, name)

    def records(self) -> Iterator[Record | Bad]:
        """Yield a record for each task, or what is wrong with it."""
        for piece in self.document.elements():
            line = self.document.line_of(piece)
            record = Record(name="", file=self.name, line=line)
            try:
                self._fill(record, piece)
            except Wrong as wrong:
                yield Bad(name=record.name, file=self.name, line=line, reason=wrong.reason, detail=wrong.detail)
                continue
            yield from finished(record, self.notes)

    def _fill(self, record: Record, piece: Piece) -> None:
        try:
            task = read_task(bounded(piece))
            data = task.data if task.data is not None else read_minimal(piece)
        except msgspec.ValidationError as error:
            raise Wrong("bad_shape", told(error).sentence("It")) from error
        except UNDECODABLE as error:
            raise why(piece, error) from error
        self._name(record, data, task.file_upload)
        record.sample_id = id_of(data.get("sample_id"))
        record.split = split_of(data.get("split")) or split_in(self.name)
        record.path = self.places.find(self.name, record.name, record.split or "")
        if task.data is None:
            self._take_minimal(record, data)
        else:
            self._take_annotations(record, task)

    def _name(self, record: Record, data: dict[str, Any], uploaded: object) -> None:
        """Name the image by where the task's data says it is, or by the file that was uploaded."""
        keys = [*(key for key in IMAGE_KEYS if key in data), *data]
        found = next((data[key] for key in keys if isinstance(data[key], str) and is_image(_path_of(data[key]))), None)
        if found is None:
            found = next((data[key] for key in IMAGE_KEYS if isinstance(data.get(key), str)), None)
        if found is None and isinstance(uploaded, str) and is_image(uploaded):
            found = uploaded
        record.name = cleaned(_path_of(found) if isinstance(found, str) else None, self.notes)
        if not record.name:
            raise Wrong("bad_name", "The data of the task names no image.")
        base = record.name.rpartition("/")[2]
        also = {base, UPLOADED.sub("", base)}
        if isinstance(uploaded, str) and (name := cleaned(uploaded, self.notes)):
            also |= {name, UPLOADED.sub("", name)}
        record.also = tuple(sorted(also - {record.name}))

    def _take_annotations(self, record: Record, task: _Task) -> None:
        given = task.annotations if task.annotations is not None else task.completions or []
        counted = [said for said in given if not said.was_cancelled]
        if len(counted) < len(given):
            self.notes["cancelled_dropped"] += len(given) - len(counted)
        for said in given:
            by = said.completed_by
            if (isinstance(by, dict) and "email" in by) or (isinstance(by, str) and EMAIL.fullmatch(by)):
                self.notes["email_dropped"] += 1
        counted.sort(key=_moment)
        values = [self._value(record, said) for said in counted]
        if values:
            record.value = values.pop()
            record.earlier = tuple(value for value in values if value is not None)
            if values:
                self.notes["several_answers"] += 1
        predictions = [said for said in task.predictions or () if isinstance(said, _Annotation)]
        if predictions:
            newest = max(predictions, key=_moment)
            record.prediction = self._value(record, newest)
            score = newest.score
            record.confidence = float(score) if isinstance(score, int | float) and 0 <= score <= 1 else None

    def _value(self, record: Record, said: _Annotation) -> Value | None:
        return Reading(record, said.result or [], self.notes).value()

    def _take_minimal(self, record: Record, data: dict[str, Any]) -> None:
        """Take a task of JSON_MIN, where the answers stand among the data: lists of regions, and what is called label or text."""
        results = []
        for key, said in data.items():
            if isinstance(said, list) and said and all(isinstance(region, dict) and "x" in region for region in said):
                results += [_region(region, key) for region in said]
            elif key in {"label", "choice", "class", "category"} and isinstance(said, str | dict):
                chosen = said.get("choices") if isinstance(said, dict) else [said]
                results.append(Result(type="choices", from_name=key, value={"choices": chosen}))
            elif key in {"text", "transcription"} and isinstance(said, str):
                results.append(Result(type="textarea", from_name=key, value={"text": [said]}))
            elif key not in MINIMAL and key not in IMAGE_KEYS:
                self.notes["field_ignored"] += 1
        if isinstance(by := data.get("annotator"), str) and EMAIL.fullmatch(by):
            self.notes["email_dropped"] += 1
        record.value = Reading(record, results, self.notes).value()


def _region(region: dict[str, Any], key: str) -> Result:
    kind = next((name for name in region if name.endswith("labels")), "rectanglelabels")
    sides = region.get("original_width"), region.get("original_height")
    return Result(
        type=kind, from_name=key, id=region.get("id"), value=region, original_width=sides[0], original_height=sides[1]
    )


def _path_of(said: str) -> str:
    """Answer the path in the address of an image, without host and question; local files are asked for by `d`."""
    if "://" not in said and not said.startswith("/data/"):
        return said
    try:
        parts = urlsplit(said)
    except ValueError:
        return ""
    asked = parse_qs(parts.query).get("d") if parts.path.startswith("/data/local-files") else None
    return asked[0] if asked else unquote(parts.path).lstrip("/")


def _moment(said: _Annotation) -> tuple[str, int]:
    """Order annotations by when they were changed last, or by their numbers."""
    at = said.updated_at or said.created_at
    return (at if isinstance(at, str) else "", said.id if isinstance(said.id, int) else 0)


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Write one list of tasks, and images below `images/` where there are any."""
    kinds = {row["name"]: row["type"] for row in schema.attributes or ()}
    with Spool(b",\n") as tasks:
        for place, member in enumerate(members, 1):
            said = taken_apart(member)
            if said is not None and said.boxes and not (member.width and member.height):
                notes["size_missing"] += 1
                continue
            tasks.add(orjson.dumps(_task(place, member, said, kinds)))
            if member.image is not None:
                sink.image(f"images/{member.name}", member.image)
        with sink.stream(NAME) as stream:
            stream.write(b"[\n")
            tasks.pour(stream)
            stream.write(b"\n]\n")


def _task(place: int, member: ExportMember, said: annotation.Value | None, kinds: dict[str, str]) -> dict[str, Any]:
    data = {"image": member.name, "sample_id": member.sample_id}
    if member.split:
        data["split"] = member.split
    results = [] if said is None else list(_results(member, said, kinds))
    given = [] if said is None else [{"id": place, "was_cancelled": False, "result": results}]
    return {"id": place, "data": data, "annotations": given, "predictions": []}


def _results(member: ExportMember, said: annotation.Value, kinds: dict[str, str]) -> Iterator[dict[str, Any]]:
    if said.label is not None:
        yield _result("label", "label", "choices", {"choices": [said.label]})
    if said.text is not None:
        yield _result("text", "text", "textarea", {"text": [said.text]})
    for name, value in (said.attributes or {}).items():
        yield _result(f"a-{name}", PREFIX + name, *_asked(value, kinds.get(name, "")))
    for number, box in enumerate(said.boxes or ()):
        width, height = member.width or 1, member.height or 1
        left, top, right, bottom = corners(box.bbox)
        where: dict[str, Any] = {
            "x": round(left * 100 / width, PERCENTS),
            "y": round(top * 100 / height, PERCENTS),
            "width": round((right - left) * 100 / width, PERCENTS),
            "height": round((bottom - top) * 100 / height, PERCENTS),
            "rotation": 0,
        }
        size = {"original_width": width, "original_height": height, "image_rotation": 0}
        key = f"b{number}"
        yield _result(key, "boxes", "rectanglelabels", {**where, "rectanglelabels": [box.label]}) | size
        if box.text is not None:
            yield _result(key, "transcription", "textarea", {**where, "text": [box.text]}) | size
        for name, value in (box.attributes or {}).items():
            kind, answer = _asked(value, kinds.get(name, ""))
            yield _result(key, PREFIX + name, kind, where | answer) | size


def _result(key: str, name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": key, "from_name": name, "to_name": "image", "type": kind, "value": value}


def _asked(value: Any, kind: str) -> tuple[str, dict[str, Any]]:
    """Answer the type of question that an attribute is, and its answer."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number", {"number": value}
    if kind == "text":
        return "textarea", {"text": [value]}
    return "choices", {"choices": [spelled_attribute(value)]}


FORMAT = Format(
    slug="labelstudio",
    title="Label Studio JSON",
    cannot_carry=(
        "Label Studio JSON carries labels, texts, attributes, boxes and splits; it cannot carry weights, groups, cities and times, "
        "and boxes more exactly than to the ten-thousandth of a pixel."
    ),
    detect=detect,
    read=read,
    write=write,
    single=NAME,
)
