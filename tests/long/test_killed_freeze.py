"""A freeze whose worker is killed at ten moments: nothing half-made is seen, and what comes out is what nobody disturbed."""

import json
import os
import random
import subprocess
import sys
import time

import pytest
from django.conf import settings

pytestmark = pytest.mark.long
ROWS = os.environ.get("ROWS", "60000")
KILLS = 10


def run(hub, *arguments):
    command = [sys.executable, "-m", "tests.long.inside_freeze", *arguments]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env={**hub.environment, "ROWS": ROWS}, stdout=subprocess.PIPE, check=True, timeout=900
    )
    return json.loads(done.stdout.splitlines()[-1])


def frozen_for(hub, pk: str, seconds: float | None = None) -> float:
    """Let a worker freeze, for so long and then kill it; answers for how long it was at it."""
    command = [sys.executable, "-m", "tests.long.inside_freeze", "freeze", pk]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=hub.environment, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "begun\n"
        began = time.monotonic()
        if seconds is None:
            assert "sha256" in worker.stdout.readline()
        else:
            time.sleep(seconds)
            worker.kill()
        return time.monotonic() - began


def test_nothing_half_made_is_left_and_it_starts_again(own_hub):
    dataset = run(own_hub, "fill")
    undisturbed = run(own_hub, "begin", dataset, "v1.0.0")
    took = frozen_for(own_hub, undisturbed)
    expected = run(own_hub, "state", undisturbed)
    assert (expected["faults"], expected["samples"], expected["objects"]) == ([], int(ROWS), 2)
    dice = random.Random(os.environ.get("SEED", "freeze"))
    pk, moments = run(own_hub, "begin", dataset, "v1.1.0"), []
    for number in range(KILLS):  # later and later, so that the next has more to clear away
        moments.append(round(took * 0.5 * (number + dice.random()) / KILLS, 2))
        frozen_for(own_hub, pk, moments[-1])
        left = run(own_hub, "state", pk)
        if left["state"] == "frozen":  # it was faster than the first one
            break
        assert (left["state"], left["fingerprint"]) == ("freezing", "")
    else:
        frozen_for(own_hub, pk)
    sys.stdout.write(f"killed after {moments} of {took:.1f} s\n")
    assert len(moments) >= KILLS - 2
    there = run(own_hub, "state", pk)
    assert there == {**expected, "groups": 0}  # the groups are the first version's
    assert there["scratch"] == 0
