"""An edge that nobody reaches for months, and clocks that jump: it answers all the while, and goes on once it can."""

from datetime import timedelta

import pytest

from cc_edge.errors import Unreachable
from cc_edge.inference import infer, load_active
from cc_edge.state import REPORTS_A_REQUEST, State, wall_clock
from tests.edge.bundles import image
from tests.edge.test_agent import agent_of, home, installed, paper, release, version_on

__all__ = ["home", "paper"]


def round_at(home, paper, days):
    """Do a round by a clock that is so many days ahead of the true one."""
    with agent_of(home, paper) as agent:
        agent.state._read_clock = lambda: wall_clock() + timedelta(days=days)
        return agent.round()


def notes_on(home) -> int:
    with State(home.database) as state:
        return int(state._db.execute("SELECT count(*) FROM measured").fetchone()[0])


def test_after_months_without_a_hub_it_tells_all_in_order_and_takes_what_is_new(home, paper, tmp_path, capsys):
    installed(home, paper, tmp_path)
    (tmp_path / "light.png").write_bytes(image(250))
    paper.reports.clear()
    told = REPORTS_A_REQUEST * 2 + 7
    with State(home.database) as state:
        for number in range(told):
            state.report("d-9", 1, "downloading", percent=number % 100)
    paper.down = True
    for _ in range(5):
        with pytest.raises(Unreachable):
            round_at(home, paper, -150)
        assert infer(home, "digits", [tmp_path / "light.png"]) == 0
    assert '"light"' in capsys.readouterr().out
    assert notes_on(home) == 1  # what was measured is summed, however long nobody asks
    paper.down = False
    paper.assign(release(paper, tmp_path, "v2.0.0", kind=-1), deployment="d-2", custom={"version": "v2.0.0"})
    assert round_at(home, paper, 0).refused == []
    assert version_on(home) == "v2.0.0"
    seqs = [report["seq"] for named, report in paper.reports if named == "d-9"]
    assert seqs == list(range(1, told + 1))
    [note] = [note for note in paper.heartbeats[-1]["telemetry"] if note["kind"] == "answered"]
    assert (note["version"], note["images"]) == ("v1.0.0", 5)


def test_a_clock_that_jumps_years_ahead_only_makes_it_wait_and_leaves_no_trace(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.assign(release(paper, tmp_path, "v2.0.0", kind=-1), deployment="d-2", custom={"version": "v2.0.0"})
    [refused] = round_at(home, paper, 3_000).refused
    assert "expired" in refused
    assert "failed" not in paper.statuses("d-2")
    assert load_active(home, "digits")[0].version == "v1.0.0"
    assert round_at(home, paper, 0).refused == []
    assert version_on(home) == "v2.0.0"
