"""What the test of killed freezes does on its hub's database, each in a process: `python -m tests.long.inside_freeze NAME …`."""
# ruff: noqa: E402  (Django is set up before its models are imported)

import json
import os
import sys
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.utils import timezone

from benchmarks import freeze as filling
from learning.models import StoredObject
from training import local
from training.actions import version
from training.actions.splits import recorded
from training.models import DatasetVersion, TrainingDataset
from training.verification import verify


def fill() -> str:
    """Write ROWS settled samples and a dataset that holds them."""
    filling._fill()
    return str(filling._dataset().pk)


def begin(dataset: str, number: str) -> str:
    from accounts.models import User

    of = TrainingDataset.objects.get(pk=dataset)
    return str(version.create(of, by=User.objects.get(email="ada@example.org"), version=number, seed=7).pk)


def freeze(pk: str) -> str:
    """Freeze as a worker does, however lately another one beat: its process is known to be dead."""
    DatasetVersion.objects.filter(pk=pk).update(freeze_beat_at=timezone.now() - timedelta(minutes=2))
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    done = version.freeze(pk)
    return done.fingerprint if done else ""


def state(pk: str) -> dict[str, Any]:
    """Answer what there is of a version: as it says itself, as its rows are, and what lies about."""
    row = DatasetVersion.objects.select_related("manifest", "truth").get(pk=pk)
    kept = StoredObject.objects.filter(kind__in=["manifest", "truth"], metadata__dataset_version=pk)
    return {
        "state": row.state,
        "fingerprint": row.fingerprint,
        "samples": row.sample_count,
        "members": row.members.count(),
        "groups": len(recorded([row.pk])),
        "objects": kept.count(),
        "faults": verify(row).faults if row.frozen_at else [],
        "scratch": len(list(local.scratch().iterdir())),
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))  # noqa: T201  (read by the test)
