"""The trainers of the extra `torch`: each learns, exports what it learned, and the edge answers with it."""

import json

import numpy as np
import pytest

from cc_edge import bundle as of_the_edge
from cc_edge.model import Model
from tests.training.job_folders import KINDS, folder, train
from training.trainers import work
from training.trainers.work import Stopped, Unfit

CASES = {
    "cnn_classifier": (
        "classification",
        {"image_size": 8, "width": 4, "max_epochs": 6, "batch_size": 8, "learning_rate": 0.02},
    ),
    "lstm_v1": ("features", {"hidden_units": 6, "frames": 6, "max_epochs": 8, "batch_size": 8, "learning_rate": 0.03}),
    "plate_reader": (
        "text",
        {"image_width": 64, "image_height": 16, "width": 4, "hidden_units": 8, "max_epochs": 4, "batch_size": 8},
    ),
    "box_detector": (
        "detection",
        {"image_width": 96, "image_height": 64, "width": 4, "max_epochs": 2, "batch_size": 8, "color": "L"},
    ),
}


def job(path, trainer, **changes):
    task, settings = CASES[trainer]
    facts = {name: changes.pop(name) for name in ("facts", "counts", "seed", "labels", "kind", "weights") if name in changes}
    return folder(path, trainer, task, **facts, **{**settings, **changes})


@pytest.mark.parametrize("trainer", CASES)
def test_a_trainer_makes_a_bundle_that_the_edge_runs(trainer, tmp_path):
    path = job(tmp_path / "job", trainer)
    scores, heard = train(path)
    assert scores["examples"] == 8
    assert heard.points["parity_gap", 1] < 1e-4
    losses = [value for (name, _), value in heard.points.items() if name == "train_loss"]
    assert losses[-1] < losses[0]
    if trainer in {"cnn_classifier", "lstm_v1"}:
        assert scores["accuracy"] >= 0.8
    (tmp_path / "edge").mkdir()
    of_the_edge.unpack(path / "artifact" / "bundle.zip", tmp_path / "edge")
    model = Model(of_the_edge.load(tmp_path / "edge"))
    model.check_golden()
    answer = model.answer((path / "objects" / "39").read_bytes())
    assert set(answer.value) == {{"text": "text", "detection": "boxes"}.get(CASES[trainer][0], "label")}
    assert 0 <= answer.confidence <= 1
    assert model.bundle.config["min_edge_version"] == ("0.1.0" if trainer == "cnn_classifier" else "0.2.0")


