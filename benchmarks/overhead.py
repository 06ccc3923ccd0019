"""[overhead] training through the hub (claim, folder, supervision, curves, bundle stored, version made) against the same
trainer as a plain script, `python -m training.runner FOLDER`, on the handwritten digits of scikit-learn.

Both are run in turn, `ROUNDS` times; the figures are medians. `ROWS` is how many digits, `EPOCHS` how long a training is.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._hub import own_hub

ROWS = int(os.environ.get("ROWS", "1797"))
EPOCHS = int(os.environ.get("EPOCHS", "200"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
FIRST_EPOCH = b'"epoch": 1,'


def main() -> None:
    with own_hub() as folder:
        job = _ask(_frozen())
        plain_folder = folder / "plain"
        _prepare(job, plain_folder)
        hub, plain, first_of_hub, first_of_plain = [], [], [], []
        began = time.perf_counter()
        for _ in range(ROUNDS):
            first, whole = _plain(plain_folder)
            first_of_plain.append(first)
            plain.append(whole)
            first, whole = _through_the_hub()
            first_of_hub.append(first)
            hub.append(whole)
            job = _ask(job.dataset_version)
        ours, reference = statistics.median(hub), statistics.median(plain)
        first = statistics.median(first_of_hub) - statistics.median(first_of_plain)
        figures: dict[str, Any] = {
            "name": "overhead",
            "ours": round(ours, 3),
            "unit": "s",
            "reference": "the same trainer as a plain script",
            "reference_value": round(reference, 3),
            "ratio": round(ours / reference, 3),
            "first_of_the_hub": round(hub[0], 3),
            "first_epoch_later": round(first, 3),
            "first_epochs_later_where_nothing_was_fetched_yet": round(first_of_hub[0] - first_of_plain[0], 3),
            "hub": [round(seconds, 3) for seconds in hub],
            "plain": [round(seconds, 3) for seconds in plain],
            "rows": ROWS,
            "epochs": EPOCHS,
            "seconds": round(time.perf_counter() - began, 2),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    print(json.dumps(figures))


def _frozen() -> Any:
    """Make the digits as settled samples with images on the store, and freeze them."""
    from sklearn.datasets import load_digits

    from accounts.models import Role, User
    from learning.actions import module, sample
    from training.actions import dataset, version

    ada = User.objects.create_user("Ada", email="ada@example.org", role=Role.SUPER_ADMIN)
    policy = {"city_labels": "trust"}
    of = module.add(
        "meter_digits",
        by=None,
        name="Meter digits",
        task="classification",
        labels=[str(digit) for digit in range(10)],
        review_policy=policy,
    )
    known = load_digits()
    for number in range(ROWS):
        sample.add(_png(known.images[number]), by=ada, module=of, value={"label": str(known.target[number])})
    made = dataset.add(by=ada, name="digits", module=of)
    dataset.refresh(made, by=ada)
    done = version.freeze(version.create(made, by=ada, version="v1.0.0", seed=7).pk)
    assert done is not None
    return done


def _png(pixels: Any) -> bytes:
    import io

    import numpy as np
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray((pixels * 255 / 16).round().astype(np.uint8)).resize((32, 32), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def _ask(version: Any) -> Any:
    from training.actions import job

    chosen = {"max_epochs": EPOCHS, "patience": 1000, "hidden_units": 128}
    facts = {"module": version.dataset.module, "trainer": "mlp_classifier", "hyperparameters": chosen, "seed": 7}
    return job.create(by=version.created_by, name="digits", dataset_version=version, **facts)


def _prepare(job: Any, folder: Path) -> None:
    """Make the folder of a run without running it, and let the job wait again."""
    from training import folder as run_folder
    from training.actions import run

    held = run.claim(job.queue, "benchmark")
    assert held is not None
    run_folder.prepare(held, folder, tick=lambda: None)
    run.give_back(held, message="only its folder was needed")
    for kept in folder.parent.glob("cache/objects/*"):  # the hub fetches its own copies, the first time
        shutil.copytree(kept, folder / "copies" / kept.name)
    (folder / "objects").unlink()
    (folder / "copies").rename(folder / "objects")
    shutil.rmtree(folder.parent / "cache")


def _plain(folder: Path) -> tuple[float, float]:
    """Run it as a script; answers after how many seconds its first epoch ended, and the whole."""
    from training.trainers.base import RUNNER

    shutil.rmtree(folder / "artifact", ignore_errors=True)
    began, first = time.perf_counter(), 0.0
    with subprocess.Popen([*RUNNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        for line in program.stdout:
            if not first and FIRST_EPOCH in line:
                first = time.perf_counter() - began
        assert program.wait() == 0
    return first, time.perf_counter() - began


def _through_the_hub() -> tuple[float, float]:
    """Claim the job and do it as a worker does; answers after how many seconds its first epoch was heard of, and the whole."""
    from training import supervisor
    from training.actions import run
    from training.executor import LocalExecution, LocalExecutor
    from training.models import JobStatus

    heard: list[float] = []

    class Listening(LocalExecutor):
        def start(self, command: Sequence[str], folder: Path) -> LocalExecution:
            execution = super().start(command, folder)
            read = execution.read

            def listening(seconds: float) -> list[tuple[str, bytes]]:
                lines = read(seconds)
                if not heard and any(FIRST_EPOCH in raw for _, raw in lines):
                    heard.append(time.perf_counter() - began)
                return lines

            execution.read = listening  # type: ignore[method-assign]
            return execution

    began = time.perf_counter()
    held = run.claim("training.cpu", "benchmark")
    assert held is not None
    supervisor.supervise(held, Listening())
    seconds = time.perf_counter() - began
    held.job.refresh_from_db()
    assert held.job.status == JobStatus.COMPLETED, held.job.error_message
    return heard[0], seconds
