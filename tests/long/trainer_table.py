"""How good the trainers are on real data, as a table in docs/: `CC_DATA=… python -m tests.long.trainer_table [NAME …]`.

Each row is trained anew by the runner, as a worker would, once for each of its seeds; rows that are not named stay as they are.
"""

import csv
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

DATA = Path(os.environ.get("CC_DATA", Path(__file__).parents[3] / "shared" / "data"))
TABLE = Path(__file__).parents[2] / "docs" / "trainers.md"
SEEDS = (1, 2, 3, 4, 5)
HEAD = "| row | trainer | data | train / validation / test | seeds | measure | median (least to most) | processor time of one training |"

Member = tuple[str, bytes, dict[str, Any]]
"""A split, the bytes of a file, and what is true of it."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    trainer: str
    task: str
    data: str
    members: Callable[[], Iterable[Member]]
    measure: str
    settings: dict[str, Any]
    seeds: tuple[int, ...] = SEEDS
    labels: tuple[str, ...] = ()
    extra: tuple[tuple[str, Any], ...] = ()


def stratified(labels: list[Any]) -> list[str]:
    """A fifth for the test, a tenth of the rest for validation, each label alike."""
    splits, rows = np.full(len(labels), "train", dtype=object), np.arange(len(labels))
    rest, test = train_test_split(rows, test_size=0.2, stratify=labels, random_state=0)
    _, validation = train_test_split(rest, test_size=0.1, stratify=[labels[row] for row in rest], random_state=0)
    splits[test], splits[validation] = "test", "validation"
    return list(splits)


def by_hash(name: str) -> str:
    """A fifth for the test, a tenth for validation, by the name's hash."""
    place = int(sha256(name.encode()).hexdigest(), 16) % 10
    return "test" if place < 2 else "validation" if place < 3 else "train"


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def digits() -> Iterator[Member]:
    known = load_digits()
    labels = [str(label) for label in known.target]
    for split, pixels, label in zip(stratified(labels), known.images, labels, strict=True):
        yield split, png(Image.fromarray((pixels * 255 / 16).round().astype(np.uint8))), {"label": label}


def gestures() -> Iterator[Member]:
    folder = DATA / "gestures-mediapipe-csv" / "kinivi"
    with next(folder.rglob("point_history.csv")).open() as lines:
        rows = [(row[0], np.array(row[1:33], dtype=np.float32).reshape(16, 2)) for row in csv.reader(lines) if row]
    for split, (label, series) in zip(stratified([label for label, _ in rows]), rows, strict=True):
        out = io.BytesIO()
        np.savez(out, features=series)
        yield split, out.getvalue(), {"label": label}


def plates() -> Iterator[Member]:
    for path in sorted((DATA / "plates-lprnet-cn").glob("*.jpg")):
        yield by_hash(path.stem), path.read_bytes(), {"text": path.stem.split("_")[0]}


def cells() -> Iterator[Member]:
    folder = DATA / "boxes-voc-bccd" / "BCCD"
    for path in sorted((folder / "Annotations").glob("*.xml")):
        picture = folder / "JPEGImages" / f"{path.stem}.jpg"
        if picture.exists():
            boxes = list(_boxes(ET.parse(path).getroot()))  # noqa: S314  (files of the set itself)
            yield by_hash(path.stem), picture.read_bytes(), {"boxes": boxes}


