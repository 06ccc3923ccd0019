"""Maintenance windows: when an edge may be changed, in the local time of where it stands. Knows no tables.

A window is {"zone": "Asia/Kolkata", "from": "22:00", "to": "04:00", "days": [0, …, 6]}: days are those on which it opens, Monday
is 0, all where none are named; `to` before `from` is on the day after. An edge without one may be changed at any time.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import Invalid

ALL_DAYS = range(7)
NAMES = {"zone", "from", "to", "days"}


def checked(document: Any) -> dict[str, Any]:
    """Answer a window as it is kept; {} is none. Raises Invalid."""
    if document in (None, {}):
        return {}
    if not isinstance(document, Mapping) or set(document) - NAMES or not {"zone", "from", "to"} <= set(document):
        raise _wrong("A window has zone, from and to, and may have days.")
    days = document.get("days") or list(ALL_DAYS)
    if not isinstance(days, list) or any(day not in ALL_DAYS or isinstance(day, bool) for day in days):
        raise _wrong("days are numbers from 0 (Monday) to 6 (Sunday).")
    _zone(document["zone"])
    if _time(document["from"]) == _time(document["to"]):
        raise _wrong("A window ends at another time than it begins.")
    return {"zone": document["zone"], "from": document["from"], "to": document["to"], "days": sorted(set(days))}


def is_open(window: Mapping[str, Any], at: datetime) -> bool:
    """Tell whether an edge with this window may be changed at that moment."""
    if not window:
        return True
    local = at.astimezone(_zone(window["zone"]))
    begins, ends = _time(window["from"]), _time(window["to"])
    clock, day = local.timetz().replace(tzinfo=None), local.weekday()
    days = window.get("days") or ALL_DAYS
    if begins < ends:
        return day in days and begins <= clock < ends
    return (day in days and clock >= begins) or ((day - 1) % 7 in days and clock < ends)


def next_opening(window: Mapping[str, Any], at: datetime) -> datetime | None:
    """Answer when it opens next after `at`, in UTC's order; None where it is open."""
    if is_open(window, at):
        return None
    local = at.astimezone(_zone(window["zone"]))
    days = window.get("days") or ALL_DAYS
    for ahead in range(8):
        opens = datetime.combine(local.date() + timedelta(days=ahead), _time(window["from"]), tzinfo=local.tzinfo)
        if opens > at and opens.weekday() in days:
            return opens
    return None


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _wrong(f"There is no time zone {str(name)[:40]!r}; one is called like Asia/Kolkata.") from error


def _time(text: Any) -> time:
    try:
        return time.fromisoformat(str(text))
    except ValueError as error:
        raise _wrong("Times are spelled like 22:00.") from error


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"window": [sentence]})
