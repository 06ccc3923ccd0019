"""A training worker as a process of its own: asked to end, killed, and begun again."""

import os
import time
from pathlib import Path

import pytest

from tests.long.conftest import own_hub

__all__ = ["own_hub"]


def runners(folder: Path) -> list[int]:
    """The processes that do a run below this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"training.runner" in command and os.fsencode(folder) in command:
                found.append(int(entry.name))
    return found


def gone(folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while runners(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.long
def test_a_worker_that_ends_gives_its_run_back_and_one_that_is_killed_is_found_out(own_hub, tmp_path):
    def inside(function, *arguments):
        return own_hub._run("-m", "tests.training.programs.inside", function, *arguments)

    own_hub.environment["RUN_LOST_SECONDS"] = "3"
    processes, var = own_hub.processes, tmp_path / "var"
    asked = inside("ask")
    processes.start("training")
    assert inside("under_way", asked, 1)
    assert len(runners(var)) == 1

    processes.running["training"].terminate()
    assert processes.running.pop("training").wait(20) == 0
    stood = inside("standing", asked)
    assert (stood["status"], stood["runs"]) == ("queued", [["lost", "worker_lost", "The worker went down."]])
    assert gone(var, 1)

    processes.start("training")
    assert inside("wake") == 1
    assert inside("under_way", asked, 2)
    processes.kill("training")  # as a power cut would: nobody says goodbye
    assert gone(var, 10)
    assert inside("reap") == 1
    assert inside("standing", asked)["status"] == "queued"

    processes.start("training")
    ended = inside("completed", asked)
    assert (ended["status"], ended["models"]) == ("completed", 1)
    assert [row[0] for row in ended["runs"]] == ["lost", "lost", "succeeded"]
