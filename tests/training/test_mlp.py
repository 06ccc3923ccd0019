"""The perceptron by itself: the same by its seed, going on from a checkpoint, and what it cannot be trained on."""

import json

import pytest

from tests.training.job_folders import KINDS, Heard, folder
from training.trainers.mlp_classifier import TRAINER, Settings
from training.trainers.work import Stopped, Unfit, Work

QUICK = {"hidden_units": 6, "max_epochs": 6, "batch_size": 8, "learning_rate": 0.01, "patience": 100}


def job(path, **changes):
    facts = {name: changes.pop(name) for name in ("facts", "counts", "seed", "labels", "kind", "weights") if name in changes}
    return folder(path, "mlp_classifier", "classification", **facts, **{**QUICK, **changes})


def fit(path, hear=None):
    """Do the first two steps of the training of a folder; answers the weights, and what was said."""
    heard = Heard()
    work = Work(path, heard)
    if hear:
        heard.hook = lambda event: hear(work, event)
    settings = Settings(**work.job["hyperparameters"])
    try:
        model = TRAINER.train(work, settings, TRAINER.prepare(work, settings))
    finally:
        work.keep_last_checkpoint()
    return [layer.tolist() for layer in (*model.coefs_, *model.intercepts_)], heard


def test_the_same_seed_makes_the_same_model(tmp_path):
    (one, first), (two, second), (three, third) = (
        fit(job(tmp_path / str(number), seed=seed)) for number, seed in enumerate([3, 3, 4])
    )
    assert first.points == second.points != third.points
    assert one == two != three


def test_a_run_goes_on_from_its_checkpoint_as_if_nothing_had_been(tmp_path):
    weights, whole = fit(job(tmp_path / "whole", facts={"checkpoint_seconds": 0}))
    kept = [said["file"] for said in whole.events if said["event"] == "checkpoint"]
    assert kept == [f"checkpoint/{epoch}" for epoch in range(1, 7)]
    second = job(tmp_path / "second", facts={"checkpoint": "kept"})
    (second / "kept").write_bytes((tmp_path / "whole" / kept[1]).read_bytes())
    again, resumed = fit(second)
    assert "It goes on after epoch 2, from a checkpoint." in resumed.texts
    assert resumed.points == {key: value for key, value in whole.points.items() if key[1] > 2}
    assert again == weights


@pytest.mark.parametrize("kept", [b"no checkpoint", None])
def test_a_checkpoint_that_cannot_be_used_is_left_aside(kept, tmp_path):
    if kept is None:  # of a network of another shape
        fit(job(tmp_path / "other", facts={"checkpoint_seconds": 0}, hidden_units=7, max_epochs=1))
        kept = (tmp_path / "other" / "checkpoint" / "1").read_bytes()
    anew = fit(job(tmp_path / "anew"))[1]
    path = job(tmp_path / "job", facts={"checkpoint": "kept"})
    (path / "kept").write_bytes(kept)
    heard = fit(path)[1]
    assert any("the run begins anew" in text for text in heard.texts)
    assert heard.points == anew.points


def test_a_run_that_is_asked_to_end_keeps_its_last_epoch(tmp_path):
    path = job(tmp_path / "job")

    def end(work, event):
        if event["event"] == "progress" and event["epoch"] == 2:
            work.stop()

    with pytest.raises(Stopped):
        fit(path, end)
    assert [kept.name for kept in (path / "checkpoint").iterdir()] == ["2"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"counts": (0, 8, 8)}, "two labels at least"),
        ({"kind": {"classification": lambda random: (b"no picture", {"label": "dark"})}}, "cannot be read"),
        ({"kind": {"classification": lambda random: (KINDS["features"](random)[0], {"label": "dark"})}}, "cannot be read"),
        ({"learning_rate": 1.0, "weights": lambda number: 1e38}, "lower learning rate"),
    ],
)
def test_what_cannot_be_trained_on_is_said(changes, sentence, tmp_path):
    with pytest.raises(Unfit, match=sentence):
        fit(job(tmp_path / "job", **changes))


def test_features_of_other_dims_are_said(tmp_path):
    path = folder(tmp_path / "job", "mlp_classifier", "features", facts={"dims": 4}, frames=4)
    with pytest.raises(Unfit, match="3 numbers a row; the model takes 4"):
        fit(path)


def test_a_label_with_one_example_is_warned_of(tmp_path):
    path = job(tmp_path / "job", max_epochs=1, labels=["dark", "light", "odd"])
    lines = (path / "manifest.jsonl").read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "truth": {"label": "odd"}})
    (path / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    assert any("odd there is one example only" in text for text in fit(path)[1].texts)
