"""A rollout's plan, read: how far each wave reaches and how many failures are borne. Knows no tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import Invalid

MOST_WAVES = 20
ONE_WAVE = [{"share": 1.0}]


@dataclass(frozen=True)
class Wave:
    """How many edges have the version when the wave is over: `count` of them, or a `share` of all (0..1]."""

    count: int | None = None
    share: float | None = None

    def reach(self, total: int) -> int:
        """Answer that number, of `total` edges."""
        wanted = self.count if self.count is not None else math.ceil((self.share or 0) * total)
        return min(total, wanted)


@dataclass(frozen=True)
class Plan:
    """Waves in order; more than `max_failed` failed deployments pause the rollout."""

    waves: Sequence[Wave]
    max_failed: int = 0

    def sizes(self, total: int) -> list[int]:
        """Answer how many edges each wave adds; waves that add none are left out."""
        sizes, reached = [], 0
        for wave in self.waves:
            if (reach := wave.reach(total)) > reached:
                sizes.append(reach - reached)
                reached = reach
        return sizes


def read(document: Any) -> Plan:
    """Read `{"waves": [{"count": 1}, {"share": 1.0}], "error": {"max_failed": 0}}`; raises Invalid with the sentence."""
    plan = _mapping({} if document is None else document, "plan", {"waves", "error"})
    error = _mapping(plan.get("error", {}), "error", {"max_failed"})
    waves = plan.get("waves", ONE_WAVE)
    if not isinstance(waves, list) or not 1 <= len(waves) <= MOST_WAVES:
        raise _wrong(f"waves is a list of 1 to {MOST_WAVES} waves.")
    read_waves = [_wave(wave) for wave in waves]
    if read_waves[-1].share != 1.0:
        raise _wrong("The last wave must reach all edges: a share of 1.0.")
    max_failed = error.get("max_failed", 0)
    if not _is_count(max_failed):
        raise _wrong("max_failed is a number from 0.")
    return Plan(read_waves, max_failed)


def _wave(document: Any) -> Wave:
    wave = _mapping(document, "wave", {"count", "share"})
    count, share = wave.get("count"), wave.get("share")
    if (count is None) == (share is None):
        raise _wrong("A wave has either a count or a share.")
    if count is not None and not (_is_count(count) and count > 0):
        raise _wrong("The count of a wave is a number from 1.")
    if share is not None and not (isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1):
        raise _wrong("The share of a wave is more than 0 and at most 1.")
    return Wave(count, None if share is None else float(share))


def _mapping(document: Any, name: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise _wrong(f"{name} is an object.")
    if unknown := sorted(set(document) - known):
        raise _wrong(f"{name} has no {unknown[0][:40]!r}; it has {', '.join(sorted(known))}.")
    return document


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"plan": [sentence]})
