"""Evaluations: scores of the field's own libraries, what came of each sample, and labels that are suspected to be wrong."""

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests import people
from tests.factories import training as make
from training import supervisor
from training.actions import evaluation, model_version
from training.models import EvaluationMethod, JobStatus, ModelEvaluation, ModelVersion, SampleOutcome
from training.scoring import Answered, score, score_answers
from training.scoring.boxes import score_boxes
from training.scoring.calibration import calibration
from training.scoring.classes import doubts
from training.scoring.lines import within_a_line
from training.scoring.outcomes import Outcome, read
from training.scoring.texts import score_texts
from training.trainers.work import Example, Work

RANDOM = np.random.default_rng(7)


def test_figures_by_class_are_those_of_scikit_learn():
    right, answered = RANDOM.integers(0, 7, 500), RANDOM.integers(0, 8, 500)
    ours = score(right, answered, [str(n) for n in range(10)], RANDOM.random(500))
    of_each = f1_score(right, answered, average=None, labels=range(8), zero_division=0)
    assert [row["f1"] for row in ours["by_class"]] == pytest.approx(of_each, abs=1e-6)
    assert sum(row["truths"] for row in ours["by_class"]) == sum(each["n"] for each in ours["calibration"]["bins"]) == 500


def test_calibration_is_what_was_claimed_against_what_was_right():
    ours = calibration([0.95] * 10 + [0.55] * 10, [True] * 9 + [False] + [True] * 2 + [False] * 8)
    assert ours["ece"] == pytest.approx((0.05 * 10 + 0.35 * 10) / 20)
    assert [(each["from"], each["n"], each["accuracy"]) for each in ours["bins"]] == [(0.5, 10, 0.2), (0.9, 10, 0.9)]
    assert calibration([1.0], [True])["ece"] == 0


def test_texts_are_scored_by_characters():
    ours = score_texts(["MH12AB", "KA01"], ["MH12AB", "KA10X"])
    assert (ours["exact_match"], ours["accuracy"], ours["character_error_rate"]) == (0.5, 0.5, 0.2)


def test_boxes_are_scored_as_coco_does():
    car, bus = {"label": "car", "bbox": [0, 0, 10, 10]}, {"label": "bus", "bbox": [50, 50, 20, 20]}
    shifted = {"label": "car", "bbox": [2, 0, 10, 10], "score": 0.9}  # overlap 2/3
    ours = score_boxes([[car, bus], [car]], [[{**car, "score": 0.9}, {**bus, "score": 0.8}], [shifted]], ["bus", "car"], 0.5)
    assert (ours["map50"], ours["accuracy"], ours["f1"]) == (1.0, 1.0, 1.0)
    assert 0.5 < ours["map"] < 1.0
    assert {row["label"]: row["ap50"] for row in ours["by_class"]} == {"bus": 1.0, "car": 1.0}
    missed = score_boxes([[car, bus], []], [[{**car, "label": "bus", "score": 0.9}], [shifted]], ["bus", "car"], 0.5)
    assert (missed["map50"], missed["accuracy"], missed["recall"]) == (0.0, 0.0, 0.0)
    assert score_boxes([[]], [[]], ["car"], 0.5)["accuracy"] == 1.0


def test_a_truth_is_suspected_where_another_class_is_surer_than_its_own_samples_are():
    right = np.array([0, 0, 0, 1, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9], [0.45, 0.55]])
    found = doubts(right, probabilities.argmax(axis=1), probabilities)
    assert found == [None, None, pytest.approx(0.8), None, None, None]


def test_what_a_program_wrote_of_samples_is_bounded(tmp_path):
    good = {"sample_id": "s-1", "is_right": True, "score": 1, "truth": "a\x00", "said": "x" * 500, "confidence": 7, "more": 1}
    bad = [b"no", b"[]", b'{"sample_id": "", "truth": "", "said": "", "score": 1}', b'{"sample_id": "s", "score": 2}']
    bad += [b'{"sample_id": "\\ud800", "truth": "", "said": "", "score": 1}', b"[" * 50_000]
    (tmp_path / "o").write_bytes(b"\n".join([json.dumps(good).encode(), *bad]))
    assert list(read(tmp_path / "o")) == [[Outcome("s-1", True, 1.0, "a\ufffd", "x" * 120)]]
    (tmp_path / "link").symlink_to(tmp_path / "o")
    assert list(read(tmp_path / "link")) == list(read(tmp_path / "missing")) == []
    assert "confusion" not in within_a_line({"accuracy": 1, "confusion": list(range(20_000))})


