"""A model that answers wrongly, and one that is right and slow: each is stopped at its canary, which is back where it was without a person."""

import json
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.long


def test_a_bad_model_does_not_get_past_its_canary_and_a_good_one_does(own_hub):
    command = [sys.executable, "-m", "tests.long.bad_model", own_hub.processes.bind]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=own_hub.environment, stdout=subprocess.PIPE, text=True, timeout=900, check=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    print(told)  # noqa: T201  (the sentences)
    assert (told["good"]["state"], told["good"]["runs"]) == ("completed", ["1.0.0"] * 3)
    for bad, sentence in (("wrong", "Golden input 1 gives another output here"), ("slow", "95 of 100 images take up to")):
        stopped = told[bad]
        assert sentence in stopped["because"]
        assert (stopped["state"], stopped["by"], stopped["waves_opened"], stopped["offered"]) == ("rolled_back", ["hub"], 1, 1)
        assert stopped["runs"] == ["1.0.0"] * 3
    assert (told["wrong"]["went_to_it"], told["slow"]["went_to_it"]) == (0, 1)
    assert (told["as good"]["state"], told["as good"]["waves_opened"]) == ("completed", 2)
    assert told["as good"]["runs"] == ["4.0.0"] * 3
