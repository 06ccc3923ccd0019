"""[export] a dataset of annotated samples as JSON (our JSON Lines, with all that the hub knows of each) and as COCO.

Each is measured as a worker does it, from claiming the row to the file on the store, in a process of its own that has set up
Django and loaded the verb; a worker of Celery's holds some 30 MB more at rest, for it loads all tasks and pages to check itself.
The limit is COPY out of the same rows. `ROWS` is how many samples, each with two boxes.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks._hub import load, own_hub

ROWS = int(os.environ.get("ROWS", "100000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
FORMATS = ("jsonl", "coco")
WORKER = """
import sys, time, json, resource
import django
django.setup()
from training.actions import exporting

def most_mb():  # since this program began; ru_maxrss would count what its parent held, too
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) // 1024

at_rest, mb_at_rest = resource.getrusage(resource.RUSAGE_SELF), most_mb()
began = time.perf_counter()
done = exporting.build(sys.argv[1])
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": seconds,
    "cpu": used.ru_utime + used.ru_stime - at_rest.ru_utime - at_rest.ru_stime,
    "rss_mb": most_mb(),
    "rss_at_rest_mb": mb_at_rest,
    "samples": done.done,
    "mb": done.bytes / 1e6,
}))
"""
"""A worker, as far as one export goes."""


def main() -> None:
    with own_hub():
        began = time.perf_counter()
        dataset, ada = _fill()
        figures: dict[str, Any] = {}
        for name in FORMATS:
            figures[name] = min((_export(dataset, ada, name) for _ in range(ROUNDS)), key=lambda figure: figure["seconds"])
        limit = min(_copied_out(dataset) for _ in range(ROUNDS))
        slower = max(figures.values(), key=lambda figure: figure["seconds"])
        said = {
            "name": "export",
            "ours": round(slower["seconds"], 2),
            "unit": "s (the slower format)",
            "reference": "COPY of the same rows out of the database, s",
            "reference_value": round(limit, 2),
            "ratio": round(slower["seconds"] / limit, 2),
            "rows": ROWS,
            **{f"{name}_s": round(figure["seconds"], 2) for name, figure in figures.items()},
            **{f"{name}_cpu_s": round(figure["cpu"], 2) for name, figure in figures.items()},
            **{f"{name}_mb": round(figure["mb"], 1) for name, figure in figures.items()},
            "rss_mb": max(figure["rss_mb"] for figure in figures.values()),
            "grown_mb": max(figure["rss_mb"] - figure["rss_at_rest_mb"] for figure in figures.values()),
            "seconds": round(time.perf_counter() - began, 2),
            **load(),
        }
    print(json.dumps(said))


def _fill() -> tuple[Any, Any]:
    """Write ROWS settled samples with objects and boxes by core.bulk, all of one dataset."""
    from datetime import UTC, datetime
    from uuid import UUID

    from django.db import connection, transaction

    from accounts.models import Role, User
    from core.bulk import take_keys, write
    from core.ids import new_id, new_text_id
    from learning.actions import city, module
    from learning.models import Camera, LearningSample, StoredObject
    from training.actions import dataset
    from training.models import DatasetDelta, TrainingSample

    ada = User.objects.create_user("Ada", email="ada@example.org", role=Role.SUPER_ADMIN)
    of = module.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car", "bus", "truck"])
    camera = Camera.objects.create(city=city.add("city_pune", by=None), camera_id="cam-1")
    made = dataset.add(by=ada, name="vehicles", module=of)
    for start in range(0, ROWS, 20_000):
        numbers = range(start, min(ROWS, start + 20_000))
        objects: list[UUID] = [new_id() for _ in numbers]
        with transaction.atomic():
            write(
                StoredObject,
                len(numbers),
                {
                    "id": objects,
                    "name": [f"{new_text_id()}.jpg" for _ in numbers],
                    "kind": "image",
                    "sha256": [f"{number:064x}" for number in numbers],
                    "size": 48_211,
                    "media_type": "image/jpeg",
                    "width": 1280,
                    "height": 720,
                },
            )
            keys = take_keys(LearningSample, len(numbers))
            truths = [_truth(number) for number in numbers]
            write(
                LearningSample,
                len(numbers),
                {
                    "id": keys,
                    "sample_id": [f"sample-{number}" for number in numbers],
                    "event_id": [f"event-{number}" for number in numbers],
                    "group_key": [f"city_pune:event-{number}" for number in numbers],
                    "source_name": [f"road/{number:07}.jpg" for number in numbers],
                    "module_id": of.pk,
                    "city_id": camera.city_id,
                    "camera_id": camera.pk,
                    "object_id": objects,
                    "captured_at": datetime(2026, 11, 20, tzinfo=UTC),
                    "state": "settled",
                    "label_status": "changed",
                    "prediction": truths,
                    "truth": truths,
                    "truth_sha256": [f"{number:064x}" for number in numbers],
                },
            )
            write(
                TrainingSample,
                len(numbers),
                {"id": [new_id() for _ in numbers], "dataset_id": made.pk, "sample_id": keys, "is_labeled": True},
            )
            DatasetDelta.objects.create(dataset=made, samples=len(numbers), labeled=len(numbers))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return made, ada


def _truth(number: int) -> dict[str, Any]:
    place = number % 600
    return {
        "boxes": [
            {"label": ("car", "bus", "truck")[number % 3], "bbox": [place + 0.5, place / 2, 120.25, 64]},
            {"label": "car", "bbox": [place, 20, 88, 51.75]},
        ]
    }


def _export(dataset: Any, ada: Any, name: str) -> dict[str, Any]:
    from training.actions import exporting

    asked = exporting.ask(dataset, by=ada, format=name)
    done = subprocess.run([sys.executable, "-c", WORKER, str(asked.pk)], check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert figures["samples"] == ROWS, figures
    return figures


def _copied_out(dataset: Any) -> float:
    """Answer how long the database takes to hand out the same columns of the same rows, in seconds."""
    from django.db import connection

    from learning.models import LearningSample
    from training.actions.exporting_rows import COLUMNS
    from training.models import TrainingSample

    keys = TrainingSample.objects.filter(dataset=dataset).values("sample")
    names = [name for name in COLUMNS if name != "truth_text"]
    rows = LearningSample.objects.settled().filter(pk__in=keys).values_list(*names, "truth")
    began = time.perf_counter()
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(*rows.query.sql_with_params())
            while cursor.fetchmany(5_000):
                pass
            return time.perf_counter() - began
        statement = cursor.mogrify(*rows.query.sql_with_params())
        with cursor.copy(f"COPY ({statement}) TO STDOUT") as copy:
            for _ in copy:
                pass
    return time.perf_counter() - began
