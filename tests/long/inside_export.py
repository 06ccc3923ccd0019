"""What the test of killed exports does on its hub's database, each in a process: `python -m tests.long.inside_export NAME …`."""
# ruff: noqa: E402  (Django is set up before its models are imported)

import hashlib
import json
import os
import sys
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.utils import timezone

from accounts.models import User
from benchmarks import export as filling
from core.storage import reading, store
from learning.models import StoredObject
from training import local
from training.actions import exporting
from training.models import DatasetExport, TrainingDataset


def fill() -> str:
    """Write ROWS settled samples and a dataset that holds them."""
    return str(filling._fill()[0].pk)


def ask(dataset: str) -> str:
    ada = User.objects.get(email="ada@example.org")
    return str(exporting.ask(TrainingDataset.objects.get(pk=dataset), by=ada, format="coco").pk)


def build(pk: str) -> str:
    """Write it as a worker does, however lately another one beat: its process is known to be dead."""
    DatasetExport.objects.filter(pk=pk).update(beat_at=timezone.now() - timedelta(minutes=2), tries=1)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    done = exporting.build(pk)
    return done.state if done else ""


def state(pk: str) -> dict[str, Any]:
    """Answer what there is of an export: as it says itself, its content, and what lies about."""
    row = DatasetExport.objects.select_related("object").get(pk=pk)
    sha256 = ""
    if row.object is not None:
        with reading(row.object.name) as stream:
            sha256 = hashlib.sha256(stream.read()).hexdigest()
    kept = StoredObject.objects.filter(kind="export", metadata__dataset_export=pk, deleted_at__isnull=True)
    return {
        "state": row.state,
        "sha256": sha256,
        "done": row.done,
        "objects": kept.count(),
        "stored": len([listed for listed in store().listing() if listed.name.endswith(".json")]),
        "scratch": len(list(local.scratch().iterdir())),
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))  # noqa: T201  (read by the test)
