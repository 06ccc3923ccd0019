"""Plans against a simulation written from their words alone, and maintenance windows around midnight, weekends and clock changes."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from deployments import judging, plan, windows
from deployments.judging import Standing, Step

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def simulated(document, *, wave, whole, edges, settled, images):
    """Say what is done next, by the words of DESIGN: error rule, then what the wave must show, then its soak."""
    error, advance, health = (document.get(name, {}) for name in ("error", "advance", "health"))
    bad = whole["failed"] + whole["silent"]
    open_ones = wave["total"] - wave["completed"] - wave["failed"] - wave["silent"]
    share = advance.get("success")
    is_hopeless = share is not None and (wave["completed"] + open_ones) / wave["total"] < share
    if (bad > error.get("max_failed", 0) and bad > int(error.get("max_share", 0) * edges)) or is_hopeless:
        return "react"
    is_short = bool(open_ones) if share is None else wave["completed"] / wave["total"] < share
    is_few = whole["completed"] < min(advance.get("min_edges", 0), edges) or images < health.get("min_images", 0)
    soak = advance.get("soak_minutes", 0)
    if is_short or is_few or (settled is not None and settled < soak):
        return "wait"
    return "settle" if soak and settled is None else "advance"


def drawn(dice):
    document = {
        "error": {"max_failed": dice.choice([0, 1, 5])},
        "advance": {"min_edges": dice.choice([0, 3]), "soak_minutes": dice.choice([0, 10])},
        "health": {"min_images": dice.choice([0, 100])},
    }
    if dice.random() < 0.5:
        document["error"]["max_share"] = dice.choice([0.05, 0.5])
    if dice.random() < 0.5:
        document["advance"]["success"] = dice.choice([0.5, 0.8, 1.0])
    total = dice.randrange(1, 21)
    completed = dice.randrange(total + 1)
    failed = dice.randrange(min(3, total - completed) + 1)
    silent = dice.randrange(min(3, total - completed - failed) + 1)
    wave = {"total": total, "completed": completed, "failed": failed, "silent": silent}
    before = {"total": 4, "completed": 3, "failed": dice.choice([0, 1]), "silent": 0}
    whole = {name: wave[name] + before[name] for name in wave}
    return document, wave, whole, whole["total"] + dice.randrange(20), dice.choice([None, 5, 10]), dice.choice([0, 100])


def test_ten_thousand_drawn_situations_end_as_the_simulation_has_them():
    dice, seen = random.Random(8), set()
    for _ in range(10_000):
        document, wave, whole, edges, settled, images = drawn(dice)
        verdict = judging.judge(
            plan.read(document),
            Standing(**wave),
            Standing(**whole),
            edges=edges,
            settled_at=None if settled is None else NOON - timedelta(minutes=settled),
            now=NOON,
            images=images,
        )
        assert verdict.step == simulated(document, wave=wave, whole=whole, edges=edges, settled=settled, images=images), (
            document,
            wave,
            whole,
            edges,
            settled,
        )
        seen.add(verdict.step)
    assert seen == set(Step)


NIGHTS = {"zone": "Europe/Berlin", "from": "22:00", "to": "04:00", "days": [4]}
"""From Friday evening to Saturday morning."""


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-20T20:59+00:00", False),
        ("2026-11-20T21:00+00:00", True),
        ("2026-11-21T02:59+00:00", True),
        ("2026-11-21T03:00+00:00", False),
        ("2026-11-21T21:30+00:00", False),
        ("2026-07-17T20:00+00:00", True),  # in summer time
    ],
)
def test_a_window_is_open_in_the_local_time_of_the_site(at, is_open):
    moment = datetime.fromisoformat(at)
    assert windows.is_open(NIGHTS, moment) is is_open
    opens = windows.next_opening(NIGHTS, moment)
    assert (opens is None) is is_open
    if opens:
        assert (opens.weekday(), opens.hour, opens > moment, windows.is_open(NIGHTS, opens)) == (4, 22, True, True)


def test_a_window_within_a_day_and_none_at_all():
    lunch = windows.checked({"zone": "Asia/Kolkata", "from": "12:00", "to": "13:30"})
    assert lunch["days"] == [0, 1, 2, 3, 4, 5, 6]
    assert windows.is_open(lunch, datetime(2026, 11, 20, 6, 30, tzinfo=UTC))
    assert not windows.is_open(lunch, datetime(2026, 11, 20, 8, 0, tzinfo=UTC))
    assert windows.is_open({}, NOON)
    assert windows.checked(None) == {}
