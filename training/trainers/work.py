"""A run as the runner and its trainer see it: a folder in, JSON lines out. Knows no database and no Django.

The folder holds job.json (what is to be done; `base` names the bundle to fine-tune from, where there is one), manifest.jsonl
(one line a member, with `truth`, and `file` below objects/), objects/ (read-only) and artifact/ (what the run makes:
bundle.zip). The lines are objects with `event`:

    {"event": "progress", "percent": 40, "epoch": 4, "epochs": 10}
    {"event": "metric", "name": "train_loss", "step": 4, "value": 0.31}
    {"event": "log", "level": "info", "text": "…"}
    {"event": "error", "text": "…"}                      what a person reads of a run that failed
    {"event": "done", "metrics": {"accuracy": 0.97, …}}
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.bundle import Bundle

JOB_NAME = "job.json"
MANIFEST_NAME = "manifest.jsonl"
OBJECTS_NAME = "objects"
ARTIFACT_NAME = "artifact"
BUNDLE_NAME = "bundle.zip"
STOPPED_STATUS = 75
"""The exit status of a run that stopped because it was told to, or because its supervisor is gone (EX_TEMPFAIL)."""


class Stopped(Exception):
    """The run was told to stop."""


class Unfit(ValueError):
    """This data, or these hyperparameters, cannot be trained on; the sentence is for a person."""


@dataclass(frozen=True)
class Example:
    """One member: where its image lies, what is true of it, and what it counts."""

    sample_id: str
    path: Path
    split: str
    truth: Mapping[str, Any]
    weight: float


class Work:
    """One run's folder and voice."""

    def __init__(self, folder: Path, say: Callable[[dict[str, Any]], None]) -> None:
        self.folder = folder
        self.job: dict[str, Any] = json.loads((folder / JOB_NAME).read_text())
        self.artifact = folder / ARTIFACT_NAME
        self._say = say
        self._stop = threading.Event()

    @property
    def seed(self) -> int:
        """The job's seed, in 32 bits."""
        return int(self.job["seed"]) % 2**32

    @property
    def base(self) -> "Bundle | None":
        """The bundle to fine-tune from, where the job names one; raises Unfit for one that cannot be read."""
        if "base" not in self.job:
            return None
        from training.bundle import BadBundle, read_bundle

        try:
            return read_bundle(self.folder / self.job["base"])
        except BadBundle as error:
            raise Unfit(f"The base model cannot be read. {error}") from error

    @property
    def labels(self) -> list[str]:
        """The names of the labels, in the schema's order."""
        return [label["name"] for label in self.job["labels"]]

    def examples(self, *splits: str) -> Iterator[Example]:
        """Yield the members of these splits in the manifest's order; raises Stopped."""
        with (self.folder / MANIFEST_NAME).open("rb") as lines:
            for text in lines:
                self.check_stop()
                line = json.loads(text)
                if line["split"] in splits:
                    path = self.folder / OBJECTS_NAME / line["file"]
                    yield Example(line["sample_id"], path, line["split"], line["truth"], float(line["weight"]))

    def progress(self, percent: float, *, epoch: int = 0, epochs: int = 0) -> None:
        """Say how far the run is; raises Stopped."""
        self.check_stop()
        self._say({"event": "progress", "percent": max(0, min(100, int(percent))), "epoch": epoch, "epochs": epochs})

    def metric(self, name: str, step: int, value: float) -> None:
        """Say one measured value."""
        self._say({"event": "metric", "name": name, "step": step, "value": float(value)})

    def log(self, text: str, level: str = "info") -> None:
        """Say something to people."""
        self._say({"event": "log", "level": level, "text": text})

    def stop(self) -> None:
        """Ask the run to end at its next step."""
        self._stop.set()

    def check_stop(self) -> None:
        """Raise Stopped where the run was asked to end."""
        if self._stop.is_set():
            raise Stopped
