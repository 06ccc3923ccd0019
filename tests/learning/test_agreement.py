"""Coefficients of agreement against what was published, and against definitions written out plainly."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from learning import agreement
from learning.agreement import aligned, character_error_rate, coincidences, edits, matched_boxes, mean_iou, pairs_of

# Fleiss, "Measuring nominal scale agreement among many raters", 1971: six psychiatrists, thirty patients, five diagnoses.
FLEISS_1971 = """
0 0 0 6 0|0 3 0 0 3|0 1 4 0 1|0 0 0 0 6|0 3 0 3 0|2 0 4 0 0|0 0 4 0 2|2 0 3 1 0|2 0 0 4 0|0 0 0 0 6
1 0 0 5 0|1 1 0 4 0|0 3 3 0 0|1 0 0 5 0|0 2 0 3 1|0 0 5 0 1|3 0 0 1 2|5 1 0 0 0|0 2 0 4 0|1 0 2 0 3
0 0 0 0 6|0 1 0 5 0|0 2 0 1 3|2 0 0 4 0|1 0 0 4 1|0 5 0 1 0|4 0 0 0 2|0 2 0 4 0|1 0 5 0 0|0 0 0 0 6
"""
# The example that textbooks and encyclopaedias work through: fourteen raters, ten subjects, five categories.
FLEISS_TEXTBOOK = """
0 0 0 0 14|0 2 6 4 2|0 0 3 5 6|0 3 9 2 0|2 2 8 1 1|7 7 0 0 0|3 2 6 3 0|2 5 3 2 2|6 5 2 1 0|0 2 2 3 7
"""
# Krippendorff, "Computing Krippendorff's alpha-reliability", 2011: examples A, B and C; and the one with three coders.
KRIPPENDORFF_A = ["0100000010", "1110010000"]
KRIPPENDORFF_B = ["aabbdcccedda", "babbbccceddd"]
KRIPPENDORFF_C = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
THREE_CODERS = [".....34121133.3", "1.213343.......", "..21344.21133.4"]


def counted(table):
    """Answers of a table of counts: one list of categories per subject."""
    rows = [list(map(int, row.split())) for line in table.split("\n") if line for row in line.split("|")]
    return [[category for category, n in enumerate(row) for _ in range(n)] for row in rows]


def coded(coders):
    """Answers of coders' lines: one list per unit; a point is no answer."""
    assert len({len(line) for line in coders}) == 1
    return [[said for said in unit if said != "."] for unit in zip(*coders, strict=True)]


def summed(samples):
    return sum((pairs_of(answers) for answers in samples), Counter())


@pytest.mark.parametrize(("table", "kappa"), [(FLEISS_1971, 0.430), (FLEISS_TEXTBOOK, 0.210)])
def test_fleiss_kappa_is_the_published_one(table, kappa):
    assert agreement.fleiss(summed(counted(table))) == pytest.approx(kappa, abs=5e-4)


@pytest.mark.parametrize(
    ("coders", "alpha"), [(KRIPPENDORFF_A, 0.095), (KRIPPENDORFF_B, 0.692), (KRIPPENDORFF_C, 0.743), (THREE_CODERS, 0.691)]
)
def test_krippendorffs_alpha_is_the_published_one(coders, alpha):
    assert agreement.krippendorff(coincidences(coded(coders))) == pytest.approx(alpha, abs=5e-4)


def test_cohens_kappa_is_the_published_one():
    # Cohen's two readers of fifty grant proposals: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no
    pairs = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert agreement.cohen(pairs) == pytest.approx(0.4)
    assert agreement.observed(pairs) == pytest.approx(0.7)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40))
def test_cohens_kappa_is_that_of_scikit_learn(said):
    kappa = agreement.cohen(Counter(said))
    first, second = zip(*said, strict=True)
    if len({*first, *second}) == 1:
        assert kappa is None
    else:
        assert kappa == pytest.approx(cohen_kappa_score(first, second))


def test_what_cannot_be_said_is_none():
    assert agreement.observed({}) is None
    for coefficient in (agreement.cohen, agreement.fleiss, agreement.krippendorff):
        assert coefficient({}) is None
        assert coefficient({("a", "a"): 12}) is None
    assert pairs_of(["a"]) == Counter()
    assert mean_iou([], [{"bbox": [0, 0, 1, 1]}]) is None
    assert character_error_rate([]) is None


@given(st.lists(st.sampled_from("abc"), max_size=6))
def test_pairs_are_all_ordered_pairs_of_different_people(answers):
    assert pairs_of(answers) == Counter(permutations(answers, 2))


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=2), min_size=2, max_size=30))
def test_of_two_people_alpha_is_scotts_pi_with_its_correction(samples):
    said = Counter(answer for answers in samples for answer in answers)
    n = said.total()
    if len(said) < 2:
        return
    share = sum(one == other for one, other in samples) / len(samples)
    chance = sum(count**2 for count in said.values()) / n**2
    pi = (share - chance) / (1 - chance)
    assert agreement.fleiss(summed(samples)) == pytest.approx(pi)
    assert agreement.krippendorff(coincidences(samples)) == pytest.approx(pi + (1 - pi) / n)


def box(x, y, width, height):
    return {"label": "car", "bbox": [x, y, width, height]}


def test_boxes_are_matched_by_the_best_overlap_and_once():
    first = [box(0, 0, 10, 10), box(100, 0, 10, 10)]
    second = [box(0, 2, 10, 10), box(0, 1, 10, 10), box(300, 0, 10, 10)]
    assert [(i, j) for i, j, _ in matched_boxes(first, second)] == [(0, 1)]
    assert mean_iou(first, second) == pytest.approx(90 / 110)
    assert mean_iou(first, first) == 1.0


@pytest.mark.parametrize(
    ("said", "meant", "n"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("MH12", "MH12", 0), ("MH1Z", "MH12", 1), ("flaw", "lawn", 2)],
)
def test_edits_are_levenshteins(said, meant, n):
    assert edits(said, meant) == n


@given(st.text("ab0", max_size=7), st.text("ab0", max_size=7))
def test_an_alignment_spells_both_texts(said, meant):
    pairs = aligned(said, meant)
    assert ("".join(one for one, _ in pairs), "".join(other for _, other in pairs)) == (said, meant)
    assert ("", "") not in pairs
    assert abs(len(said) - len(meant)) <= edits(said, meant) == edits(meant, said) <= max(len(said), len(meant))


def test_the_character_error_rate_is_errors_per_character_of_the_truth():
    assert character_error_rate([("MH12", "MH12"), ("KA0l", "KA01"), ("X", "")]) == pytest.approx(2 / 8)
    assert aligned("KAO1", "KA01")[2] == ("O", "0")
