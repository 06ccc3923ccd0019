"""A run as the runner and its trainer see it: a folder in, JSON lines out. Knows no database and no Django.

The folder holds job.json (what is to be done; `base` names the bundle to fine-tune from, where there is one), manifest.jsonl
(one line a member, with `truth`, and `file` below objects/), objects/ (read-only) and artifact/ (what the run makes:
bundle.zip). Where an earlier attempt left a checkpoint, `checkpoint` of job.json names it. The lines are objects with `event`:

    {"event": "progress", "percent": 40, "epoch": 4, "epochs": 10}
    {"event": "metric", "name": "train_loss", "step": 4, "value": 0.31}
    {"event": "log", "level": "info", "text": "…"}
    {"event": "checkpoint", "step": 4, "file": "checkpoint/4"}   what another attempt goes on from; the newest two are kept
    {"event": "error", "text": "…", "reason": "oom"}     what a person reads of a run that failed; a reason where it ran out of memory
    {"event": "done", "metrics": {"accuracy": 0.97, …}}
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from training.bundle import Bundle

    Floats = npt.NDArray[np.float32]

JOB_NAME = "job.json"
MANIFEST_NAME = "manifest.jsonl"
OBJECTS_NAME = "objects"
ARTIFACT_NAME = "artifact"
CHECKPOINT_NAME = "checkpoint"
CHECKPOINT_SECONDS = 20.0
"""Between two checkpoints lie so many seconds at least, unless the run is asked to end, or the job says `checkpoint_seconds`."""
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

    def input(self, steps: "Sequence[Mapping[str, Any]]") -> "Floats":
        """Prepare the file as a model takes it, a batch of one; raises Unfit with the sample's id."""
        from training import preprocessing

        try:
            return preprocessing.apply(steps, self.path.read_bytes())
        except (OSError, ValueError, SyntaxError) as error:
            raise Unfit(f"The file of {self.sample_id} cannot be read as this module's: {error}") from error


class Work:
    """One run's folder and voice."""

    def __init__(self, folder: Path, say: Callable[[dict[str, Any]], None]) -> None:
        self.folder = folder
        self.job: dict[str, Any] = json.loads((folder / JOB_NAME).read_text())
        self.artifact = folder / ARTIFACT_NAME
        self._say = say
        self._stop = threading.Event()
        self._kept_at = time.monotonic()
        self._unkept: tuple[int, bytes] | None = None

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

    def warn_of_rare(self, numbers: Sequence[int]) -> None:
        """Say of which labels, given by their numbers, there is a single example to learn from."""
        rare = [self.labels[number] for number, count in sorted(Counter(numbers).items()) if count == 1]
        if rare:
            self.log(f"Of {', '.join(rare[:10])} there is one example only: it will hardly be learned.", "warning")

    def features_steps(self, frames: int) -> list[dict[str, Any]]:
        """Answer how a module's features begin to become an input: the file, so many rows of it, and its numbers as they are."""
        return [
            {"step": "features", "dims": self.job["dims"]},
            {"step": "frames", "count": frames},
            {"step": "scale", "multiply": 1.0, "add": 0.0},
        ]

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

    @property
    def checkpoint(self) -> bytes | None:
        """What an earlier attempt left to go on from."""
        return (self.folder / self.job["checkpoint"]).read_bytes() if "checkpoint" in self.job else None

    def keep_checkpoint(self, step: int, freeze: Callable[[], bytes]) -> None:
        """Keep what `freeze` answers, now or, where the last one is fresh, only if the run is asked to end before the next."""
        content = freeze()
        if (
            time.monotonic() - self._kept_at < self.job.get("checkpoint_seconds", CHECKPOINT_SECONDS)
            and not self._stop.is_set()
        ):
            self._unkept = (step, content)
            return
        self._write_checkpoint(step, content)

    def keep_last_checkpoint(self) -> None:
        """Keep the newest checkpoint that was not written yet, since the run ends."""
        if self._unkept is not None:
            self._write_checkpoint(*self._unkept)

    def _write_checkpoint(self, step: int, content: bytes) -> None:
        folder = self.folder / CHECKPOINT_NAME
        folder.mkdir(exist_ok=True)
        path = folder / str(step)
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
        self._kept_at, self._unkept = time.monotonic(), None
        self._say({"event": "checkpoint", "step": step, "file": f"{CHECKPOINT_NAME}/{step}"})

    def stop(self) -> None:
        """Ask the run to end at its next step."""
        self._stop.set()

    def check_stop(self) -> None:
        """Raise Stopped where the run was asked to end."""
        if self._stop.is_set():
            raise Stopped
