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
from pathlib import Path
from typing import Any

from benchmarks._hub import own_hub

ROWS = int(os.environ.get("ROWS", "1797"))
EPOCHS = int(os.environ.get("EPOCHS", "200"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def main() -> None:
    with own_hub() as folder:
        job = _ask(_frozen())
        plain_folder = folder / "plain"
        _prepare(job, plain_folder)
        hub, plain = [], []
        began = time.perf_counter()
        for _ in range(ROUNDS):
            plain.append(_plain(plain_folder))
            hub.append(_through_the_hub())
            job = _ask(job.dataset_version)
        ours, reference = statistics.median(hub), statistics.median(plain)
        figures: dict[str, Any] = {
            "name": "overhead",
            "ours": round(ours, 3),
            "unit": "s",
            "reference": "the same trainer as a plain script",
            "reference_value": round(reference, 3),
            "ratio": round(ours / reference, 3),
            "first_of_the_hub": round(hub[0], 3),
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


def _plain(folder: Path) -> float:
    from training.trainers.base import RUNNER

    shutil.rmtree(folder / "artifact", ignore_errors=True)
    began = time.perf_counter()
    with subprocess.Popen([*RUNNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as program:
        assert program.wait() == 0
    return time.perf_counter() - began


def _through_the_hub() -> float:
    from training import supervisor
    from training.models import JobStatus

    began = time.perf_counter()
    run = supervisor.run_next("training.cpu")
    seconds = time.perf_counter() - began
    assert run is not None
    run.job.refresh_from_db()
    assert run.job.status == JobStatus.COMPLETED, run.job.error_message
    return seconds
