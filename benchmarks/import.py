"""[import] labels of a COCO file for images that a dataset has, from the file in the store to truths that count.

`ROWS` says how many records, each with two boxes. The dry run is measured beside: it reads the same file once more.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks._hub import load, own_hub

ROWS = int(os.environ.get("ROWS", "100000"))
TARGET = 10_000
WORK = """
import json, time, django
django.setup()
from django.db import connection
from accounts.models import User
from training.actions import importing
from training.models import DatasetImport
job = DatasetImport.objects.get()
if job.state == "checked":
    importing.confirm(job, by=User.objects.get(pk=job.created_by_id))
def peak():
    # not ru_maxrss, which a process takes over from the one that started it
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) // 1024
before, began, cpu = peak(), time.perf_counter(), time.process_time()
done = importing.run(job.pk)
print(json.dumps({"state": done.state, "error": done.error_message, "counts": done.counts,
    "seconds": round(time.perf_counter() - began, 2), "cpu": round(time.process_time() - cpu, 2),
    "rss_mb": peak(), "rss_before_mb": before}))
"""


def main() -> None:
    with own_hub() as folder:
        _fill(folder)
        trial, real = _worked(), _worked()
        assert trial["state"] == "checked", trial
        assert real["state"] == "done", real
        assert real["counts"]["accepted"] == ROWS, real
        print(json.dumps({**_figures(trial, real), **load()}))


def _figures(trial: dict[str, Any], real: dict[str, Any]) -> dict[str, Any]:
    ours = ROWS / real["seconds"]
    return {
        "name": "import",
        "ours": round(ours),
        "unit": "records/s (import, behind its dry run)",
        "dry_run": round(ROWS / trial["seconds"]),
        "both": round(ROWS / (trial["seconds"] + real["seconds"])),
        "worker_cpu_seconds": real["cpu"],
        "reference": "to reach, records/s",
        "reference_value": TARGET,
        "ratio": round(ours / TARGET, 2),
        "rows": ROWS,
        "seconds": real["seconds"],
        "rss_mb": max(trial["rss_mb"], real["rss_mb"]),
        "rss_before_mb": real["rss_before_mb"],
    }


def _worked() -> dict[str, Any]:
    """Do what there is to do for the import, in a process of its own, as a worker does."""
    said = subprocess.run([sys.executable, "-c", WORK], check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def _fill(folder: Path) -> None:
    """Write ROWS waiting samples, their places in a dataset, and the file that says what is right of each."""
    from datetime import UTC, datetime

    from django.db import connection, transaction

    from accounts.actions import user
    from accounts.models import Role
    from core.bulk import take_keys, write
    from learning.actions import city, module
    from learning.models import Camera, LearningSample, ReviewSlot, StoredObject
    from training.actions import dataset, importing

    ada = user.add("ada", email="ada@example.org", role=Role.SUPER_ADMIN, by=None)
    of = module.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car", "bus"])
    camera = Camera.objects.create(city=city.add("city_1", by=None), camera_id="cam")
    made = dataset.add(by=ada, name="vehicles", module=of)
    for start in range(0, ROWS, 20_000):
        numbers = range(start, min(ROWS, start + 20_000))
        with transaction.atomic():
            keys = take_keys(LearningSample, len(numbers))
            images = [StoredObject().pk for _ in numbers]
            kept = {"name": [f"{key}.jpg" for key in images], "kind": "image", "sha256": [f"{n:064x}" for n in numbers]}
            facts = {"size": 1_000, "media_type": "image/jpeg", "width": 1920, "height": 1080, "etag": "x"}
            write(
                StoredObject, len(numbers), {"id": images, **kept, **facts, "verified_at": datetime(2026, 11, 20, tzinfo=UTC)}
            )
            names = [f"event-{number}" for number in numbers]
            columns = {
                "id": keys,
                "sample_id": [f"sample-{number}" for number in numbers],
                "event_id": names,
                "group_key": names,
                "source_name": [f"frames/{number:07}.jpg" for number in numbers],
                "module_id": of.pk,
                "city_id": camera.city_id,
                "camera_id": camera.pk,
                "object_id": images,
                "captured_at": datetime(2026, 11, 20, tzinfo=UTC),
                "state": "pending",
            }
            write(LearningSample, len(numbers), columns)
            slots = [ReviewSlot.opened(LearningSample(pk=key, module=of, priority=0)) for key in keys]
            ReviewSlot.objects.bulk_create(slots, batch_size=2_000)
            dataset.gather(made, LearningSample.objects.filter(pk__among=keys), is_labeled=False)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    path = folder / "labels.json"
    path.write_text(json.dumps(_coco()))
    importing.bring(made, path, by=ada, file_name="labels.json")


def _coco() -> dict[str, Any]:
    boxes = [(number, side) for number in range(ROWS) for side in (0, 1)]
    return {
        "images": [
            {"id": number, "file_name": f"frames/{number:07}.jpg", "width": 1920, "height": 1080} for number in range(ROWS)
        ],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}],
        "annotations": [
            {"id": place, "image_id": number, "category_id": side + 1, "bbox": [side * 900 + number % 700, 100, 80.5, 60]}
            for place, (number, side) in enumerate(boxes)
        ],
    }