def test_texts_and_boxes_come_with_what_each_sample_lost(tmp_path):
    (tmp_path / "job.json").write_text('{"task": "text", "text": {"normalise": "plate"}, "labels": [{"name": "car"}]}')
    work = Work(tmp_path, print)
    example = Example("s-1", tmp_path, "test", {"text": "mh 12"}, 1.0)

    def said(value):
        return [Answered(example, value, 0.9, np.empty(0), 0.1)]

    assert score_answers(work, said({"text": "MH-12"}), [], "ctc_text")["exact_match"] == 1
    assert next(read(tmp_path / "artifact/outcomes.jsonl"))[0].said == "MH12"
    box = {"label": "car", "bbox": [0, 0, 9, 9]}
    example = Example("s-2", tmp_path, "test", {"boxes": [box, {**box, "bbox": [50, 0, 9, 9]}]}, 1.0)
    answer = said({"boxes": [{**box, "score": 0.9}, {**box, "score": 0.1}]})
    assert score_answers(work, answer, ["car"], "boxes", {"score_threshold": 0.3})["boxes"] == 2
    lost = next(read(tmp_path / "artifact/outcomes.jsonl"))[0]
    assert (lost.truth, lost.said, lost.is_right, lost.score) == ("2 car", "1 car", False, pytest.approx(2 / 3))


@pytest.mark.django_db(transaction=True)
def test_a_run_leaves_what_came_of_each_sample_and_finds_wrong_labels():
    ada = people.ada()
    samples = make.digits(ada, 240)
    wrong = samples[::12]
    for sample in wrong:
        truth = {"label": str((int(sample.truth["label"]) + 3) % 10)}
        type(sample).objects.filter(pk=sample.pk).update(truth=truth)
    frozen = make.frozen(ada, seed=7)
    options = {"trainer": "baseline_knn", "hyperparameters": {}, "training_config": {"score_folds": 4}}
    job = make.training_job(ada, frozen, **options)
    supervisor.run_next("training.cpu")
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED, job.error_message
    made = ModelVersion.objects.get()
    tested, folds = ModelEvaluation.objects.order_by("-method")
    assert (tested.method, tested.split, folds.method, folds.split) == ("split", "test", "folds", "train")
    assert tested.model_version == folds.model_version == made
    assert "out_of_fold" not in made.evaluation
    counts = frozen.statistics["by_split"]
    assert (tested.outcome_count, folds.outcome_count) == (counts["test"], counts["train"])
    assert tested.outcomes.filter(is_right=True).count() == round(made.accuracy * counts["test"])
    suspected = set(folds.outcomes.suspected().values_list("sample_id", flat=True))
    planted = {sample.pk for sample in wrong} & set(folds.outcomes.values_list("sample_id", flat=True))
    assert len(planted & suspected) >= 0.8 * len(planted)
    assert len(suspected - planted) <= 0.05 * folds.outcome_count
    # the same split again: another evaluation of the same version, with the same outcomes
    model_version.evaluate(made, by=ada)
    supervisor.run_next("training.cpu")
    again = ModelEvaluation.objects.done().exclude(pk__in=[tested.pk, folds.pk]).get()
    assert list(ModelEvaluation.objects.latest_on(frozen, "test")) == [again]
    facts = ("sample_id", "said", "is_right")
    assert list(again.outcomes.order_by("sample").values(*facts)) == list(tested.outcomes.order_by("sample").values(*facts))
    evaluation.forget([samples[0].pk])
    assert not SampleOutcome.objects.filter(sample=samples[0]).exists()


@pytest.mark.django_db
def test_only_members_of_what_may_be_scored_are_kept_and_a_lost_attempt_leaves_nothing():
    ada = people.ada()
    job = make.training_job(ada)
    members = dict(job.dataset_version.members.values_list("sample__sample_id", "split"))
    stranger = make.sample(job.module, make.city(ada), 999)
    kept_in = evaluation.begin(job, EvaluationMethod.SPLIT)
    said = [Outcome(name, True, 1.0, "1", "1") for name in [*members, *members, stranger.sample_id, "no-such"]]
    evaluation.add(kept_in, said)
    splits = {members[name] for name in kept_in.outcomes.values_list("sample__sample_id", flat=True)}
    assert splits == {"test", "validation"}
    again = evaluation.begin(job, EvaluationMethod.SPLIT)
    assert ModelEvaluation.objects.get() == again
    assert not SampleOutcome.objects.exists()
    assert evaluation.sweep() == 0