def _boxes(root: ET.Element) -> Iterator[dict[str, Any]]:
    for one in root.iter("object"):
        sides = (one.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax"))
        left, top, right, bottom = (float(side or 0) for side in sides)
        if right > left and bottom > top:
            yield {"label": one.findtext("name"), "bbox": [left, top, right - left, bottom - top]}


DIGITS, GESTURES = tuple(map(str, range(10))), ("0", "1", "2", "3")
FEATURES = (("dims", 2), ("encoding", "points"))
PLATES = {"image_width": 96, "image_height": 24, "width": 16, "max_epochs": 60, "batch_size": 16, "learning_rate": 0.004}
CELLS = {"max_epochs": 50, "augmentation": "strong", "learning_rate": 0.003}
CNN = {"image_size": 16, "width": 16, "max_epochs": 20}
ROWS = {
    "digits-mlp": Row("mlp_classifier", "classification", "digits of scikit-learn", digits, "accuracy", {}, labels=DIGITS),
    "digits-cnn": Row("cnn_classifier", "classification", "digits of scikit-learn", digits, "accuracy", CNN, labels=DIGITS),
    "gestures-knn": Row(
        "baseline_knn", "features", "gestures-mediapipe-csv", gestures, "accuracy", {}, labels=GESTURES, extra=FEATURES
    ),
    "gestures-lstm": Row(
        "lstm_v1",
        "features",
        "gestures-mediapipe-csv",
        gestures,
        "accuracy",
        {"max_epochs": 15},
        labels=GESTURES,
        extra=FEATURES,
    ),
    "plates": Row("plate_reader", "text", "plates-lprnet-cn", plates, "character_error_rate", PLATES, seeds=(1,)),
    "cells": Row(
        "box_detector", "detection", "boxes-voc-bccd", cells, "map50", CELLS, seeds=(1,), labels=("RBC", "WBC", "Platelets")
    ),
}


def prepare(row: Row, folder: Path) -> dict[str, int]:
    """Write objects and manifest of a row; answers how many of each split."""
    (folder / "objects").mkdir(parents=True)
    counts = {"train": 0, "validation": 0, "test": 0}
    with (folder / "manifest.jsonl").open("w") as manifest:
        for number, (split, content, truth) in enumerate(row.members()):
            counts[split] += 1
            (folder / "objects" / str(number)).write_bytes(content)
            line = {"sample_id": str(number), "split": split, "file": str(number), "weight": 1.0, "truth": truth}
            manifest.write(json.dumps(line) + "\n")
    return counts


def train(row: Row, folder: Path, seed: int) -> tuple[float, float]:
    """Train once; answers the measure on the test split, and seconds of processor time."""
    shutil.rmtree(folder / "artifact", ignore_errors=True)
    document = {
        "format": 1, "kind": "train", "name": row.data, "trainer": row.trainer, "hyperparameters": row.settings, "seed": seed,
        "module": "table", "task": row.task, "labels": [{"id": n, "name": name} for n, name in enumerate(row.labels)],
        "schema_revision": 1, "dataset_version": row.data, "fingerprint": "", **dict(row.extra),
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "training.runner", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    done: dict[str, Any] = {}
    for line in process.stdout:
        said = json.loads(line)
        if said["event"] == "error":
            raise RuntimeError(said["text"])
        done = said["metrics"] if said["event"] == "done" else done
    _, _, used = os.wait4(process.pid, 0)
    return float(done[row.measure]), used.ru_utime + used.ru_stime


def trained(name: str) -> tuple[dict[str, int], list[tuple[float, float]]]:
    """Train a row with each of its seeds; answers how many there were of each split, and each seed's figures."""
    row = ROWS[name]
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held) / "job"
        counts = prepare(row, folder)
        return counts, [train(row, folder, seed) for seed in row.seeds]


def line_of(name: str) -> str:
    """Answer a row's line of the table."""
    row, (counts, found) = ROWS[name], trained(name)
    values, seconds = [value for value, _ in found], statistics.median(second for _, second in found)
    figure = f"{statistics.median(values):.4f}" + (f" ({min(values):.4f} to {max(values):.4f})" if len(values) > 1 else "")
    facts = (name, f"`{row.trainer}`", row.data, " / ".join(str(counts[part]) for part in counts))
    seeds = ", ".join(map(str, row.seeds))
    return f"| {' | '.join((*facts, seeds, row.measure.replace('_', ' '), figure, f'{seconds:.0f} s'))} |"


def write(name: str, line: str) -> None:
    """Put a line into the table in the place of the row's earlier one."""
    text = TABLE.read_text()
    found = re.compile(rf"^\| {re.escape(name)} \|.*$", re.MULTILINE)
    if found.search(text):
        text = found.sub(lambda _: line, text)
    else:
        begin, rule, *rest = text.partition(HEAD)[2].split("\n", 2)
        text = text.partition(HEAD)[0] + HEAD + "\n".join([begin, rule, line, *rest])
    TABLE.write_text(text)


def main(names: list[str]) -> None:
    for name in names or list(ROWS):
        line = line_of(name)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        write(name, line)


if __name__ == "__main__":
    main(sys.argv[1:])
