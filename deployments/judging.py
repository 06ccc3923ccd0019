"""What becomes of a running rollout, by its plan and what is known: the rule, with its figures, in a sentence. Knows no tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from deployments.plan import Plan


class Step(StrEnum):
    """What is done now."""

    WAIT = "wait"
    SETTLE = "settle"
    """The wave shows what it must: its soak begins."""
    ADVANCE = "advance"
    REACT = "react"


@dataclass(frozen=True)
class Standing:
    """How the edges of a wave, or of all waves that are open, stand; `silent` are on the way for longer than is borne."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    silent: int = 0

    @property
    def on_the_way(self) -> int:
        """Those that may answer yet."""
        return self.total - self.completed - self.failed - self.silent


@dataclass(frozen=True)
class Verdict:
    """The step, and why."""

    step: Step
    sentence: str


def judge(
    plan: Plan,
    wave: Standing,
    whole: Standing,
    *,
    edges: int,
    accepted: int = 0,
    settled_at: datetime | None = None,
    now: datetime,
    images: int = 0,
    complaints: Sequence[str] = (),
    last_failed: str = "",
) -> Verdict:
    """Answer what is done with a rollout to `edges` edges, whose newest open wave stands as `wave` and all of it as `whole`.

    `accepted` failures were seen by a person who went on; `settled_at` is since when the wave shows what it must, `images` what
    its new version answered, `complaints` what of its health is worse than the rule allows, `last_failed` where and why it failed.
    """
    borne = plan.error.of(edges)
    if whole.failed + whole.silent - accepted > borne:
        silent = f" and {whole.silent:,} fell silent" if whole.silent else ""
        last = f"; the last on {last_failed}" if last_failed else ""
        return Verdict(Step.REACT, f"{whole.failed:,} of {edges:,} deployments failed{silent}, {borne:,} may{last}")
    if complaints:
        return Verdict(Step.REACT, f"The new version does worse than the one before: {'; '.join(complaints)}.")
    return _shown(plan, wave, whole, edges, images) or _soaked(plan.advance.soak, wave, settled_at, now)


def _shown(plan: Plan, wave: Standing, whole: Standing, edges: int, images: int) -> Verdict | None:
    """Answer what the wave still lacks, or can reach no more; None where it shows what it must."""
    needed, least = _needed(plan, wave), min(plan.advance.min_edges, edges)
    if (possible := wave.completed + wave.on_the_way) < needed:
        return Verdict(Step.REACT, f"At most {possible:,} of {wave.total:,} edges of this wave can complete; {needed:,} must.")
    if wave.completed < needed:
        return Verdict(Step.WAIT, f"{wave.completed:,} of {wave.total:,} edges have completed; {needed:,} must.")
    if whole.completed < least:
        return Verdict(Step.WAIT, f"{whole.completed:,} edges have completed; at least {least:,} must.")
    if images < plan.health.min_images:
        return Verdict(Step.WAIT, f"{images:,} images were answered by the new version; {plan.health.min_images:,} must be.")
    return None


def _needed(plan: Plan, wave: Standing) -> int:
    """Answer how many edges of a wave must complete; without a share, all that may answer yet."""
    if plan.advance.success is None:
        return wave.total - wave.failed - wave.silent
    return math.ceil(plan.advance.success * wave.total)


def _soaked(soak: timedelta, wave: Standing, settled_at: datetime | None, now: datetime) -> Verdict:
    reached = f"{wave.completed:,} of {wave.total:,} edges have completed"
    if settled_at is None and soak:
        return Verdict(Step.SETTLE, f"{reached}; it soaks for {_minutes(soak)}.")
    if settled_at is not None and (left := settled_at + soak - now) > timedelta():
        return Verdict(Step.WAIT, f"{reached}; soak {_minutes(left)} left.")
    return Verdict(Step.ADVANCE, f"{reached}.")


def _minutes(span: timedelta) -> str:
    minutes = math.ceil(span.total_seconds() / 60)
    return f"{minutes:,} min" if minutes < 120 else f"{minutes / 60:.0f} h"
