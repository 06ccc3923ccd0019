"""[freeze] a version of ROWS settled samples by the real verb in a worker's process: members, groups, manifest, truth, fingerprint.

The reference is one scan and one insert: the same columns copied out of the database and thrown away, and the members inserted
by one statement into a table without foreign keys. CPU seconds of worker and database stand beside the clock's.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks._hub import load, own_hub

ROWS = int(os.environ.get("ROWS", "1000000"))
PART = 50_000
CITIES, CAMERAS = 20, 10
LABELS = ["car", "bus", "truck", "van", "tram", "bicycle", "person", "dog", "cart", "sign"]
SAMPLE = ("sample_id", "event_id", "source_name", "group_key", "label_status", "captured_at", "truth", "truth_sha256")
OBJECT = ("name", "sha256", "size", "media_type", "width", "height")
SCANNED = (*(f"sample__{name}" for name in SAMPLE), "sample__city__slug", "sample__camera__camera_id")
SCANNED += tuple(f"sample__object__{name}" for name in OBJECT)
WORKER = """
import json, os, sys, time
import django; django.setup()
from django.db import connection
from training.actions import version
connection.ensure_connection()
database = connection.connection.info.backend_pid if connection.vendor == "postgresql" else 0
print(database, flush=True)
sys.stdin.readline()
used, began = os.times(), time.perf_counter()
done = version.freeze(sys.argv[1])
took, now = time.perf_counter() - began, os.times()
facts = {"seconds": took, "cpu": now.user + now.system - used.user - used.system, "fingerprint": done.fingerprint}
facts["rss_mb"] = int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) // 1024
print(json.dumps(facts), flush=True)
sys.stdin.readline()
"""


def main() -> None:
    with own_hub():
        _fill()
        held = _dataset()
        figures = _frozen(held, "v1.0.0")
        again = _frozen(held, "v1.1.0")
        assert again.pop("fingerprint") == figures.pop("fingerprint")
        reference = _scan_and_insert(held)
        figures |= {"reference": "one scan, one insert, s", "reference_value": reference}
        figures |= {"ratio": round(figures["ours"] / reference, 2) if reference else None, "rows": ROWS, "again": again}
        print(json.dumps({"name": "freeze", "unit": "s", **figures, **load()}))


def _frozen(held: Any, number: str) -> dict[str, Any]:
    """Freeze in a process of its own; answers its seconds, memory, and what it and the database used of the processors."""
    from accounts.models import User
    from training.actions import version

    begun = version.create(held, by=User.objects.get(email="ada@example.org"), version=number, seed=7)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(begun.pk)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    database = int(worker.stdout.readline())
    before = _used(database)
    worker.stdin.write("go\n")
    worker.stdin.flush()
    facts = json.loads(worker.stdout.readline())
    cpu = _used(database) - before
    worker.communicate("done\n")
    return {
        "ours": round(facts["seconds"], 2),
        "seconds": round(facts["seconds"], 2),
        "rss_mb": facts["rss_mb"],
        "worker_cpu_s": round(facts["cpu"], 2),
        "database_cpu_s": round(cpu, 2),
        "fingerprint": facts["fingerprint"],
    }


def _used(pid: int) -> float:
    """Answer the CPU seconds of one process of this machine; 0 for none."""
    path = Path(f"/proc/{pid}/stat")
    if not pid or not path.is_file():
        return 0.0
    used = path.read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def _dataset() -> Any:
    """Make a dataset that holds all samples, as its rule would have gathered them."""
    from django.db import connection, transaction

    from accounts.actions import user
    from accounts.models import Role
    from core.bulk import write
    from core.ids import new_id
    from learning.models import AiModule, LearningSample
    from training.actions import dataset
    from training.models import TrainingSample

    ada = user.add("Ada", email="ada@example.org", role=Role.SUPER_ADMIN, by=None)
    held = dataset.add(by=ada, name="vehicles", module=AiModule.objects.get(slug="vehicles"))
    keys = list(LearningSample.objects.order_by("id").values_list("id", flat=True))
    for start in range(0, len(keys), PART):
        part = keys[start : start + PART]
        with transaction.atomic():
            facts = {"id": [new_id() for _ in part], "dataset_id": held.pk, "sample_id": part, "is_labeled": True}
            write(TrainingSample, len(part), facts)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
        if connection.vendor == "postgresql":
            cursor.execute("CHECKPOINT")
    return held


def _fill() -> None:
    """Write ROWS settled samples with image, label and two boxes by core.bulk; each tenth looks like the one before it."""
    from django.db import transaction

    from core.bulk import take_keys, write
    from core.canonical import canonical_sha256
    from core.ids import new_id
    from learning.actions import city, module
    from learning.models import Camera, HitlLabel, LearningSample, StoredObject

    of = module.add("vehicles", by=None, name="Vehicles", task="detection", labels=LABELS)
    places = [city.add(f"city_{number}", by=None) for number in range(CITIES)]
    cameras = [Camera.objects.create(city=place, camera_id=f"cam-{number}") for place in places for number in range(CAMERAS)]
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for numbers in _parts():
        truths = [_truth(number) for number in numbers]
        objects, keys = [new_id() for _ in numbers], take_keys(LearningSample, len(numbers))
        with transaction.atomic():
            image = {"kind": "image", "size": 40_000, "media_type": "image/jpeg", "width": 1920, "height": 1080}
            hashes = [f"{number * 2654435761 % 2**64:064x}" for number in numbers]
            names = [f"{each}.jpg" for each in objects]
            write(StoredObject, len(objects), {"id": objects, "name": names, "sha256": hashes, "verified_at": noon, **image})
            settled = {"module_id": of.pk, "state": "settled", "label_status": "correct", "image_quality_score": 0.8}
            write(
                LearningSample,
                len(keys),
                {
                    "id": keys,
                    "sample_id": [f"019aa000-0000-7000-8000-{number:012x}" for number in numbers],
                    "event_id": [f"event-{number}" for number in numbers],
                    "group_key": [f"city:event-{number - (number % 10 == 9)}" for number in numbers],
                    "city_id": [cameras[number % len(cameras)].city_id for number in numbers],
                    "camera_id": [cameras[number % len(cameras)].pk for number in numbers],
                    "object_id": objects,
                    "captured_at": [noon + timedelta(seconds=number) for number in numbers],
                    "prediction": truths,
                    "truth": truths,
                    "truth_sha256": [canonical_sha256(truth) for truth in truths],
                    **settled,
                },
            )
            judged = {"label_status": "correct", "decision": "correct", "labeled_at": noon}
            cities = [cameras[number % len(cameras)].city_id for number in numbers]
            write(
                HitlLabel,
                len(keys),
                {"id": take_keys(HitlLabel, len(keys)), "sample_id": keys, "city_id": cities, "prediction": truths, **judged},
            )


def _parts() -> Iterator[range]:
    return (range(start, min(ROWS, start + PART)) for start in range(0, ROWS, PART))


def _truth(number: int) -> dict[str, Any]:
    label = LABELS[number % len(LABELS)]
    boxes = [
        {"label": label, "bbox": [number % 997, number % 499, 120, 80]},
        {"label": "car", "bbox": [number % 1009, 300, 90.5, 60]},
    ]
    return {"boxes": boxes}


def _scan_and_insert(held: Any) -> float:
    """Answer the seconds of one scan of what is read, copied out and thrown away, and of one insert of the members."""
    from django.db import connection

    from training.models import TrainingSample

    if connection.vendor != "postgresql":
        return 0.0
    began = time.perf_counter()
    with connection.cursor() as cursor:
        rows = TrainingSample.objects.filter(dataset=held, sample__state="settled").order_by("sample_id")
        scan, parameters = rows.values_list(*SCANNED).query.sql_with_params()
        with cursor.cursor.copy(f"COPY ({scan}) TO STDOUT", parameters) as copy:
            for _ in copy:
                pass
        cursor.execute(
            "CREATE TABLE plain_members (version_id uuid, sample_id bigint, split text, PRIMARY KEY (version_id, sample_id))"
        )
        cursor.execute(
            "INSERT INTO plain_members SELECT %s, sample_id, 'train' FROM"
            " (SELECT sample_id FROM training_samples WHERE dataset_id = %s ORDER BY sample_id) each",
            [held.pk, held.pk],
        )
    return round(time.perf_counter() - began, 2)
