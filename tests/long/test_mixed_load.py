"""Ten minutes of all traffic at once, with the database, the broker and the workers killed in the middle: nothing acknowledged is lost.

Two uploaders, eight annotators, a thousand polling edges, two trainings and an admin. MINUTES and EDGES make it smaller.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from django.conf import settings

from config.processes import Processes, free_port
from tests.config.playing import own_store
from tests.long.conftest import OwnHub
from tests.long.own_servers import own_servers

pytestmark = pytest.mark.long

MINUTES = float(os.environ.get("MINUTES", "10"))
EDGES = int(os.environ.get("EDGES", "1000"))
ANNOTATORS, WAITING = 8, 20_000
GRACE = 3.0
"""So many seconds after the hub says it is ready, a request that was begun before may still fail."""
PATIENCE = 600


@pytest.fixture
def hub(tmp_path: Path):
    """A hub with servers of its own, where the suite has servers."""
    with own_servers() as servers, own_store() as bucket:
        bind = f"127.0.0.1:{free_port()}"
        urls = {"DATABASE_URL": servers["database"].url, "REDIS_URL": servers["broker"].url} if servers else {}
        places = {"VAR_DIR": str(tmp_path / "var"), "STORE_URL": bucket, "PUBLIC_URL": f"http://{bind}", **urls}
        environment = {**os.environ, **places, "RUN_LOST_SECONDS": "10"}
        own = OwnHub(environment, Processes(bind, tmp_path / "logs", environment, web_workers=2))
        own.manage("migrate", "--verbosity", "0")
        try:
            yield own, servers
        finally:
            own.processes.stop()


class Traffic:
    """All processes that send something, and the folder of their ledgers."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, kinds: dict[str, list[dict[str, object]]]) -> None:
        for kind, each in kinds.items():
            for number, facts in enumerate(each):
                name = f"{kind}-{number}"
                told = self.folder / f"{name}.json"
                told.write_text(json.dumps(facts))
                command = [sys.executable, "-m", "tests.long.mixed_traffic", kind, self.url, str(told)]
                ledger = str(self.folder / f"{name}.jsonl")
                self.running[name] = subprocess.Popen([*command, ledger], cwd=settings.BASE_DIR, stdin=subprocess.PIPE)

    def end(self) -> dict[str, int]:
        for process in self.running.values():
            assert process.stdin is not None
            process.stdin.close()
        return {name: process.wait(timeout=120) for name, process in self.running.items()}


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5) as answer:  # noqa: S310  (our own address)
            return answer.status == 200
    except OSError:
        return False


def broken(processes: Processes, act: Callable[[], object]) -> tuple[float, float]:
    """Break something; answers from when to when errors were to be expected: until the hub is ready again, and a little."""
    began = time.time()
    act()
    deadline = time.time() + 120
    while not ready(processes.url):
        assert time.time() < deadline
        threading.Event().wait(0.1)
    return began, time.time() + GRACE


def test_nothing_acknowledged_is_lost_and_errors_are_told_only_while_something_is_down(hub, tmp_path):
    own, servers = hub
    policy = {"city_labels": "review", "overlap": 1, "first_check_share": 0, "later_check_share": 0}
    own.inside("fill_review", "vehicles", WAITING, json.dumps(policy))
    kinds = own.inside("mixed_ground", EDGES, ANNOTATORS)
    processes = own.processes
    processes.start()
    processes.wait_ready()
    (ledgers := tmp_path / "ledgers").mkdir()
    traffic = Traffic(processes.url, ledgers)
    traffic.begin(kinds)
    faults = [(0.55, "default"), (0.7, "training"), (0.8, "web")]
    faults += [(0.25, "database"), (0.4, "broker")] if servers else []
    down, began = [], time.monotonic()
    for share, what in sorted(faults):
        while (time.monotonic() - began) / 60 < share * MINUTES:
            threading.Event().wait(0.2)
        down.append((what, *broken(processes, lambda what=what: restarted(what, servers, processes))))
    while (time.monotonic() - began) / 60 < MINUTES:
        threading.Event().wait(0.2)
        processes.restart_dead()
    assert set(traffic.end().values()) == {0}
    deadline = time.monotonic() + PATIENCE
    while any((waiting := own.inside("mixed_waiting")).values()):
        assert time.monotonic() < deadline, waiting
        threading.Event().wait(1)
    told = own.inside("mixed_lost", ledgers)
    report(told, down)
    assert told["lost"] == {what: [] for what in told["lost"]}
    assert (told["twice"], told["unheard"]) == ([], [])
    assert (set(told["models"].values()), len(told["models"])) == ({1}, 2)
    assert all(told["counts"].values())
    assert (told["counts"]["deployment"], told["refused"]) == (EDGES, [])
    assert [error for error in told["errors"] if not any(begin <= error["at"] <= end for _, begin, end in down)] == []
    assert {status for _, status, _ in told["pages"]} == {200}


def restarted(what, servers, processes: Processes) -> None:
    """Kill it as a power cut would, and start it again."""
    if what in servers:
        servers[what].kill()
        servers[what].start()
    else:
        processes.kill(what)
        processes.start(what)


def report(told, down) -> None:
    """Print what was acknowledged, how long each thing was down, and the errors of that time."""
    lines = [
        f"acknowledged {told['counts']}",
        f"pages {len(told['pages'])}, median {median(row[2] for row in told['pages'])} ms",
    ]
    for what, begin, end in down:
        inside = Counter(error["fault"] for error in told["errors"] if begin <= error["at"] <= end)
        lines.append(f"{what} killed: ready after {end - GRACE - begin:.1f} s, meanwhile {dict(inside)}")
    print("\n".join(lines))  # noqa: T201  (shown by pytest -s)
