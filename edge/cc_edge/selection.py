"""What of a source is sent: the client's own choice, the same each time it looks at the same lines."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Self

from cc_edge.errors import Misconfigured

NEVER_SENT = "unsure"


@dataclass
class Selection:
    """Filters of cc-edge.toml's [filter]; what does not say a number that is filtered by is sent.

    One in `every_nth` goes by a hash of the event_id, so that running again picks the same ones.
    """

    label_status: list[str] = field(default_factory=list)
    ai_module: list[str] = field(default_factory=list)
    min_quality: float | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    captured_from: date | None = None
    captured_to: date | None = None
    every_nth: int = 1
    at_most_a_day: int | None = None
    _a_day: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Self:
        """Read [filter]; raises Misconfigured for what it does not know or cannot use."""
        known = {part.name: part for part in fields(cls) if not part.name.startswith("_")}
        made = cls()
        for name, value in table.items():
            if name not in known or not _fits(name, value):
                raise Misconfigured(f"cc-edge.toml: [filter] {name} = {value!r} is not understood.")
            setattr(made, name, value)
        return made

    def takes(self, item: Mapping[str, Any]) -> bool:
        """Tell whether this line is to be sent; counts it towards its day."""
        status = item.get("label_status")
        if status == NEVER_SENT or (self.label_status and status not in self.label_status):
            return False
        if self.ai_module and item.get("ai_module") not in self.ai_module:
            return False
        day = _day_of(item)
        return (
            _within(item.get("image_quality_score"), self.min_quality, None)
            and _within(item.get("confidence"), self.min_confidence, self.max_confidence)
            and (day is None or _within_days(day, self.captured_from, self.captured_to))
            and _drawn(str(item.get("event_id") or ""), self.every_nth)
            and self._has_room(str(day))
        )

    def _has_room(self, day: str) -> bool:
        self._a_day[day] += 1
        return self.at_most_a_day is None or self._a_day[day] <= self.at_most_a_day


def _fits(name: str, value: Any) -> bool:
    if name in {"label_status", "ai_module"}:
        return isinstance(value, list) and all(isinstance(word, str) for word in value)
    if name in {"captured_from", "captured_to"}:
        return isinstance(value, date) and not isinstance(value, datetime)
    if isinstance(value, bool):
        return False
    if name in {"every_nth", "at_most_a_day"}:
        return isinstance(value, int) and value >= 1
    return isinstance(value, int | float) and 0 <= value <= 1


def _within(value: Any, least: float | None, most: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (least is None or value >= least) and (most is None or value <= most)


def _within_days(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)


def _day_of(item: Mapping[str, Any]) -> date | None:
    """Answer the day a line says it was captured on, in the line's own zone."""
    try:
        return datetime.fromisoformat(str(item.get("captured_at") or item.get("detection_timestamp"))).date()
    except ValueError:
        return None


def _drawn(event_id: str, nth: int) -> bool:
    return nth == 1 or int.from_bytes(hashlib.sha256(event_id.encode(errors="replace")).digest()[:8]) % nth == 0
