"""An export whose worker is killed at eight moments: no half of it is seen or left, and what comes out is what nobody disturbed."""

import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from django.conf import settings

pytestmark = pytest.mark.long
ROWS = os.environ.get("ROWS", "60000")
KILLS = 8


def run(hub, *arguments):
    command = [sys.executable, "-m", "tests.long.inside_export", *arguments]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env={**hub.environment, "ROWS": ROWS}, stdout=subprocess.PIPE, check=True, timeout=600
    )
    return json.loads(done.stdout.splitlines()[-1])


def built_for(hub, pk: str, seconds: float | None = None) -> float:
    """Let a worker build, for so long at most and then kill it; answers for how long it was at it."""
    command = [sys.executable, "-m", "tests.long.inside_export", "build", pk]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=hub.environment, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "begun\n"
        began = time.monotonic()
        if seconds is None:
            assert "done" in worker.stdout.readline()
        else:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(seconds)
            worker.kill()
        return time.monotonic() - began


def test_nothing_half_made_is_left_and_it_starts_again(own_hub):
    dataset = run(own_hub, "fill")
    undisturbed = run(own_hub, "ask", dataset)
    took = built_for(own_hub, undisturbed)
    expected = run(own_hub, "state", undisturbed)
    assert (expected["state"], expected["done"], expected["objects"], expected["stored"]) == ("done", int(ROWS), 1, 1)
    dice = random.Random(os.environ.get("SEED", "export"))
    pk, moments, files = run(own_hub, "ask", dataset), [], 2
    for number in range(KILLS):  # later and later, so that what one left is cleared away by the next
        moments.append(round(took * 0.95 * (number + dice.random()) / KILLS, 2))
        at_it = built_for(own_hub, pk, moments[-1])
        left = run(own_hub, "state", pk)
        if left["state"] == "done":  # it was faster than the ones before
            took = at_it
            assert left == {**expected, "stored": files}
            pk, files = run(own_hub, "ask", dataset), files + 1
            continue
        assert left["state"] in ("pending", "running")
        assert left["sha256"] == ""
    built_for(own_hub, pk)
    sys.stdout.write(f"killed after {moments} of {took:.1f} s; {files - 2} were done before\n")
    assert files < KILLS / 2
    assert run(own_hub, "state", pk) == {**expected, "stored": files}
    assert expected["scratch"] == 0
