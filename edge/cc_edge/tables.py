"""Sources that are no folder: a CSV whose columns are mapped to fields, and a command that prints samples."""

import codecs
import csv
import json
import shlex
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cc_edge.errors import Misconfigured, Unreachable
from cc_edge.samples import LONGEST_LINE, Sample, Source, Unusable, sample_of, sample_of_line
from cc_edge.settings import Settings

NUMBERS = {"confidence", "image_quality_score", "review_time_seconds"}
OBJECTS = {"prediction", "correction", "predicted_by"}
PATIENCE_SECONDS = 10


class Table(Source):
    """A CSV with a heading; each row is a sample, each empty cell is nothing. Images lie beside it or in `images`."""

    def __init__(self, path: Path, settings: Settings) -> None:
        if not path.is_file():
            raise Misconfigured(f"There is no file {path}.")
        self.path, self.settings = path.resolve(), settings
        self.name, self.folder = str(self.path), (settings.images or self.path.parent).resolve()
        if len(settings.delimiter) != 1:
            raise Misconfigured("The delimiter of a CSV is one character.")
        try:
            codecs.lookup(settings.encoding)
        except LookupError as error:
            raise Misconfigured(f"No encoding is called {settings.encoding}.") from error
        csv.field_size_limit(LONGEST_LINE)

    def read(self) -> Iterator[Sample | Unusable]:
        """Answer each row as a sample, or as what is wrong with it; raises Misconfigured where a mapped column is missing."""
        with self.path.open(encoding=self.settings.encoding, errors="replace", newline="") as lines:
            rows = csv.DictReader(lines, delimiter=self.settings.delimiter)
            try:
                lacking = set(self.settings.map.values()) - set(rows.fieldnames or ())
                if lacking:
                    raise Misconfigured(f"{self.path.name} has no column {', '.join(sorted(lacking))}, which [map] names.")
                for number, row in enumerate(rows, 2):
                    try:
                        yield sample_of(self.folder, number, self._item(number, row))
                    except Unusable as wrong:
                        yield wrong
            except csv.Error as error:  # what follows cannot be told apart
                yield Unusable("malformed", f"Line {rows.line_num}: {error}.")

    def _item(self, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
        if row.get(None):  # type: ignore[call-overload]  # csv puts what has no heading there
            raise Unusable("malformed", f"Line {number} has more cells than the heading.")
        mapped = self.settings.map or {name: name for name in row if name}
        item: dict[str, Any] = dict(self.settings.defaults)
        for name, column in mapped.items():
            if cell := (row.get(column) or "").strip():
                _put(item, name, _value(number, name, cell))
        return item


def _put(item: dict[str, Any], name: str, value: Any) -> None:
    """Set `prediction.text` as the text inside of the prediction."""
    *outer, last = name.split(".")
    for part in outer:
        inner = item.get(part)
        item[part] = item = dict(inner) if isinstance(inner, dict) else {}
    item[last] = value


def _value(number: int, name: str, cell: str) -> Any:
    try:
        if name in NUMBERS:
            return float(cell)
        if name in OBJECTS:
            return json.loads(cell)
    except ValueError as error:
        raise Unusable("malformed", f"Line {number}: {name} cannot be {cell[:40]!r}.") from error
    return cell


class Command(Source):
    """A command that prints samples, one JSON object a line; images lie in `images`. It is run without a shell."""

    def __init__(self, command: str, settings: Settings, stop: threading.Event) -> None:
        try:
            self.arguments = shlex.split(command)
        except ValueError as error:
            raise Misconfigured(f"The command cannot be read: {error}.") from error
        if not self.arguments:
            raise Misconfigured("The command is empty.")
        self.name, self.stop = command, stop
        self.folder = (settings.images or Path()).resolve()
        self.defaults = settings.defaults

    def read(self) -> Iterator[Sample | Unusable]:
        """Answer what it prints; raises Misconfigured where it ends with anything but 0, and Unreachable when asked to stop."""
        try:
            process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        except OSError as error:
            raise Misconfigured(f"{self.arguments[0]} cannot be started: {error.strerror}.") from error
        threading.Thread(target=self._end_when_told, args=(process,), daemon=True).start()
        try:
            yield from self._lines(process)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        if self.stop.is_set():
            raise Unreachable("Stopped; run again to continue.")
        if code:
            raise Misconfigured(f"The command ended with {code}: what it printed is not all, so nothing was sealed.")

    def _lines(self, process: "subprocess.Popen[bytes]") -> Iterator[Sample | Unusable]:
        number = 0
        while process.stdout and (line := process.stdout.readline(LONGEST_LINE + 1)):
            number += 1
            if len(line) > LONGEST_LINE:
                yield Unusable("malformed", f"Line {number} is too long.")
                return
            if line.strip():
                try:
                    yield sample_of_line(self.folder, number, line, self.defaults)
                except Unusable as wrong:
                    yield wrong

    def _end_when_told(self, process: "subprocess.Popen[bytes]") -> None:
        while process.poll() is None:
            if self.stop.wait(0.2):
                process.terminate()
                try:
                    process.wait(PATIENCE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                return
