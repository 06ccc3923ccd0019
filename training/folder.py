"""The folder of a run: everything its program may know, and nothing else."""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import structlog

from core.storage import StoreError
from learning.models import StoredObject, Task
from learning.renaming import Renames, in_current_names, names_of
from training import local
from training.actions import checkpoint
from training.manifest import read_members
from training.models import JobKind, TrainingJob, TrainingRun
from training.trainers.work import BUNDLE_NAME, JOB_NAME, MANIFEST_NAME, OBJECTS_NAME

CHUNK = 1_000
RESUMED_NAME = "resumed"

logger = structlog.get_logger(__name__)


class Unprepared(Exception):
    """The folder cannot be made: something that was frozen is gone, or is not what it was."""


def prepare(run: TrainingRun, folder: Path, *, tick: Callable[[], None]) -> None:
    """Make the folder with job.json, manifest.jsonl and objects; `tick` is called often and may raise.

    Objects are copies by hash that all runs of this host share, read-only. Raises Unprepared or StoreError.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    job = TrainingJob.objects.select_related("module", "dataset_version__dataset").get(pk=run.job_id)
    (folder / OBJECTS_NAME).symlink_to(local.cache(), target_is_directory=True)
    _write_manifest(job, folder, tick)
    document = _document(job)
    if job.kind == JobKind.EVALUATE:
        assert job.evaluated_version is not None
        _place_bundle(job.evaluated_version.bundle, folder / BUNDLE_NAME)
        document["split"] = job.evaluated_split
    if job.base_model_version is not None:
        _place_bundle(job.base_model_version.bundle, folder / f"base-{BUNDLE_NAME}")
        document["base"] = f"base-{BUNDLE_NAME}"
    if kept := _place_checkpoint(job, folder):
        document["checkpoint"] = kept
    (folder / JOB_NAME).write_text(json.dumps(document))


def _document(job: TrainingJob) -> dict[str, Any]:
    version = job.dataset_version
    schema = version.label_schema
    return {
        "format": 1,
        "kind": job.kind,
        "name": job.name,
        "trainer": job.trainer,
        "hyperparameters": job.hyperparameters,
        "seed": job.seed,
        "score_folds": job.training_config.get("score_folds", 0),
        "module": job.module.slug,
        "task": job.module.task,
        **({"encoding": job.module.encoding, "dims": job.module.dims} if job.module.task == Task.FEATURES else {}),
        "labels": _labels(schema["labels"], version.statistics.get("by_label", {})),
        "text": schema.get("text") or {},
        "schema_revision": schema["revision"],
        "dataset_version": str(version),
        "fingerprint": version.fingerprint,
    }


def _labels(labels: list[dict[str, Any]], used: dict[str, int]) -> list[dict[str, Any]]:
    """Answer the labels in use, and those retired ones that members still carry, under whichever of their names."""
    wanted = [label for label in labels if not label.get("retired") or any(name in used for name in names_of(label))]
    return [{"id": label["id"], "name": label["name"]} for label in wanted]


def _write_manifest(job: TrainingJob, folder: Path, tick: Callable[[], None]) -> None:
    version = job.dataset_version
    if version.manifest is None or version.truth is None:
        raise Unprepared(f"{version} has no manifest.")
    paths = [local.cached(kept.name, kept.alias, kept.sha256, tick=tick) for kept in (version.manifest, version.truth)]
    schema = version.label_schema
    members, names = _wanted(job, read_members(*paths)), Renames.of(schema["labels"], schema.get("attributes"))
    with (folder / MANIFEST_NAME).open("wb") as out:
        while chunk := list(islice(members, CHUNK)):
            places = _fetch([line for line, _ in chunk], tick)
            for line, right in chunk:
                truth = in_current_names(right["truth"], names)
                out.write(orjson.dumps({**line, "truth": truth, "file": places[line["object"]["name"]]}) + b"\n")


def _wanted(job: TrainingJob, members: Iterator[tuple[dict[str, Any], dict[str, Any]]]) -> Iterator[Any]:
    """Leave out erased members, and for an evaluation all that are not of its split."""
    for line, right in members:
        if right["truth"] is not None and (job.kind == JobKind.TRAIN or line["split"] == job.evaluated_split):
            yield line, right


def _fetch(lines: list[dict[str, Any]], tick: Callable[[], None]) -> dict[str, str]:
    """Answer where below objects/ each object lies, fetched where this host lacks it."""
    hashes = {line["object"]["name"]: line["object"]["sha256"] for line in lines}
    aliases = dict(StoredObject.objects.filter(name__in=list(hashes)).values_list("name", "alias"))
    for name, sha256 in hashes.items():
        if name not in aliases:
            raise Unprepared(f"The object {name} of a frozen member is gone.")
        local.cached(name, aliases[name], sha256, tick=tick)
        tick()
    return {name: local.place_of(sha256) for name, sha256 in hashes.items()}


def _place_checkpoint(job: TrainingJob, folder: Path) -> str | None:
    """Place what an earlier attempt left; one that the store does not give is no reason not to begin anew."""
    kept = checkpoint.latest(job.pk)
    if kept is None:
        return None
    try:
        _place_bundle(kept.object, folder / RESUMED_NAME)
    except StoreError:
        logger.warning("a checkpoint cannot be read; the run begins anew", job=str(job.pk))
        return None
    return RESUMED_NAME


def _place_bundle(bundle: StoredObject, target: Path) -> None:
    target.symlink_to(local.cached(bundle.name, bundle.alias, bundle.sha256))
