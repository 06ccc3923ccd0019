"""kill -9 of trainer, supervisor, worker, beat, broker and database at moments of chance: each training ends once, and whole."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.processes import free_port
from tests.config.playing import own_store
from tests.long.own_servers import own_servers

pytestmark = pytest.mark.long

PATIENCE = 3_000
LOST_SECONDS = 6
RUNS = int(os.environ.get("RUNS", "20"))


@pytest.fixture
def played(tmp_path: Path):
    """Play on a hub with servers of its own, where the suite has servers; answers what came of it."""
    seed, bind = int(os.environ.get("SEED", random.SystemRandom().randrange(10_000))), f"127.0.0.1:{free_port()}"
    with own_servers() as servers, own_store() as bucket:
        urls = {"DATABASE_URL": servers["database"].url, "REDIS_URL": servers["broker"].url} if servers else {}
        places = {"VAR_DIR": str(tmp_path / "var"), "STORE_URL": bucket, "PUBLIC_URL": f"http://{bind}", **urls}
        environment = {**os.environ, **places, "RUN_LOST_SECONDS": str(LOST_SECONDS)}
        facts = {"cwd": settings.BASE_DIR, "env": environment}
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True, **facts)
        told = json.dumps({name: [str(server.folder), server.port] for name, server in servers.items()})
        sys.stderr.write(f"SEED={seed}\n")
        command = [sys.executable, "-m", "tests.long.killed_runs", bind, str(seed), str(RUNS), told]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True, **facts).stdout
        yield json.loads(said.splitlines()[-1])


def test_twenty_trainings_end_once_each_from_a_checkpoint_with_one_model(played):
    runs = played["runs"]
    assert len(runs) == RUNS
    for told in runs:
        states = [attempt["state"] for attempt in told["attempts"]]
        assert (told["status"], told["models"], told["completions"]) == ("completed", 1, 1), told
        assert (states[-1], states.count("succeeded"), set(states[:-1]) <= {"lost"}) == ("succeeded", 1, True), told
        assert told["scores"] == played["whole"], told  # as if nothing had been
        for attempt in told["attempts"][1:]:
            assert attempt["first"] in (attempt["left"] + 1, None), told
            assert attempt["state"] != "succeeded" or attempt["first"] or attempt["left"] == 300, told
    resumed = [attempt for told in runs for attempt in told["attempts"][1:] if attempt["left"]]
    assert len(resumed) >= RUNS // 6
    assert played["models"] == played["numbers"] == RUNS + 1
    assert played["results"] == ["bundle"] * (RUNS + 1) + ["config"] * (RUNS + 1)
    assert (played["objects_without_row"], played["rows_without_object"], played["folders"]) == (0, 0, 0)
    assert (played["checkpoints"], played["unfinished_evaluations"]) == (0, 0)
    assert played["outcomes"] == [[played["tested"], played["tested"]]]
