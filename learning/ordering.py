"""In what order samples are judged: a number for each, from what the policy weighs.

A sample that waited too long outranks all others, whatever they are, the longest wait first; so no city and no class waits for
ever, however many more interesting samples keep arriving. A random share outranks the rest, so that figures can be honest.
Knows facts, not the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import sqrt

from learning.models.policy import ReviewPolicy, drawn

LONGEST_WAIT = timedelta(days=14)
"""After this time a sample outranks whatever came later."""
STEPS = 4
"""In so many steps age grows until then, so that a sample's number is written a few times and not every hour."""
UNIT = 1_000
RANDOM = 100_000_000
OVERDUE = 1_000_000_000


@dataclass(frozen=True)
class Facts:
    """What is known of a sample that waits: `rarity` of its class and `need` of its city are from 0 to 1."""

    sample_id: str
    confidence: float | None
    rarity: float
    need: float
    waited: timedelta


def priority(facts: Facts, policy: ReviewPolicy) -> int:
    """Answer the number of one sample: the higher comes first, and of equals the older."""
    if facts.waited >= LONGEST_WAIT:
        return OVERDUE
    weight = policy.weights
    parts = {
        "base": 1.0,
        "uncertainty": 1.0 - (facts.confidence or 0.0),
        "rare_class": facts.rarity,
        "age": int(STEPS * (facts.waited / LONGEST_WAIT)) / STEPS,
        "city_quota": facts.need,
    }
    number = sum(round(UNIT * weight.get(name, 0.0) * _twentieths(part)) for name, part in parts.items())
    return number + RANDOM if drawn(f"order:{facts.sample_id}", policy.random_share) else number


def rarities(counts: Mapping[str, int]) -> dict[str, float]:
    """Answer how rare each class is: 0 the most frequent one, towards 1 the rarest."""
    most = max(counts.values(), default=0)
    return {name: 1.0 - sqrt(n / most) for name, n in counts.items()} if most else {}


def needs(judged: Mapping[int, int]) -> dict[int, float]:
    """Answer how far each city is behind the one of which most was judged: 0 that one, 1 where nothing was."""
    most = max(judged.values(), default=0)
    return {city: 1.0 - n / most if most else 0.0 for city, n in judged.items()}


def _twentieths(part: float) -> float:
    """Round, so that small changes write nothing."""
    return round(part * 20) / 20
