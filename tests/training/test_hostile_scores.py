"""Scores of a user's own trainer may be anything: what pages draw of them is what is sound in them."""

import pytest
from django.template.loader import render_to_string

from config.charts import line_chart
from training.gate import classes_of, measured
from training.models import ModelEvaluation
from training.views.scores import shown_scores

NAN = float("nan")
BIN = {"from": 0.9, "to": 1.0, "n": 7, "confidence": 0.95, "accuracy": 0.9}


def drawn(**scores):
    """Answer what is shown, and the part of the page that shows it."""
    shown = shown_scores(ModelEvaluation(scores=scores))
    return shown, render_to_string("training/model_scores.html", {**shown, "is_own": True})


@pytest.mark.parametrize(
    "bins",
    ["x", {}, [], [None], [7], [{}], [{**BIN, "confidence": NAN}], [{**BIN, "accuracy": 40}], [{**BIN, "n": "many"}]],
)
def test_bins_that_are_none_draw_no_calibration(bins):
    shown, page = drawn(calibration={"ece": NAN, "bins": bins})
    assert shown["calibration"] is None
    assert "svg" not in page


def test_one_sound_bin_is_drawn_and_an_error_that_is_no_number_is_a_dash():
    shown, page = drawn(calibration={"ece": NAN, "bins": [{**BIN, "accuracy": NAN}, BIN]})
    assert (shown["calibration"]["error"], len(shown["calibration"]["bins"])) == ("–", 1)
    assert "<svg" in page
    assert drawn(calibration={"ece": 0.031, "bins": [BIN]})[0]["calibration"]["error"] == "3.1 %"
    assert "nan" not in page.lower()


@pytest.mark.parametrize(
    "confusion",
    [
        "x",
        [],
        {"labels": 3, "rows": [[1]]},
        {"labels": ["a"], "rows": 7},
        {"labels": ["a"], "rows": ["ab"]},
        {"rows": [[NAN, 2]]},
    ],
)
def test_confusion_that_is_no_table_names_nobody(confusion):
    assert drawn(confusion=confusion)[0]["confused"] == []


def test_one_class_is_confused_with_nothing_and_ragged_rows_are_read_as_far_as_they_go():
    assert drawn(confusion={"labels": ["a"], "rows": [[9]]})[0]["confused"] == []
    shown, _ = drawn(confusion={"labels": ["a", "b"], "rows": [[1, 3, 8], [NAN], [4]]})
    assert shown["confused"] == [{"truth": "a", "said": "b", "n": 3, "share": 3 / 12}]


def test_two_hundred_classes_show_the_weakest_and_say_so():
    rows = [{"label": f"class {n}", "truths": n, "precision": 0.5, "recall": NAN, "f1": n / 200} for n in range(200)]
    _, page = drawn(by_class=rows, confusion={"labels": [str(n) for n in range(200)], "rows": [[1] * 200] * 200})
    assert "The 25 weakest of 200 classes." in page
    assert "class 24" in page
    assert "class 25<" not in page
    assert "nan" not in page.lower()


def test_what_is_no_finite_number_measures_nothing():
    assert [measured({"f1": value}, "f1") for value in (NAN, float("inf"), True, "1", None, 0.5)] == [None] * 5 + [0.5]
    assert classes_of({"by_class": [{"label": 3, "f1": NAN, "truths": NAN}, "x"]})[0]["f1"] is None
    assert line_chart({"right": [(NAN, 1.0)]}) is None
