"""Plans of rollouts: what they may say, and how many edges each wave adds."""

import pytest

from core.errors import Invalid
from deployments import plan


@pytest.mark.parametrize(
    ("waves", "total", "sizes"),
    [
        ([{"share": 1.0}], 7, [7]),
        ([{"count": 1}, {"share": 1.0}], 7, [1, 6]),
        ([{"count": 1}, {"share": 0.5}, {"share": 1}], 7, [1, 3, 3]),
        ([{"count": 5}, {"share": 1.0}], 3, [3]),
        ([{"share": 0.01}, {"share": 0.02}, {"share": 1.0}], 10, [1, 9]),
        ([{"count": 1}, {"share": 1.0}], 1, [1]),
    ],
)
def test_each_wave_adds_up_to_its_reach(waves, total, sizes):
    assert [size for _, size in plan.read({"waves": waves}).sizes(total)] == sizes


def test_without_a_plan_all_edges_go_at_once_and_no_failure_is_borne():
    assert plan.read(None) == plan.read({}) == plan.Plan([plan.Wave(share=1.0)])


@pytest.mark.parametrize(
    "document",
    [
        [],
        "all",
        {"speed": 1},
        {"waves": []},
        {"waves": {}},
        {"waves": [{"share": 1.0}] * 21},
        {"waves": [1]},
        {"waves": [{}]},
        {"waves": [{"count": 1, "share": 1.0}]},
        {"waves": [{"count": 0}, {"share": 1.0}]},
        {"waves": [{"count": True}, {"share": 1.0}]},
        {"waves": [{"count": 2**31}, {"share": 1.0}]},
        {"waves": [{"share": 0}, {"share": 1.0}]},
        {"waves": [{"share": 1.5}]},
        {"waves": [{"share": "all"}]},
        {"waves": [{"share": True}]},
        {"waves": [{"count": 1}]},
        {"waves": [{"share": 0.5}]},
        {"error": 3},
        {"error": {"max_failed": -1}},
        {"error": {"max_failed": 0.5}},
        {"error": {"share": 0.5}},
    ],
)
def test_a_plan_that_makes_no_sense_is_invalid(document):
    with pytest.raises(Invalid):
        plan.read(document)
