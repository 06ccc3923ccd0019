"""What an agent takes of a machine's memory: below 150 MB without a model, and it gives back what trying one took."""

from pathlib import Path

import pytest

from cc_edge.home import Home
from tests.edge.test_agent import LARGE, home, paper, release, started, until

__all__ = ["home", "paper"]
pytestmark = pytest.mark.long
MOST_MB = 150


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_an_agent_stays_small_before_and_after_it_installs_models(home: Home, paper, tmp_path):
    with started(home) as process:
        try:
            until(lambda: len(paper.heartbeats) > 3)
            sizes = {"at rest": resident_mb(process.pid)}
            for number in range(1, 11):
                path = release(paper, tmp_path, f"v{number}.0.0", kind=1 if number % 2 else -1, card=LARGE)
                paper.assign(path, deployment=f"d-{number}", custom={"version": f"v{number}.0.0"})
                until(lambda number=number: "completed" in paper.statuses(f"d-{number}"))
                sizes[f"after {number}"] = resident_mb(process.pid)
        finally:
            process.terminate()
            process.stderr.read()
    print({name: round(size) for name, size in sizes.items()})  # noqa: T201  (the figures)
    assert sizes["at rest"] <= MOST_MB
    assert max(sizes.values()) <= MOST_MB
    assert sizes["after 10"] - sizes["after 3"] < 10, "each install leaves something behind"
