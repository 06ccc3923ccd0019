"""[run_metrics] storing 1,000 measured points of a run, and asking for a run with five parameters; MLflow: 156 ms for its four calls.

`ours` is both together, the median of `ROUNDS`; each report is its own transaction under the run's token, as a worker's are.
"""

import json
import os
import resource
import statistics
import time
from typing import Any

from benchmarks._hub import own_hub

ROUNDS = int(os.environ.get("ROUNDS", "21"))
POINTS = 1_000
PARAMETERS = {"hidden_units": 64, "max_epochs": 200, "batch_size": 32, "learning_rate": 0.003, "image_size": 8}


def main() -> None:
    with own_hub():
        from benchmarks.overhead import _frozen
        from training.actions import run
        from training.hearing import Point

        began = time.perf_counter()
        version = _frozen()
        asked, stored = [], []
        for _ in range(ROUNDS):
            asked.append(_timed(lambda: _ask(version)))
            held = run.claim("training.cpu", "benchmark")
            assert held is not None
            run.begin(held)
            points = [
                Point(name, step, step / POINTS) for step in range(POINTS // 4) for name in ("loss", "accuracy", "f1", "lr")
            ]
            stored.append(_timed(lambda held=held, points=points: run.report(held, points=points)))  # type: ignore[misc]
            run.cancelled(held)
        ours = statistics.median(map(sum, zip(asked, stored, strict=True)))
        figures: dict[str, Any] = {
            "name": "run_metrics",
            "ours": round(ours * 1000, 2),
            "unit": "ms",
            "reference": "MLflow 3.17.2, its four calls",
            "reference_value": 156,
            "ratio": round(156 / (ours * 1000), 1),
            "points_ms": round(statistics.median(stored) * 1000, 2),
            "parameters_ms": round(statistics.median(asked) * 1000, 2),
            "rows": POINTS,
            "seconds": round(time.perf_counter() - began, 2),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    print(json.dumps(figures))


def _ask(version: Any) -> Any:
    from training.actions import job

    facts = {"module": version.dataset.module, "trainer": "mlp_classifier", "hyperparameters": PARAMETERS}
    return job.create(by=version.created_by, name="digits", dataset_version=version, **facts)


def _timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
