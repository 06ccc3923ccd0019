"""What a run's program says, made fit to keep: bounded, typed, and nothing of it trusted.

A line that is no event of ours becomes a line of the log. Knows no database.
"""

import json
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard

MAX_TEXT = 2_000
MAX_LINES = 20_000
MAX_LOG_BYTES = 4_000_000
MAX_POINTS = 50_000
MAX_NAME = 60
MAX_STEP = 2**31 - 1
LEVELS = frozenset({"debug", "info", "warning", "error"})
TAIL = 5
MEASURED, APART_SECONDS = 20, 0.5


@dataclass(frozen=True)
class Progress:
    """How far a run is: percent 0..100, epochs where it has any, and how long the rest of them takes where that was measured."""

    percent: int
    epoch: int = 0
    epochs: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True)
class Line:
    """One line of the log; `seq` counts from 1 within the run."""

    seq: int
    at: datetime
    level: str
    text: str


@dataclass(frozen=True)
class Point:
    """One measured value at one step."""

    name: str
    step: int
    value: float


@dataclass
class Heard:
    """What was said since the last time it was taken."""

    progress: Progress | None = None
    points: list[Point] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def is_much(self) -> bool:
        """Tell whether it should be kept before its second is over."""
        return len(self.lines) + len(self.points) > 500


class Pace:
    """How long an epoch takes: of those that ended lately while we listened, so that neither loading nor waiting counts."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._ended: deque[tuple[int, float]] = deque(maxlen=MEASURED)

    def left(self, epoch: int, epochs: int) -> float | None:
        """Note that an epoch ended now; answers how many seconds the others take, None where too little was measured."""
        if not 0 < epoch <= epochs:
            return None
        now = self._now()
        if not self._ended or now - self._ended[-1][1] >= APART_SECONDS:  # what is said in a moment is heard at once
            self._ended.append((epoch, now))
        first, began = self._ended[0]
        return (now - began) / (epoch - first) * (epochs - epoch) if epoch > first and now > began else None


class Ear:
    """Listens to one run from its beginning to its end."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.scores: dict[str, Any] = {}
        self.is_done = False
        self.error = ""
        self.is_out_of_memory = False
        self.checkpoint: tuple[int, str] | None = None
        self._seq = self._bytes = self._points = 0
        self._tail: list[str] = []
        self._pace = Pace()

    def take(self) -> Heard:
        """Answer what was heard, and begin anew."""
        heard, self.heard = self.heard, Heard()
        return heard

    def put_back(self, heard: Heard) -> None:
        """Keep for the next time what could not be written down."""
        self.heard = Heard(
            self.heard.progress or heard.progress, heard.points + self.heard.points, heard.lines + self.heard.lines
        )

    def hear(self, source: str, raw: bytes) -> None:
        """Take one line from "out" (events) or "err" (what libraries print)."""
        text = raw.decode(errors="replace").replace("\x00", "\ufffd").rstrip()
        event = _event(text) if source == "out" else None
        if event is None:
            self.log(text, "info")
            if source == "err" and text:
                self._tail = [*self._tail[1 - TAIL :], text[:MAX_TEXT]]
            return
        {
            "progress": self._progress,
            "metric": self._metric,
            "log": lambda said: self.log(_text(said.get("text")), said.get("level")),
            "checkpoint": self._checkpoint,
            "error": self._error,
            "done": self._done,
        }[event["event"]](event)

    def log(self, text: str, level: Any) -> None:
        """Add a line to the log, until that is full."""
        if not text or self._seq > MAX_LINES or self._bytes > MAX_LOG_BYTES:
            return
        self._seq += 1
        self._bytes += len(text)
        if self._seq > MAX_LINES or self._bytes > MAX_LOG_BYTES:
            text, level, self._bytes = "The log is full; what follows is not kept.", "warning", MAX_LOG_BYTES + 1
        level = level if isinstance(level, str) and level in LEVELS else "info"
        self.heard.lines.append(Line(self._seq, datetime.now(UTC), level, text[:MAX_TEXT]))

    def sentence(self, otherwise: str) -> str:
        """Answer why the run failed: its own words, else the last it printed, else `otherwise`."""
        return self.error or (self._tail[-1] if self._tail else otherwise)

    def _progress(self, said: dict[str, Any]) -> None:
        percent, epoch, epochs = (_whole(said.get(name), limit) for name, limit in PROGRESS)
        self.heard.progress = Progress(percent, epoch, epochs, self._pace.left(epoch, epochs))

    def _metric(self, said: dict[str, Any]) -> None:
        value, name = said.get("value"), _text(said.get("name"))[:MAX_NAME]
        if not name or not _is_number(value) or self._points >= MAX_POINTS:
            return
        self._points += 1
        self.heard.points.append(Point(name, _whole(said.get("step"), MAX_STEP), float(value)))

    def take_checkpoint(self) -> tuple[int, str] | None:
        """Answer the step and the file of the newest checkpoint that was not taken yet."""
        taken, self.checkpoint = self.checkpoint, None
        return taken

    def _checkpoint(self, said: dict[str, Any]) -> None:
        self.checkpoint = (_whole(said.get("step"), MAX_STEP), _text(said.get("file"))[:MAX_NAME])

    def _error(self, said: dict[str, Any]) -> None:
        self.error = _text(said.get("text"))[:MAX_TEXT]
        self.is_out_of_memory = said.get("reason") == "oom"
        self.log(self.error, "error")

    def _done(self, said: dict[str, Any]) -> None:
        scores = said.get("metrics")
        named = {key[:MAX_NAME]: value for key, value in scores.items()} if isinstance(scores, dict) else {}
        self.scores = {key: value for key, value in named.items() if key not in NUMBERS or _is_number(value)}
        self.is_done = True


PROGRESS = (("percent", 100), ("epoch", MAX_STEP), ("epochs", MAX_STEP))
NUMBERS = frozenset({"accuracy", "precision", "recall", "f1", "inference_time_ms"})
EVENTS = frozenset({"progress", "metric", "log", "checkpoint", "error", "done"})


def _event(text: str) -> dict[str, Any] | None:
    """Read an event; None for any other line, also for JSON that no database would take."""
    if not text.startswith("{") or "\\u0000" in text:
        return None
    try:
        said = json.loads(text, parse_constant=_refused, parse_float=_finite, parse_int=_short)
        json.dumps(said, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and isinstance(said.get("event"), str) and said["event"] in EVENTS else None


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _short(text: str) -> int:
    if len(text) > 18:
        raise ValueError(text[:18])
    return int(text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any, limit: int) -> int:
    return max(0, min(int(value), limit)) if _is_number(value) else 0


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
