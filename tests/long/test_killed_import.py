"""An import whose worker is killed (-9) at many moments: each time another one follows, and at the end all is there, once."""

import os
import sys

import pytest

pytestmark = pytest.mark.long
PICTURES = int(os.environ.get("PICTURES", "150"))
BEFORE = [("rows", 2), ("put", 100), ("cleared", 1), ("stored", 2), ("put", 3), ("report", 1), ("publishing", 1)]
"""Where it is killed while nobody sees anything of it."""
WHILE = [("chunk", 2), ("chunk", 1), ("end", 1)]
"""Where it is killed while it is let in."""


def killed(own_hub, job, place, call):
    """Begin a worker that is killed in front of the so many-th call of a place, and answer what there is then."""
    worker = own_hub.start_inside("run_import", job, place, call)
    assert worker.wait(300) == -9, (place, call)
    worker.stdout.close()
    return own_hub.inside("import_census")


def test_at_the_end_all_is_there_once(own_hub):
    job = own_hub.inside("bring_import", PICTURES)
    for place, call in BEFORE:
        there = killed(own_hub, job, place, call)
        assert (there["labels"], there["places"], set(there["samples"]) - {"received"}) == (0, 0, set()), place
    for place, call in WHILE:
        there = killed(own_hub, job, place, call)
        assert there["counts"] == [there["places"], there["labels"]], place
        sys.stdout.write(f"{place} {call}: {there['samples']}\n")
    assert own_hub.inside("run_import", job) == "done"
    there = own_hub.inside("import_census")
    assert there["samples"] == {"settled": PICTURES}
    assert (there["labels"], there["places"], there["counts"]) == (PICTURES, PICTURES, [PICTURES, PICTURES])
    assert there["objects"] == {"image": PICTURES, "thumbnail": PICTURES}
    assert (there["ready"], there["unverified"], there["astray"]) == (0, 0, [])


@pytest.mark.parametrize(("place", "call"), [("put", 100), ("stored", 2), ("report", 1)])
def test_killed_and_taken_back_nothing_stays(own_hub, place, call):
    job = own_hub.inside("bring_import", PICTURES)
    assert killed(own_hub, job, place, call)["samples"]["received"] > 0
    assert own_hub.inside("cancel_import", job) == "cancelled"
    there = own_hub.inside("import_census")
    assert (there["samples"], there["objects"], there["ready"], there["places"], there["astray"]) == ({}, {}, 0, 0, [])
