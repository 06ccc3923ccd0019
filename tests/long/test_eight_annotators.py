"""Eight annotators, two seniors and a power cut or two in front of one queue over HTTP; then every rule is checked by SQL.

CC_SAMPLES is how many samples wait (5,000; on SQLite 1,200). Leases are of a minute, so that what a killed process held comes back.
"""

import json
import os
import threading
import time
from collections import Counter
from typing import Any

import pytest

from tests.long import quality_recount, review_rules
from tests.long.crowd import Crowd, Eyes, begun, differences, told_figures
from tests.long.eight_annotator import right_of

pytestmark = pytest.mark.long
SAMPLES = int(os.environ.get("CC_SAMPLES", "5000" if os.environ.get("DATABASE_URL") else "1200"))
ERRORS = {"ann": 0.01, "al": 0.02, "bea": 0.03, "cal": 0.04, "dee": 0.06, "eli": 0.08, "fay": 0.12, "gus": 0.35}
SENIORS = {"rhea": ["dispute", "check", "judge"], "sol": ["check", "dispute"]}
"""Rhea judges as well, so that there are disputes and checks which are not for her."""
SENIOR_ERRORS = 0.005
KILLED = ("bea", "eli")
GOLDS = max(24, SAMPLES // 80)
REOPENED = SAMPLES // 100
POLICY = {
    "city_labels": "review",
    "overlap": 2,
    "first_judgements": SAMPLES // 20,
    "first_check_share": 0.3,
    "later_check_share": 0.05,
    "gold_retire_after": 7,
    "gold_threshold": 0.8,
    "gold_min": 8,
}
GOLD_SHARE = 0.1
PATIENCE = 45 * 60.0


WAITING = "SELECT COUNT(*) FROM review_slots WHERE state IN ('open', 'leased')"
LABELS = "SELECT COUNT(*) FROM hitl_labels"
HELD = "SELECT id FROM review_slots WHERE state = 'leased' AND kind = 'normal' AND lease_user_id = {}"


class Day:
    """What happens beside the judging: gold, another round, two power cuts, pauses that are lifted."""

    def __init__(self, crowd: Crowd, eyes: Eyes) -> None:
        self.crowd, self.eyes = crowd, eyes
        self.chief, self.admin = crowd.browser("vera"), crowd.browser("ada")
        self.ids = dict(eyes.rows("SELECT name, id FROM users"))
        self.held: dict[str, list[int]] = {}
        self.looks: list[list[review_rules.Finding]] = []
        self.lifted = 0
        self.plan = [
            (0.3, self.cut),
            (0.4, self.look),
            (0.58, self.have_coffee),
            (0.65, self.pause),
            (0.7, self.reopen),
            (0.8, self.look),
        ]

    def pass_by(self) -> None:
        """Return when nothing waits for anybody any more."""
        deadline, expected = time.monotonic() + PATIENCE, 2 * SAMPLES
        while self.eyes.number(WAITING) or self.plan or self.held:
            assert time.monotonic() < deadline, self.eyes.rows("SELECT state, kind, COUNT(*) FROM review_slots GROUP BY 1, 2")
            self.crowd.check_alive()
            if self.plan and self.eyes.number(LABELS) >= self.plan[0][0] * expected:
                self.plan.pop(0)[1]()
            self.lift_pauses()
            self.bring_back()
            threading.Event().wait(0.5)

    def have_coffee(self) -> None:
        with self.crowd.coffee_break():
            self.mix_gold()

    def mix_gold(self) -> None:
        """Two people agree on some, and they are right: those become gold, and are mixed in from now on."""
        settled = self.eyes.rows("SELECT sample_id, truth FROM learning_samples WHERE state = 'settled' ORDER BY id")
        made = 0
        for sample, truth in settled:
            if (json.loads(truth) if isinstance(truth, str) else truth) == right_of(sample) and made < GOLDS:
                made += self.chief.send("POST", "/api/v1/learning/gold", {"sample_id": sample})[0] == 201
        assert made >= GOLDS // 2
        terms = {"terms": {"gold_share": GOLD_SHARE}, "reason": "there is gold now"}
        assert self.admin.send("PATCH", "/api/v1/learning/modules/vehicles/policy", terms)[0] == 200

    def look(self) -> None:
        """Check every rule in a snapshot, while all go on."""
        self.looks.append(self.eyes.findings(live=True))

    def reopen(self) -> None:
        settled = self.eyes.rows(
            "SELECT sample_id FROM learning_samples WHERE state = 'settled' AND NOT is_gold ORDER BY id DESC"
        )
        path, asked = "/api/v1/learning/review/reopen", {"samples": [row[0] for row in settled[:REOPENED]]}
        status, counted = self.chief.send("POST", path, asked)
        assert (status, counted["total"]) == (201, REOPENED)
        assert self.chief.send("POST", path, {"selection": counted["selection"], "reason": "drawn again"})[0] == 202

    def pause(self) -> None:
        """Somebody is paused by hand, until the next round; who errs too often is by their gold."""
        asked = {"ai_module": "vehicles", "user": self.ids["fay"], "reason": "A word, please."}
        assert self.chief.send("POST", "/api/v1/learning/pauses", asked)[0] == 201

    def cut(self) -> None:
        """Kill two annotators who hold samples."""
        for name in KILLED:
            while not self._held(name):
                threading.Event().wait(0.05)
            self.crowd.kill(name)
            self.held[name] = self._held(name)
            assert self.held[name]

    def bring_back(self) -> None:
        """Let who was killed come back once others have done what they held."""
        for name, slots in list(self.held.items()):
            listed = ",".join(map(str, slots))
            undone = f"SELECT COUNT(*) FROM review_slots WHERE id IN ({listed}) AND state IN ('open', 'leased')"  # noqa: S608  (our ids)
            if not self.eyes.number(undone):
                taken = self.eyes.rows(f"SELECT lease_user_id FROM review_slots WHERE id IN ({listed}) AND state = 'done'")  # noqa: S608
                others = [person for (person,) in taken if person != self.ids[name]]
                assert others
                assert len(taken) - len(others) <= 1  # what was on its way when its sender was killed
                self.crowd.start(name)
                del self.held[name]

    def lift_pauses(self) -> None:
        if self.lifted < 20:
            for row in self.eyes.rows("SELECT id FROM annotator_pauses WHERE lifted_at IS NULL"):
                path = f"/api/v1/learning/pauses/{row[0]}/lift"
                assert self.chief.send("POST", path, {"reason": "We talked about it."})[0] == 200
                self.lifted += 1

    def _held(self, name: str) -> list[int]:
        return [row[0] for row in self.eyes.rows(HELD.format(self.ids[name]))]


@pytest.fixture
def crowd(own_hub):
    own_hub.environment["LEASE_MINUTES"] = "1"
    own_hub.inside("fill_review", "vehicles", SAMPLES, json.dumps(POLICY))
    roles = {**dict.fromkeys(ERRORS, "annotator"), **dict.fromkeys([*SENIORS, "vera"], "reviewer"), "ada": "super_admin"}
    people = {name: {"module": "vehicles", "errors": errors, "kinds": ["returned", "judge"]} for name, errors in ERRORS.items()}
    people |= {name: {"module": "vehicles", "errors": SENIOR_ERRORS, "kinds": kinds} for name, kinds in SENIORS.items()}
    crowd = begun(own_hub, roles, people)
    yield crowd
    crowd.kill_all()


def test_every_rule_holds_whoever_is_killed(own_hub, crowd):
    day, began = Day(crowd, Eyes(crowd.address)), time.monotonic()
    for name in crowd.people:
        crowd.start(name)
    day.pass_by()
    took = time.monotonic() - began
    crowd.send_home()
    own_hub.inside("count_all")
    found = day.eyes.findings(live=False)
    report(crowd, day, found, took)
    assert [each.rule for look in [*day.looks, found] for each in look if each.broken] == []
    assert {each.rule for each in found if not each.looked_at} <= AT_REST_THERE_IS_NONE
    states = dict(day.eyes.rows("SELECT state, COUNT(*) FROM learning_samples GROUP BY state"))
    assert set(states) <= {"settled", "excluded"}
    assert sum(states.values()) == SAMPLES
    told = told_figures(crowd.browser("vera"), day.eyes, "vehicles")
    assert differences(told, quality_recount.figures(crowd.address, "vehicles")) == []


AT_REST_THERE_IS_NONE = {
    "a waiting slot knows who judged its sample, and is in none of their hands",
    "no lease is past its end",
    "nobody holds more than three samples of a queue, and nobody anything while paused",
}
"""Rules of what waits: in the end nothing does; while all worked, they were looked at."""


def report(crowd: Crowd, day: Day, found: list[review_rules.Finding], took: float) -> None:
    """Print who did what, what the rules looked at, and how much of the truth is wrong."""
    right = Counter(truth == right_of(name) for name, truth in _truths(day.eyes))
    lines = [f"{name:5} {dict(sorted(did.items()))}" for name, did in sorted(crowd.did.items())]
    lines += [f"{day.eyes.number(LABELS):,} judgements in {took:.0f} s; answers {dict(crowd.met)}; {day.lifted} pauses lifted"]
    for look in [*day.looks, found]:
        lines += ["", *map(str, look)]
    gold = (
        "SELECT name, COUNT(*), SUM(CASE WHEN is_right THEN 1 ELSE 0 END) FROM gold_showings JOIN users ON users.id = user_id"
    )
    lines += [f"gold, answers and right ones: {day.eyes.rows(gold + ' GROUP BY name ORDER BY name')}"]
    lines += [f"of {right.total():,} settled samples {right[False]:,} have a wrong truth: {right[False] / right.total():.2%}"]
    print("\n".join(lines))  # noqa: T201  (shown by pytest -s)


def _truths(eyes: Eyes) -> list[tuple[str, Any]]:
    rows = eyes.rows("SELECT sample_id, truth FROM learning_samples WHERE state = 'settled'")
    return [(name, json.loads(truth) if isinstance(truth, str) else truth) for name, truth in rows]
