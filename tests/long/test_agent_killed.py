"""kill -9 of an agent at fifty moments of updates, plain and managed: a whole, verified model always answers, and the hub's record is right.

`KILLS` and `SEED` choose other moments; each is printed, and the same seed chooses the same.
"""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.long
KILLS, SEED = int(os.environ.get("KILLS", "50")), os.environ.get("SEED", "8")
PHASES = {"download", "verify", "install", "warm up", "switch", "probation", "report", "follow"}


def test_an_agent_killed_at_any_moment_comes_up_with_a_whole_model(own_hub):
    command = [sys.executable, "-m", "tests.long.killed_agent", own_hub.processes.bind, str(KILLS), SEED]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=own_hub.environment, stdout=subprocess.PIPE, text=True, timeout=3_000, check=True
    )
    facts = json.loads(done.stdout.splitlines()[-1])
    print(facts)  # noqa: T201  (where they were killed)
    assert sum(facts["killed"].values()) == KILLS
    assert KILLS < 50 or set(facts["killed"]) == PHASES
    assert facts["left_behind"] == []
