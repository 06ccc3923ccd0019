"""A rollout's plan, read: how far each wave reaches, when the next one opens, what stops it, and what is done then. Knows no tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.errors import Invalid

MOST_WAVES = 20
ONE_WAVE = [{"share": 1.0}]
MOST_MINUTES = 60 * 24 * 30
NAME_LIMIT = 60
REACTIONS = ("pause", "abort", "roll_back")


@dataclass(frozen=True)
class Wave:
    """How many edges have the version when the wave is over: `count` of them, or a `share` of all (0..1]."""

    count: int | None = None
    share: float | None = None
    name: str = ""

    def reach(self, total: int) -> int:
        """Answer that number, of `total` edges."""
        wanted = self.count if self.count is not None else math.ceil((self.share or 0) * total)
        return min(total, wanted)


@dataclass(frozen=True)
class Advance:
    """What a wave must show before the next one opens.

    `success` is the share of its edges that completed; None: all have answered, or fell silent. `min_edges` is how many of the
    rollout completed, `soak` how long all that held.
    """

    success: float | None = None
    min_edges: int = 0
    soak: timedelta = timedelta()


@dataclass(frozen=True)
class Borne:
    """How many deployments may fail, or fall silent: by number, and by share of all edges where that is more."""

    max_failed: int = 0
    max_share: float = 0.0
    silent_after: timedelta | None = None

    def of(self, total: int) -> int:
        """Answer that number, of `total` edges."""
        return max(self.max_failed, math.floor(self.max_share * total))


@dataclass(frozen=True)
class Health:
    """How much worse than the version before the new one may measure; None is not looked at.

    `min_images` must have been answered before a wave is over; rises are of shares (0..1), `p95_ratio` is new by old, and
    `confidence_shift` the share of answers that moved to other tenths.
    """

    min_images: int = 0
    error_rise: float | None = None
    empty_rise: float | None = None
    p95_ratio: float | None = None
    confidence_shift: float | None = None

    @property
    def is_asked(self) -> bool:
        """Tell whether anything is measured at all."""
        return self != Health()


@dataclass(frozen=True)
class Plan:
    """Waves in order, and the rules; `concurrency` bounds how many edges are on the way at once (None: all of a wave)."""

    waves: Sequence[Wave]
    advance: Advance = field(default_factory=Advance)
    error: Borne = field(default_factory=Borne)
    health: Health = field(default_factory=Health)
    reaction: str = "pause"
    concurrency: int | None = None
    windows: bool = False
    standing: bool = False
    group: str = ""

    def sizes(self, total: int) -> list[tuple[str, int]]:
        """Answer name and number of the edges that each wave adds; waves that add none are left out."""
        sizes, reached = [], 0
        for wave in self.waves:
            if (reach := wave.reach(total)) > reached:
                sizes.append((wave.name, reach - reached))
                reached = reach
        return sizes


def read(document: Any) -> Plan:
    """Read a plan as docs/wire/rollout-plan.json has it, all of it optional; raises Invalid with the sentence."""
    known = {"waves", "advance", "error", "health", "reaction", "concurrency", "windows", "standing", "group"}
    plan = _mapping({} if document is None else document, "plan", known)
    waves = plan.get("waves", ONE_WAVE)
    if not isinstance(waves, list) or not 1 <= len(waves) <= MOST_WAVES:
        raise _wrong(f"waves is a list of 1 to {MOST_WAVES} waves.")
    read_waves = [_wave(wave) for wave in waves]
    if read_waves[-1].share != 1.0:
        raise _wrong("The last wave must reach all edges: a share of 1.0.")
    reaction, group = plan.get("reaction", "pause"), plan.get("group", "")
    if reaction not in REACTIONS:
        raise _wrong(f"reaction is one of {', '.join(REACTIONS)}.")
    if not isinstance(group, str) or len(group) > NAME_LIMIT:
        raise _wrong(f"group is the name of a group, of {NAME_LIMIT} characters at most.")
    concurrency = _count(plan, "concurrency", None)
    if concurrency == 0:
        raise _wrong("concurrency is a number from 1.")
    return Plan(
        read_waves,
        _advance(plan.get("advance", {})),
        _borne(plan.get("error", {})),
        _health(plan.get("health", {})),
        reaction,
        concurrency,
        _flag(plan, "windows"),
        _flag(plan, "standing"),
        group,
    )


def _wave(document: Any) -> Wave:
    wave = _mapping(document, "wave", {"count", "share", "name"})
    count, share, name = _count(wave, "count", None), _share(wave, "share", None), wave.get("name", "")
    if (count is None) == (share is None):
        raise _wrong("A wave has either a count or a share.")
    if count == 0 or share == 0:
        raise _wrong("A wave reaches at least one edge.")
    if not isinstance(name, str) or len(name) > NAME_LIMIT or not (name.isprintable() or not name):
        raise _wrong(f"The name of a wave has {NAME_LIMIT} characters at most.")
    return Wave(count, share, name)


def _advance(document: Any) -> Advance:
    rule = _mapping(document, "advance", {"success", "min_edges", "soak_minutes"})
    return Advance(
        _share(rule, "success", None), _count(rule, "min_edges", 0) or 0, _minutes(rule, "soak_minutes") or timedelta()
    )


def _borne(document: Any) -> Borne:
    rule = _mapping(document, "error", {"max_failed", "max_share", "silent_after_minutes"})
    silent_after = _minutes(rule, "silent_after_minutes")
    if silent_after == timedelta():
        raise _wrong("silent_after_minutes is a number from 1.")
    return Borne(_count(rule, "max_failed", 0) or 0, _share(rule, "max_share", 0.0) or 0.0, silent_after)


def _health(document: Any) -> Health:
    names = {"min_images", "error_rise", "empty_rise", "p95_ratio", "confidence_shift"}
    rule = _mapping(document, "health", names)
    ratio = rule.get("p95_ratio")
    if ratio is not None and not (_is_number(ratio) and 1 <= ratio <= 1_000):
        raise _wrong("p95_ratio is a number from 1 to 1,000.")
    return Health(
        _count(rule, "min_images", 0) or 0,
        _share(rule, "error_rise", None),
        _share(rule, "empty_rise", None),
        None if ratio is None else float(ratio),
        _share(rule, "confidence_shift", None),
    )


def _mapping(document: Any, name: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise _wrong(f"{name} is an object.")
    if unknown := sorted(set(document) - known):
        raise _wrong(f"{name} has no {unknown[0][:40]!r}; it has {', '.join(sorted(known))}.")
    return document


def _count(rule: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = rule.get(name, default)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31):
        return value
    raise _wrong(f"{name} is a number from 0.")


def _share(rule: Mapping[str, Any], name: str, default: float | None) -> float | None:
    value = rule.get(name, default)
    if value is None:
        return None
    if not (_is_number(value) and 0 <= value <= 1):
        raise _wrong(f"{name} is a share, from 0 to 1.")
    return float(value)


def _minutes(rule: Mapping[str, Any], name: str) -> timedelta | None:
    value = rule.get(name)
    if value is None:
        return None
    if not (_is_number(value) and 0 <= value <= MOST_MINUTES):
        raise _wrong(f"{name} is a number from 0 to {MOST_MINUTES:,}.")
    return timedelta(minutes=value)


def _flag(rule: Mapping[str, Any], name: str) -> bool:
    value = rule.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(f"{name} is true or false.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"plan": [sentence]})
