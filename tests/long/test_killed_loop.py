"""kill -9 of web, worker, trainer and agent, each in the middle of its work: the loop still comes round, once."""

import json
import subprocess
import sys

import pytest
from django.conf import settings

from tests.long.killed_loop import SENT

pytestmark = pytest.mark.long


def test_the_loop_finishes_with_one_model_and_one_deployment(own_hub):
    environment = {**own_hub.environment, "RUN_LOST_SECONDS": "10"}
    command = [sys.executable, "-m", "tests.long.killed_loop", own_hub.processes.bind]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True, timeout=900, check=True
    )
    facts = json.loads(done.stdout.splitlines()[-1])
    assert (facts["samples"], facts["events"], facts["images"]) == (SENT, SENT, SENT)
    assert facts["runs"] == ["lost", "succeeded"]
    assert (facts["models"], facts["completed_deployments"]) == (1, 1)
    assert facts["edge_accuracy"] > 0.8
