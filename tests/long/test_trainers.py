"""The trainers on real data reach what docs/trainers.md says of them, give or take: one command makes that table."""

import statistics

import pytest

from tests.long import trainer_table

pytestmark = pytest.mark.long

REACHED = {
    "digits-mlp": (0.97, 60),
    "digits-cnn": (0.985, 300),
    "gestures-knn": (0.9, 60),
    "gestures-lstm": (0.9, 300),
    "plates": (-0.05, 600),
    "cells": (0.6, 2400),
}
"""Of each row the median at least (of faults: at most, so less than nothing), and seconds of processor time at most."""


@pytest.mark.parametrize("name", REACHED)
def test_a_trainer_reaches_what_is_said_of_it(name):
    if trainer_table.ROWS[name].trainer not in {"mlp_classifier", "baseline_knn"}:
        pytest.importorskip("torch")
    least, most = REACHED[name]
    _, found = trainer_table.trained(name)
    reached = statistics.median(value for value, _ in found)
    assert (-reached if least < 0 else reached) >= least
    assert statistics.median(seconds for _, seconds in found) <= most
