"""The outbox and what an agent must not forget."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from cc_edge.measuring import Tally
from cc_edge.outputs import Answer
from cc_edge.state import State


@pytest.fixture
def state(tmp_path):
    with State(tmp_path / "state.sqlite3") as state:
        yield state


def test_the_clock_never_goes_below_the_newest_signed_time_seen(tmp_path):
    morning = datetime(2026, 11, 20, 8, tzinfo=UTC)
    clock = [morning]
    with State(tmp_path / "clock.sqlite3", lambda: clock[0]) as state:
        assert state.now() == morning
        state.saw_time(morning + timedelta(hours=1))
        state.saw_time(morning - timedelta(hours=1))
        state.saw_time(None)
        assert state.now() == morning + timedelta(hours=1)
        clock[0] = morning + timedelta(hours=2)
        assert state.now() == clock[0]
    clock[0] = morning - timedelta(days=400)
    with State(tmp_path / "clock.sqlite3", lambda: clock[0]) as state:
        assert state.now() == morning + timedelta(hours=1)


def test_reports_are_numbered_within_an_attempt_and_wait_in_order(state):
    state.report("d-1", 1, "downloading", percent=10)
    state.report("d-2", 1, "downloading")
    state.report("d-1", 1, "installing")
    waiting = state.waiting()
    assert waiting.deployment == "d-1"
    assert [(report["seq"], report["status"]) for report in waiting.reports] == [(1, "downloading"), (2, "installing")]
    state.acknowledge(waiting)
    assert state.waiting().deployment == "d-2"
    assert state.count_waiting() == 1


def test_numbers_go_on_after_reports_were_delivered(state):
    state.report("d-1", 1, "downloading")
    state.acknowledge(state.waiting())
    state.report("d-1", 1, "installing")
    assert [report["seq"] for report in state.waiting().reports] == [2]


def test_a_report_made_while_others_travel_is_not_lost(state):
    state.report("d-1", 1, "downloading")
    travelling = state.waiting()
    state.report("d-1", 1, "completed")
    state.acknowledge(travelling)
    assert [report["status"] for report in state.waiting().reports] == ["completed"]


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_an_attempt_that_is_over_says_nothing_more(state, end):
    state.report("d-1", 1, end)
    state.report("d-1", 1, "failed", error="too late")
    assert state.is_over("d-1", 1)
    assert [report["status"] for report in state.waiting().reports] == [end]


def test_the_next_attempt_is_another_matter(state):
    state.report("d-1", 1, "failed", error="no")
    assert not state.is_over("d-1", 2)
    state.report("d-1", 2, "downloading")
    assert [(report["attempt"], report["seq"]) for report in state.waiting().reports] == [(1, 1), (2, 1)]


def test_everything_is_there_after_a_restart(tmp_path):
    with State(tmp_path / "s") as state:
        state.report("d-1", 1, "downloading")
        state.remember(counter=7, etag='"x"', assignment=b"{}")
    with State(tmp_path / "s") as state:
        assert (state.fact("counter"), state.fact("etag"), state.fact("assignment")) == (7, '"x"', b"{}")
        assert state.count_waiting() == 1


def test_facts_are_remembered_all_or_none(state):
    with pytest.raises((sqlite3.Error, TypeError)):
        state.remember(counter=8, etag=object())
    assert state.fact("counter") is None


def tally(images, confidence, seconds):
    counted = Tally()
    for _ in range(images):
        counted.answered(Answer({"label": "light"}, confidence), seconds)
    return counted


def test_what_is_measured_while_a_heartbeat_travels_is_told_the_next_time_and_what_was_lost_again(state):
    for _ in range(2):
        state.measure("m", "v1", tally(3, 0.9, 0.010))
    lost = state.measured()
    state.measure("m", "v1", tally(1, 1.0, 0))
    again = state.measured()
    [first] = lost.values()
    assert (first["images"], first["latency"], first["confidence"][9]) == (6, {"10": 6}, 6)
    assert again.items() >= lost.items()
    state.told(lost)
    [left] = state.measured().values()
    assert (left["images"], left["empty"], left["latency"]) == (1, 0, {"0": 1})
    assert left["since"] >= first["since"]
