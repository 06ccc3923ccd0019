"""What a set of reports amounts to, whatever their order and number."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from deployments import reports
from deployments.models import DeploymentStatus
from tests.deployments.conftest import MORNING, said

COMPLETED, FAILED = DeploymentStatus.COMPLETED, DeploymentStatus.FAILED
anything = st.builds(
    said,
    st.sampled_from(sorted(reports.SPOKEN)),
    seq=st.integers(0, 6),
    attempt=st.integers(1, 3),
    progress_percent=st.integers(0, 100),
)
# an edge says one thing under one number
sets = st.lists(anything, min_size=1, max_size=12, unique_by=lambda report: (report.attempt, report.seq))


def test_nothing_said_is_pending():
    assert reports.standing([], issued=1).status == DeploymentStatus.PENDING


def test_the_last_word_counts_while_nothing_has_ended():
    standing = reports.standing([said("installing", seq=3, progress_percent=80), said("downloading", seq=2)], issued=1)
    assert (standing.status, standing.progress_percent) == ("installing", 80)


def test_the_first_end_counts_and_a_later_word_does_not_undo_it():
    known = [said("completed", seq=4), said("failed", seq=6, error_message="probe"), said("installing", seq=9)]
    assert reports.standing(known, issued=1).status == COMPLETED


def test_a_number_that_jumps_is_a_number_like_any_other():
    assert reports.standing([said("downloading", seq=1), said("completed", seq=reports.LARGEST)], issued=1).status == COMPLETED


def test_an_earlier_end_that_comes_late_wins():
    assert reports.standing([said("completed", seq=6), said("failed", seq=4)], issued=1).status == FAILED


def test_the_highest_attempt_counts():
    known = [said("failed", seq=4), said("downloading", attempt=2, seq=1)]
    assert reports.standing(known, issued=1).status == "downloading"


def test_an_attempt_that_was_asked_for_and_not_begun_is_pending():
    assert reports.standing([said("failed", seq=4)], issued=2).status == DeploymentStatus.PENDING


def test_a_completed_deployment_says_when_it_began_and_ended():
    standing = reports.standing([said("downloading", seq=1), said("completed", seq=3)], issued=1)
    assert (standing.progress_percent, (standing.completed_at - standing.started_at).seconds) == (100, 2)


@given(sets, st.integers(), st.integers(1, 3))
def test_order_and_repetition_make_no_difference(known, seed, issued):
    shuffled = known * 2
    random.Random(seed).shuffle(shuffled)
    assert reports.standing(shuffled, issued=issued) == reports.standing(known, issued=issued)


@given(sets)
def test_once_ended_an_attempt_stays_ended_by_whatever_follows(known):
    before = reports.standing(known, issued=1)
    attempt = max(report.attempt for report in known)
    later = said("downloading", attempt=attempt, seq=100)
    after = reports.standing([*known, later], issued=1)
    assert after.status == (before.status if before.status in reports.ENDS else "downloading")


@pytest.mark.parametrize(("told", "kept"), [(-0.4, 0), (0, 0), (41.7, 41), (100, 100), (100.4, 100)])
def test_a_rounding_error_in_the_progress_is_clamped(told, kept):
    assert said("installing", progress_percent=told).progress_percent == kept


@pytest.mark.parametrize("status", ["pending", "superseded", "rolled_back", "", "COMPLETED", "x" * 500])
def test_a_status_an_edge_cannot_say_is_invalid(status):
    with pytest.raises(Invalid, match="An edge reports"):
        said(status)


@pytest.mark.parametrize("told", [-5, 101, 400, 10**9, float("nan"), float("inf")])
def test_progress_beyond_its_range_is_invalid(told):
    with pytest.raises(Invalid, match="0 to 100"):
        said("installing", progress_percent=told)


@pytest.mark.parametrize("facts", [{"attempt": 0}, {"attempt": -1}, {"seq": -1}, {"seq": 2**31}, {"attempt": 2**31}])
def test_numbers_have_bounds(facts):
    with pytest.raises(Invalid):
        said("installing", **facts)


def test_a_long_sentence_is_cut():
    told = reports.heard(attempt=1, seq=1, status="failed", at=MORNING, error_message="x\x00" * 5_000)
    assert len(told.error_message) == reports.LONGEST_SENTENCE
    assert "\x00" not in told.error_message
