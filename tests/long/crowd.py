"""People who judge at once, each a process over HTTP, and what one sees of them from outside: rows, rules and figures."""

import json
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.long import review_rules
from tests.long.eight_annotator import Browser
from tests.long.rules.rows import Hub, connect


@dataclass
class Crowd:
    """Who works at the moment, each a process, and what those who went home did."""

    url: str
    address: str
    sessions: dict[str, str]
    people: dict[str, dict[str, Any]]
    working: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)
    began: Counter[str] = field(default_factory=Counter)
    did: dict[str, Counter[str]] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    browsers: dict[str, Browser] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.began[name] += 1
        facts = {**self.people[name], "name": f"{name}.{self.began[name]}"}
        command = [sys.executable, "-m", "tests.long.eight_annotator", self.url, self.sessions[name], json.dumps(facts)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.working[name] = subprocess.Popen(command, cwd=settings.BASE_DIR, text=True, **pipes)

    def kill(self, name: str) -> None:
        self.working[name].kill()
        self.working.pop(name).communicate()

    def send_home(self) -> None:
        while self.working:
            name, process = self.working.popitem()
            said = process.communicate()[0]
            assert process.returncode == 0, name
            told = json.loads(said.splitlines()[-1])
            self.did[name] = Counter(told["did"])
            self.met += Counter(told["met"])

    def check_alive(self) -> None:
        for name, process in self.working.items():
            assert process.poll() is None, f"{name} ended with {process.returncode}"

    @contextmanager
    def coffee_break(self) -> Iterator[None]:
        """Let nobody do anything meanwhile."""
        for process in self.working.values():
            process.send_signal(signal.SIGSTOP)
        yield
        for process in self.working.values():
            process.send_signal(signal.SIGCONT)

    def kill_all(self) -> None:
        for name in list(self.working):
            self.kill(name)
        for browser in self.browsers.values():
            browser.http.close()

    def browser(self, name: str) -> Browser:
        """Answer the browser of somebody who only looks in now and then."""
        if name not in self.browsers:
            self.browsers[name] = Browser(self.url, self.sessions[name])
        return self.browsers[name]


@dataclass
class Eyes:
    """Looks into the database from outside."""

    address: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = connect(self.address)
        rows = connection.execute(query).fetchall()
        connection.close()
        return rows

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0])

    def findings(self, *, live: bool) -> list[review_rules.Finding]:
        connection = connect(self.address)
        found = review_rules.findings(Hub(connection), live=live)
        connection.close()
        return found


def begun(hub: Any, roles: dict[str, str], people: dict[str, dict[str, Any]]) -> Crowd:
    """Make people with sessions, and start the hub's web (two workers) and a worker; nobody judges yet."""
    sessions = hub.inside("people", json.dumps(roles))
    hub.processes.web_workers = 2
    hub.processes.start("web", "default")
    hub.processes.wait_ready()
    address = hub.environment["DATABASE_URL"] or str(Path(hub.environment["VAR_DIR"]) / "hub.sqlite3")
    return Crowd(hub.processes.url, address, sessions, people)


def told_figures(reviewer: Browser, eyes: Eyes, slug: str) -> dict[str, Any]:
    """Answer the hub's figures of quality, by its API and from its summary rows, in the shape of tests/long/quality_recount.py."""
    status, told = reviewer.send("GET", f"/api/v1/learning/quality?ai_module={slug}")
    assert status == 200, told
    module = eyes.number(f"SELECT id FROM ai_modules WHERE slug = '{slug}'")  # noqa: S608  (our own)
    cities = dict(eyes.rows("SELECT slug, id FROM cities"))
    summed = "SELECT person_id, version, SUM(hits), SUM(n) FROM quality_counts WHERE measure = 'characters'"
    letters = eyes.rows(f"{summed} AND module_id = {module} GROUP BY person_id, version")
    people: dict[int, dict[str, Any]] = defaultdict(lambda: {"characters": [0, 0]})
    for week in told["people"]:
        for name, figure in week.items():
            of = people[week["user"]]
            if isinstance(figure, dict):
                of[name] = [of.get(name, [0, 0])[0] + figure["hits"], of.get(name, [0, 0])[1] + figure["n"]]
            elif name in {"judged", "returned"}:
                of[name] = of.get(name, 0) + figure
    people_letters = {person: [int(hits), int(n)] for person, _, hits, n in letters if person is not None}
    for person, share in people_letters.items():
        people[person]["characters"] = share
    whole = told["agreement"]
    return {
        "people": dict(people),
        "agreement": {
            "pairs": [whole["pairs"]["hits"], whole["pairs"]["n"]],
            "alpha": whole["alpha"],
            "kappa": whole["kappa"],
        },
        "corrections": {
            f"{cities[row['city']]} {row['model']} {row['version']}": [row["changed"]["hits"], row["changed"]["n"]]
            for row in told["corrections"]
        },
        "predicted_characters": {version: [int(hits), int(n)] for person, version, hits, n in letters if person is None},
    }


def differences(told: dict[str, Any], recounted: dict[str, Any], where: str = "") -> list[str]:
    """Answer where two trees of figures differ; numbers with a fraction may by rounding."""
    if isinstance(told, dict) and isinstance(recounted, dict):
        keys = sorted(told.keys() | recounted.keys(), key=str)
        return [each for key in keys for each in differences(told.get(key), recounted.get(key), f"{where} {key}")]
    is_number = isinstance(told, float) and isinstance(recounted, float)
    same = abs(told - recounted) < 1e-9 if is_number else told == recounted
    return [] if same else [f"{where}: the hub says {told}, a recount {recounted}"]
