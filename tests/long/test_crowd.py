"""Many annotators, each a process, on one queue: with overlap 2 every sample is judged by exactly two people, none twice."""

import json
import os

import pytest

pytestmark = pytest.mark.long
SAMPLES, PEOPLE = (2_000, 8) if os.environ.get("DATABASE_URL") else (1_000, 2)


def test_each_sample_is_judged_by_exactly_two_people(own_hub):
    names = own_hub.inside("fill_queue", SAMPLES, 2, PEOPLE)
    crowd = [own_hub.start_inside("annotate", name) for name in names]
    decided = [json.loads(process.communicate(timeout=900)[0])["decided"] for process in crowd]
    assert [process.returncode for process in crowd] == [0] * PEOPLE
    assert sum(decided) == 2 * SAMPLES
    assert min(decided) > 0
    assert own_hub.inside("judgements") == {
        "judged": {"2 by 2": SAMPLES},
        "samples": {"settled": SAMPLES},
        "slots": {"done": 2 * SAMPLES},
    }
