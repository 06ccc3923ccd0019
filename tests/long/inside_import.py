"""What the long test of killed imports does inside its own hub; tests/long/inside.py calls it by name."""

import io
import json
import os
import random
import signal
import zipfile
from collections import Counter
from typing import Any

from PIL import Image

from accounts.models import Role, User
from core.storage import store
from learning.actions import image_import, module
from learning.models import HitlLabel, LearningSample, StoredObject
from training.actions import dataset, importing, importing_publishing, importing_taking
from training.models import DatasetImport, ImportedRecord, TrainingDataset, TrainingSample


def bring_import(pictures: str) -> str:
    """Bring an archive of so many noisy pictures with a box each, look at it, and confirm; answers the import."""
    ada = User.objects.create(name="Ada", email="ada@example.org", role=Role.SUPER_ADMIN)
    of = module.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car"])
    made = dataset.add(by=ada, name="cars", module=of)
    names = [f"images/{number}.png" for number in range(int(pictures))]
    coco = {
        "images": [{"id": n, "file_name": name, "width": 64, "height": 64} for n, name in enumerate([*names, "images/no.png"])],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 30, 20]} for n in range(len(names) + 1)],
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("labels.json", json.dumps(coco))
        for number, name in enumerate(names):
            archive.writestr(name, _picture(number))
    job = importing.bring(made, out.getvalue(), by=ada, file_name="cars.zip")
    checked = importing.run(job.pk)
    assert checked is not None
    importing.confirm(checked, by=ada)
    return str(job.pk)


def run_import(job: str, place: str = "", call: str = "0") -> str:
    """Do what is to be done for an import, as a worker whom nobody believes alive any more is followed by this one.

    This process kills itself (-9) in front of the so many-th call of a place.
    """
    importing_publishing.CHUNK_OF_NEW = 40
    if place:
        module_of, name = PLACES[place]
        _die_at(module_of, name, int(call))
    DatasetImport.objects.filter(pk=job).update(beat_at=None)
    importing.run(job)
    return str(DatasetImport.objects.get(pk=job).state)


PLACES: dict[str, tuple[Any, str]] = {
    "rows": (image_import, "begin"),
    "put": (image_import, "put"),
    "stored": (image_import, "finish"),
    "report": (importing_taking, "store_report"),
    "publishing": (importing_publishing, "begin"),
    "chunk": (importing_publishing, "_place"),
    "end": (importing_publishing, "_finish"),
    "cleared": (image_import, "withdraw"),
}


def _die_at(module: Any, name: str, call: int) -> None:
    real, left = getattr(module, name), [call]

    def dying(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    setattr(module, name, dying)


def cancel_import(job: str) -> str:
    """Take it back, and remove what there is of it."""
    importing.cancel(DatasetImport.objects.select_related("dataset__organization").get(pk=job), by=None)
    return run_import(job)


def import_census() -> dict[str, Any]:
    """Count what is there of imports."""
    [row] = TrainingDataset.objects.with_counts()
    kinds = Counter(
        StoredObject.objects.filter(deleted_at=None, kind__in=["image", "thumbnail"]).values_list("kind", flat=True)
    )
    there = {listed.name for listed in store().listing()}
    named = set(StoredObject.objects.filter(deleted_at=None).values_list("name", flat=True))
    return {
        "samples": Counter(LearningSample.objects.values_list("state", flat=True)),
        "labels": HitlLabel.objects.count(),
        "places": TrainingSample.objects.count(),
        "counts": [row.sample_count, row.labeled_count],  # type: ignore[attr-defined]
        "objects": kinds,
        "ready": ImportedRecord.objects.count(),
        "unverified": LearningSample.objects.filter(object__verified_at=None).count(),
        "astray": sorted(named ^ there),
        "phase": [job.phase for job in DatasetImport.objects.all()],
    }


def _picture(number: int) -> bytes:
    rough = Image.frombytes("L", (8, 8), random.Random(number).randbytes(64))
    out = io.BytesIO()
    rough.resize((64, 64), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


FUNCTIONS = {function.__name__: function for function in (bring_import, run_import, cancel_import, import_census)}
