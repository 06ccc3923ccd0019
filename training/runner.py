"""`python -m training.runner FOLDER`: does one run in a process of its own. Knows no database and no Django.

The folder is one that a worker made, or one that was downloaded from a job's page: then the files are fetched first, and
nobody's end of file ends it.

Writes JSON lines on its standard output (trainers/work.py) and nothing else there: what libraries print goes to standard
error. Its standard input is a pipe that its supervisor holds open; at the end of file, or at SIGTERM, the run stops and the
exit status is 75, within ten seconds whatever it is doing.
"""

import json
import math
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.scoring.lines import within_a_line
from training.trainers.work import BUNDLE_NAME, STOPPED_STATUS, Stopped, Unfit, Work

if TYPE_CHECKING:
    from training.trainers.base import Trainer

GRACE_SECONDS = 8.0
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")
"""What torch says of a GPU's memory, and of the machine's."""


class Voice:
    """Writes whole lines to what was standard output, from any thread."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def say(self, event: dict[str, Any]) -> None:
        """Write one event; numbers that JSON lacks become null."""
        cleaned = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in event.items()
        }
        with self._lock:
            self._out.write(json.dumps(cleaned) + "\n")
            self._out.flush()


def main(arguments: list[str]) -> int:
    """Do the run of the folder; answers the exit status."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait leave the processor to others
    voice = Voice()
    work = Work(Path(arguments[0]), voice.say)
    _watch(work)
    try:
        if "fetch" in work.job:
            from training.fetching import fetch

            fetch(work)
        scores = evaluate(work) if work.job["kind"] == "evaluate" else train(work)
    except Stopped:
        work.keep_last_checkpoint()
        return STOPPED_STATUS
    except ModuleNotFoundError as error:
        voice.say(
            {"event": "error", "text": f"{error.name} is not installed on this worker; see the extras of command-centre."}
        )
        return 1
    except Unfit as error:
        voice.say({"event": "error", "text": str(error)})
        return 1
    except Exception as error:  # noqa: BLE001  whatever a trainer raises is its end, and a person wants to read it
        traceback.print_exc()
        is_memory = isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)
        voice.say({"event": "error", "text": f"{type(error).__name__}: {error}", **({"reason": "oom"} if is_memory else {})})
        return 1
    voice.say({"event": "done", "metrics": scores})
    return 0


def train(work: Work) -> dict[str, Any]:
    """Prepare, train, export, evaluate, pack; answers the scores."""
    from training.packing import pack
    from training.trainers import hyperparameters
    from training.trainers.registry import trainers

    trainer = trainers()[work.job["trainer"]]
    settings = hyperparameters.read(trainer.hyperparameters, work.job["hyperparameters"])
    data = trainer.prepare(work, settings)
    model = trainer.train(work, settings, data)
    work.progress(92)
    exported = trainer.export(work, settings, data, model)
    work.progress(95)
    scores = trainer.evaluate(work, exported)
    pack(work, trainer, exported, scores)
    if folds := work.job.get("score_folds"):
        work.progress(96)
        scores = {**scores, "out_of_fold": _out_of_fold(work, trainer, settings, folds)}
    work.progress(100)
    return within_a_line(scores)


def _out_of_fold(work: Work, trainer: "Trainer", settings: Any, folds: int) -> dict[str, Any]:
    """Score the train split out of fold; what it cannot be scored for is said, and takes nothing from the model."""
    from training.folds import score_folds

    try:
        return score_folds(work, trainer, settings, folds)
    except Unfit as error:
        work.log(f"The train split is not scored out of fold. {error}", "warning")
        return {}


def evaluate(work: Work) -> dict[str, Any]:
    """Score the bundle in the folder on the job's split."""
    from training.bundle import read_bundle
    from training.scoring import score_onnx

    bundle = read_bundle(work.folder / BUNDLE_NAME)
    today = {label["id"]: label["name"] for label in work.job["labels"]}  # a label keeps its id under another name
    labels = [today.get(label["id"], label["name"]) for label in bundle.config["labels"]]
    split = work.job["split"]
    work.progress(5)
    config = bundle.config
    kind, options = config["output"], config.get("output_options", {})
    scores = score_onnx(work, bundle.model, config["preprocessing"], labels, split, output=kind, options=options)
    if not scores:
        raise Unfit(f"The version has no {split} split to score on.")
    work.progress(100)
    return within_a_line(scores)


def _watch(work: Work) -> None:
    """Stop the work at SIGTERM, and at the end of file on standard input."""

    def end(*_: object) -> None:
        work.stop()
        timer = threading.Timer(GRACE_SECONDS, os._exit, [STOPPED_STATUS])
        timer.daemon = True
        timer.start()

    def wait() -> None:
        while os.read(0, 4096):
            pass
        end()

    signal.signal(signal.SIGTERM, end)
    if "fetch" not in work.job:  # a person's own: there is no supervisor that could be gone
        threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
