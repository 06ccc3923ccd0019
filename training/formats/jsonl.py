"""JSONL: our own lines, those of training/datasets/:id/versions/:v/files (docs/wire/file.json), which say everything.

Also understood: `image`, `file` or `name` for the image, `value` or `annotation` for the truth, `prediction`, `confidence` and
`earlier`. A line whose truth is null, or not there, is an image that nobody labelled.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import orjson

from core.typed import told, unstorable
from learning import annotation
from learning.annotation import Schema
from training.formats.base import Bad, ExportMember, Format, Notes, Record, Sink, Source, Value, Wrong, cleaned, split_of
from training.formats.pieces import UNDECODABLE, opened, why
from training.formats.places import Places
from training.formats.spool import Spool
from training.formats.values import finished, id_of, label_of, number_of, side_of, text_of

NAME = "files.jsonl"
MAX_LINE = 4 * 1024 * 1024
SNIFFED = 64 * 1024
SUFFIXES = (".jsonl", ".ndjson")
NAMES = ("source", "image", "file", "file_name", "filename", "name")
TRUTHS = ("truth", "value", "annotation", "correction")
OURS = ("sample_id", "source", "split", "truth")
FACTS = ("event_id", "group", "object", "weight", "city", "camera_id", "captured_at", "truth_sha256", "label_status")
MAX_EARLIER = 100

read_line = msgspec.json.Decoder(dict[str, Any]).decode


def detect(source: Source) -> bool:
    """Tell whether there is a file of such lines in the source."""
    return any(_is_ours(source, name) for name in source.names() if name.lower().endswith(SUFFIXES))


def read(source: Source, notes: Notes) -> Iterator[Record | Bad]:
    """Yield each line of each file."""
    places = Places(source)
    for name in source.names():
        if name.lower().endswith(SUFFIXES):
            try:
                yield from _records(source, name, places, notes)
            except Wrong as wrong:
                yield Bad(name="", file=name, line=0, reason=wrong.reason, detail=wrong.detail)


def _is_ours(source: Source, name: str) -> bool:
    try:
        with opened(source, name) as stream:
            line = read_line(stream.readline(SNIFFED).removeprefix(b"\xef\xbb\xbf"))
    except Wrong:
        return False
    except UNDECODABLE:
        return False
    return any(key in line for key in (*NAMES, "sample_id")) and any(key in line for key in (*TRUTHS, "prediction"))


def _records(source: Source, file: str, places: Places, notes: Notes) -> Iterator[Record | Bad]:
    with opened(source, file) as stream:
        for number, line in enumerate(_lines(stream), 1):
            if not line.strip():
                continue
            record = Record(name="", file=file, line=number)
            try:
                _fill(record, line, notes)
            except Wrong as wrong:
                yield Bad(name=record.name, file=file, line=number, reason=wrong.reason, detail=wrong.detail)
                continue
            record.path = places.find(file, record.name, record.split or "")
            yield from finished(record, notes)


def _lines(stream: Any) -> Iterator[bytes]:
    """Yield the lines; of one that is too long only the beginning."""
    first = True
    while line := stream.readline(MAX_LINE + 1):
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)


def _fill(record: Record, line: bytes, notes: Notes) -> None:
    if len(line) > MAX_LINE:
        raise Wrong("too_large", f"A line may have {MAX_LINE // 1024**2} MB.")
    try:
        said = read_line(line)
    except msgspec.ValidationError as error:
        raise Wrong("bad_shape", told(error).sentence("A line")) from error
    except UNDECODABLE as error:
        raise why(line, error) from error
    _name(record, said, notes)
    about = said.get("object")
    kept = about if isinstance(about, dict) else said
    record.width, record.height = side_of(kept.get("width")), side_of(kept.get("height"))
    record.split = split_of(said.get("split"))
    record.value = next((_value(said[key]) for key in TRUTHS if said.get(key) is not None), None)
    record.prediction = _value(said["prediction"]) if said.get("prediction") is not None else None
    sure = said.get("confidence")
    record.confidence = float(sure) if isinstance(sure, int | float) and 0 <= sure <= 1 else None
    earlier = said.get("earlier")
    record.earlier = tuple(_value(value) for value in earlier[:MAX_EARLIER]) if isinstance(earlier, list) else ()
    record.facts = {key: fact for key, fact in said.items() if key in FACTS} or None


def _name(record: Record, said: dict[str, Any], notes: Notes) -> None:
    """Name the image by its source, else by its sample."""
    record.sample_id = id_of(said.get("sample_id"))
    raw = next((said[key] for key in NAMES if isinstance(said.get(key), str) and said[key]), record.sample_id)
    record.name = cleaned(raw, notes)
    if not record.name:
        raise Wrong("bad_name", "The line names no image.")


def _value(value: Any) -> Value:
    """Answer an annotation value as it stands; raises Wrong where it is none."""
    try:
        read = msgspec.convert(value, annotation.Value)
    except msgspec.ValidationError as error:
        raise Wrong("bad_shape", told(error).sentence("An annotation")) from error
    for text in (read.text, *(box.text for box in read.boxes or ())):
        if text is not None:
            text_of(text)
    for label in (read.label, *(box.label for box in read.boxes or ())):
        if label is not None:
            label_of(label)
    for box in read.boxes or ():
        for number in box.bbox:
            number_of(number)
    if (where := unstorable(value)) is not None:
        raise Wrong("bad_shape", f"{where} holds what is no text.")
    return dict(value)


def write(members: Iterable[ExportMember], sink: Sink, schema: Schema, notes: Notes) -> None:
    """Write one line a member; a value that comes as JSON is passed on as it is."""
    with Spool(b"") as lines:
        for member in members:
            lines.add(orjson.dumps(_line(member), option=orjson.OPT_APPEND_NEWLINE))
            if member.image is not None:
                sink.image(f"images/{member.name}", member.image)
        with sink.stream(NAME) as stream:
            lines.pour(stream)


def _line(member: ExportMember) -> dict[str, Any]:
    truth = orjson.Fragment(member.value) if isinstance(member.value, bytes) else member.value
    line: dict[str, Any] = {"sample_id": member.sample_id, "source": member.name, "split": member.split}
    for key, fact in (member.facts or {}).items():
        line.setdefault(key, fact)
    if "object" not in line and member.width and member.height:
        line["object"] = {"width": member.width, "height": member.height}
    line["truth"] = truth
    return line


FORMAT = Format(
    slug="jsonl",
    title="JSON Lines",
    cannot_carry="JSON Lines carry everything but who gave each answer, and older answers.",
    detect=detect,
    read=read,
    write=write,
    single=NAME,
)