def test_the_same_seed_measures_the_same_however_many_processes_read(tmp_path, monkeypatch):
    monkeypatch.setattr("training.trainers.deep.HELD_BYTES", 0)  # read anew in each epoch
    runs = [
        train(job(tmp_path / str(number), "cnn_classifier", seed=seed, loader_processes=processes, max_epochs=2))[1].points
        for number, (seed, processes) in enumerate([(3, 0), (3, 2), (4, 0)])
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize("trainer", ["cnn_classifier", "lstm_v1"])
def test_a_run_goes_on_from_its_checkpoint_as_if_nothing_had_been(trainer, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "CHECKPOINT_SECONDS", 0.0)
    whole = train(job(tmp_path / "whole", trainer))[1]
    kept = [said for said in whole.events if said["event"] == "checkpoint"]
    assert [said["step"] for said in kept] == list(range(1, CASES[trainer][1]["max_epochs"] + 1))
    second = job(tmp_path / "second", trainer, facts={"checkpoint": "kept"})
    (second / "kept").write_bytes((tmp_path / "whole" / kept[1]["file"]).read_bytes())
    resumed = train(second)[1]
    assert any("goes on after epoch 2" in text for text in resumed.texts)
    later = {key: value for key, value in whole.points.items() if key[1] > 2 or key[0] == "parity_gap"}
    assert resumed.points == later
    third = job(tmp_path / "third", trainer, facts={"checkpoint": "kept"}, max_epochs=1)
    (third / "kept").write_bytes(b"no checkpoint")
    assert any("begins anew" in text for text in train(third)[1].texts)


@pytest.mark.parametrize("trainer", ["cnn_classifier", "lstm_v1", "box_detector", "plate_reader"])
def test_fine_tuning_begins_where_the_base_ended(trainer, tmp_path):
    base = train(job(tmp_path / "base", trainer, augmentation="none"))[1].points
    last = CASES[trainer][1]["max_epochs"]
    path = job(tmp_path / "tuned", trainer, facts={"base": "base.zip"}, max_epochs=1, learning_rate=1e-6, augmentation="none")
    (path / "base.zip").write_bytes((tmp_path / "base" / "artifact" / "bundle.zip").read_bytes())
    best = min(value for (name, _), value in base.items() if name == "validation_loss")
    assert train(path)[1].points["validation_loss", 1] == pytest.approx(best, rel=0.02)
    assert last > 1
    if trainer == "cnn_classifier":
        for number, change in enumerate([{"width": 8}, {"labels": ["light", "dark"]}]):
            other = job(tmp_path / f"other-{number}", trainer, facts={"base": "base.zip"}, **change)
            (other / "base.zip").write_bytes((path / "base.zip").read_bytes())
            with pytest.raises(Unfit, match="base model"):
                train(other)


def test_a_run_that_is_asked_to_end_keeps_its_last_epoch(tmp_path):
    path, said = job(tmp_path / "job", "cnn_classifier"), []
    running = work.Work(path, said.append)

    def hear(event):
        said.append(event)
        if event["event"] == "progress" and event["epoch"] == 2:
            running.stop()

    running._say = hear
    from training import runner

    with pytest.raises(Stopped):
        runner.train(running)
    running.keep_last_checkpoint()
    assert said[-1] == {"event": "checkpoint", "step": 2, "file": "checkpoint/2"}
    assert (path / "checkpoint" / "2").stat().st_size > 1000


def test_samples_and_labels_count_as_they_are_weighed(tmp_path):
    from training.trainers.deep import class_weights

    labels = np.array([0, 0, 0, 1])
    assert class_weights("balanced", labels, 3).tolist() == pytest.approx([2 / 3, 2, 1])
    assert class_weights("none", labels, 3).tolist() == [1, 1, 1]
    first, second = (
        train(job(tmp_path / str(number), "cnn_classifier", max_epochs=1, weights=weights, augmentation="none"))[1].points
        for number, weights in enumerate([lambda n: 1.0, lambda n: 0.1 + n % 2])
    )
    assert first["train_loss", 1] != second["train_loss", 1]


def drawn(content, truth):
    return {task: lambda random: (content, truth) for task in KINDS}


LONG = {"text": "A" * 40}


@pytest.mark.parametrize(
    ("trainer", "changes", "sentence"),
    [
        ("cnn_classifier", {"counts": (0, 8, 8)}, "two labels at least"),
        ("cnn_classifier", {"kind": drawn(b"no picture", {"label": "dark"})}, "cannot be read"),
        ("cnn_classifier", {"learning_rate": 1.0, "weights": lambda n: float("nan")}, "lower learning rate"),
        ("lstm_v1", {"facts": {"dims": 4}}, "3 numbers a row; the model takes 4"),
        ("lstm_v1", {"kind": drawn(b"PK", {"label": "dark"})}, "no NPZ file"),
        ("lstm_v1", {"facts": {"base": "job.json"}}, "base model cannot be read"),
        ("plate_reader", {"counts": (0, 8, 8)}, "a text at least"),
        ("plate_reader", {"kind": drawn(KINDS["text"](np.random.default_rng(1))[0], LONG)}, "316 pixels"),
        ("box_detector", {"kind": drawn(KINDS["detection"](np.random.default_rng(1))[0], {"boxes": []})}, "a box at least"),
    ],
)
def test_what_cannot_be_trained_on_is_said(trainer, changes, sentence, tmp_path):
    with pytest.raises(Unfit, match=sentence):
        train(job(tmp_path / "job", trainer, **changes))
    assert not (tmp_path / "job" / "artifact" / "bundle.zip").exists()


def test_a_label_with_one_example_is_warned_of(tmp_path):
    path = job(tmp_path / "job", "cnn_classifier", max_epochs=1, labels=["dark", "light", "odd"])
    lines = (path / "manifest.jsonl").read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "truth": {"label": "odd"}})
    (path / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    assert any("odd there is one example only" in text for text in train(path)[1].texts)
