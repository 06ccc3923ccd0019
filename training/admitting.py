"""Having a model of unknown origin looked at by a program of its own, within limits, and reading what came of it."""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from core.storage import chunks_of, reading
from learning.models import AiModule
from learning.renaming import names_of
from training import local
from training.admission.config import Unadmitted
from training.admission.names import ADMITTED_NAME, MODEL_NAME, REFUSED_NAME, REQUEST_NAME
from training.bundle import BadBundle, Bundle, read_bundle
from training.executor import LocalExecutor
from training.limits import Failure, Limits
from training.models import ModelRegistration
from training.trainers.work import BUNDLE_NAME

COMMAND = (sys.executable, "-m", "training.admission")
BEAT_SECONDS = 1.0
LEAST_FILE_MB = 64
CARD = """# {name}

Answers `{module}`. It was trained elsewhere and registered here: {source}

## Licence
{licence}

## Notes
{notes}
"""


@dataclass(frozen=True)
class Admitted:
    """What came of it: the bundle as the hub writes it, the hash of the file as it came, answers to the golden inputs."""

    path: Path
    bundle: Bundle
    sha256: str
    answers: list[dict[str, Any]]


@contextmanager
def admitted(registration: ModelRegistration, *, beat: Callable[[], None]) -> Iterator[Admitted]:
    """Fetch the file, have it looked at, and answer what was admitted; the folder is gone afterwards.

    `beat` is called every second and may raise. Raises Unadmitted with a sentence, or StoreError.
    """
    folder = local.runs() / f"admission-{registration.pk}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        sha256 = _fetch(registration, folder / MODEL_NAME, beat)
        (folder / REQUEST_NAME).write_text(json.dumps(_request(registration)))
        answers = _look(folder, beat)
        path = folder / BUNDLE_NAME
        try:
            yield Admitted(path, read_bundle(path), sha256, answers)
        except BadBundle as error:
            raise Unadmitted(str(error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def facts_of(module: AiModule) -> dict[str, Any]:
    """Answer what a model must fit: the module's task, its labels in use (each under all its names), its features."""
    schema = module.schema
    used = [label for label in schema.labels if not label.get("retired")]
    return {
        "module": module.slug,
        "task": module.task,
        "dims": module.dims,
        "labels": [{"id": label["id"], "names": list(names_of(label))} for label in used],
        "schema_revision": schema.revision,
    }


def _fetch(registration: ModelRegistration, path: Path, beat: Callable[[], None]) -> str:
    """Write the file to `path`, and answer its SHA-256."""
    digest, beaten = hashlib.sha256(), time.monotonic()
    with reading(registration.object_name, registration.alias) as stream, path.open("xb") as out:
        for piece in chunks_of(stream):
            digest.update(piece)
            out.write(piece)
            if time.monotonic() - beaten > BEAT_SECONDS:
                beat()
                beaten = time.monotonic()
    return digest.hexdigest()


def _request(registration: ModelRegistration) -> dict[str, Any]:
    row = registration
    megabytes = row.size // (1 << 20)
    return {
        **facts_of(row.module),
        "config": row.config,
        "card": CARD.format(name=row.name, module=row.module.slug, source=row.source, licence=row.licence, notes=row.notes),
        "limits": {
            "seconds": settings.MODEL_CHECK_SECONDS,
            "memory_mb": settings.MODEL_CHECK_MEMORY_MB,
            "file_mb": 2 * megabytes + LEAST_FILE_MB,
        },
    }


def _look(folder: Path, beat: Callable[[], None]) -> list[dict[str, Any]]:
    """Run the program to its end, and answer what the model said of its golden inputs; raises Unadmitted."""
    limits = Limits(
        {"time_limit_seconds": settings.MODEL_CHECK_SECONDS, "memory_limit_mb": settings.MODEL_CHECK_MEMORY_MB}, folder
    )
    program = LocalExecutor().start(COMMAND, folder)
    limits.begin()
    try:
        beaten = time.monotonic()
        while program.status() is None:
            program.read(0.1)
            limits.check(program)
            if time.monotonic() - beaten > BEAT_SECONDS:
                beat()
                beaten = time.monotonic()
    except Failure as failure:
        raise Unadmitted(f"Looking at the model was stopped. {failure.sentence}") from failure
    finally:
        program.close()
    return _verdict(folder, program.status())


def _verdict(folder: Path, status: int | None) -> list[dict[str, Any]]:
    refused: Mapping[str, Any] = _read(folder / REFUSED_NAME)
    if refused:
        raise Unadmitted(refused["sentence"])
    admitted_: Mapping[str, Any] = _read(folder / ADMITTED_NAME)
    if status != 0 or not admitted_:
        how = f"signal {-status}" if status is not None and status < 0 else f"status {status}"
        raise Unadmitted(f"The model brought down the program that looked at it ({how}).")
    answers: list[dict[str, Any]] = admitted_["answers"]
    return answers


def _read(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return told
