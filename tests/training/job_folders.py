"""Folders of jobs made by hand, as a worker would make them: drawn pictures, series and texts, small enough for seconds."""

import io
import json

import numpy as np
from PIL import Image, ImageDraw

from training import runner
from training.trainers.work import Work

LABELS = ["dark", "light"]
LETTERS = "AB7"


def picture(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def of_shades(random):
    label = int(random.integers(2))
    pixels = random.integers(0, 90, (16, 16)) + 130 * label
    return picture(pixels.astype(np.uint8)), {"label": LABELS[label]}


def of_series(random):
    label, rows = int(random.integers(2)), int(random.integers(5, 12))
    series = np.cumsum(np.full((rows, 3), 0.2 * label - 0.1), axis=0) + random.normal(0, 0.02, (rows, 3))
    out = io.BytesIO()
    np.savez(out, features=series.astype(np.float32))
    return out.getvalue(), {"label": LABELS[label]}


def of_texts(random):
    text = "".join(random.choice(list(LETTERS), 2))
    image = Image.new("L", (64, 16), 255)
    for place, letter in enumerate(text):
        ImageDraw.Draw(image).text((8 + 28 * place, 2), letter, fill=0)
    return picture(np.asarray(image)), {"text": text}


def of_boxes(random):
    pixels = np.full((64, 96), 40, dtype=np.uint8)
    left, top, width, height = (int(random.integers(*bounds)) for bounds in ((4, 50), (4, 30), (16, 30), (16, 28)))
    pixels[top : top + height, left : left + width] = 220
    return picture(pixels), {"boxes": [{"label": "light", "bbox": [left, top, width, height]}]}


KINDS = {
    "classification": of_shades,
    "features": of_series,
    "text": of_texts,
    "detection": of_boxes,
}


def folder(
    path, trainer, task, *, counts=(24, 8, 8), seed=3, kind=KINDS, facts=None, labels=LABELS, weights=lambda n: 1.0, **settings
):
    """Write job.json, manifest and objects; answers the folder."""
    random, number = np.random.default_rng(5), 0
    (path / "objects").mkdir(parents=True)
    with (path / "manifest.jsonl").open("w") as manifest:
        for split, count in zip(("train", "validation", "test"), counts, strict=True):
            for _ in range(count):
                content, truth = kind[task](random)
                (path / "objects" / str(number)).write_bytes(content)
                line = {"sample_id": f"s-{number}", "split": split, "file": str(number), "weight": weights(number)}
                manifest.write(json.dumps({**line, "truth": truth}) + "\n")
                number += 1
    document = {
        "format": 1,
        "kind": "train",
        "name": "drawn",
        "trainer": trainer,
        "hyperparameters": settings,
        "seed": seed,
        "module": "drawn",
        "task": task,
        "labels": [] if task == "text" else [{"id": number, "name": name} for number, name in enumerate(labels)],
        "schema_revision": 1,
        "dataset_version": "drawn@v1.0.0",
        "fingerprint": "sha256:0",
        **({"dims": 3, "encoding": "e"} if task == "features" else {}),
        **(facts or {}),
    }
    (path / "job.json").write_text(json.dumps(document))
    return path


class Heard:
    """What a run said, and what it measured by name and step."""

    hook = staticmethod(lambda event: None)

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)
        self.hook(event)

    @property
    def points(self):
        return {(said["name"], said["step"]): said["value"] for said in self.events if said["event"] == "metric"}

    @property
    def texts(self):
        return [said["text"] for said in self.events if said["event"] == "log"]


def train(path):
    """Do the training of a folder in this process; answers its scores and what it said."""
    heard = Heard()
    return runner.train(Work(path, heard)), heard
