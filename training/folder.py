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
from training.models import DatasetMember, DatasetVersion, JobKind, TrainingJob, TrainingRun
from training.trainers.work import BUNDLE_NAME, JOB_NAME, MANIFEST_NAME, OBJECTS_NAME

CHUNK = 1_000
RESUMED_NAME = "resumed"
BASE_NAME = f"base-{BUNDLE_NAME}"
ASKED_OF_PROGRAMS = ("score_folds", "checkpoint_seconds")
"""What of a job's `training_config` is for its program; the rest is for who runs it."""

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
    document = document_of(job)
    for name, bundle in bundles_of(job).items():
        _place_bundle(bundle, folder / name)
    if kept := _place_checkpoint(job, folder):
        document["checkpoint"] = kept
    (folder / JOB_NAME).write_text(json.dumps(document))


def bundles_of(job: TrainingJob) -> dict[str, StoredObject]:
    """Answer which bundles lie in the folder of a job, by their names there."""
    found = {}
    if job.kind == JobKind.EVALUATE:
        assert job.evaluated_version is not None
        found[BUNDLE_NAME] = job.evaluated_version.bundle
    if job.base_model_version is not None:
        found[BASE_NAME] = job.base_model_version.bundle
    return found


def document_of(job: TrainingJob) -> dict[str, Any]:
    """Answer job.json, without what an earlier attempt left."""
    version = job.dataset_version
    schema = version.label_schema
    return {
        "format": 1,
        "kind": job.kind,
        "name": job.name,
        "trainer": job.trainer,
        "hyperparameters": job.hyperparameters,
        "seed": job.seed,
        **{name: value for name, value in job.training_config.items() if name in ASKED_OF_PROGRAMS},
        "module": job.module.slug,
        "task": job.module.task,
        **({"encoding": job.module.encoding, "dims": job.module.dims} if job.module.task == Task.FEATURES else {}),
        "labels": _labels(schema["labels"], version.statistics.get("by_label", {})),
        "text": schema.get("text") or {},
        "schema_revision": schema["revision"],
        "dataset_version": str(version),
        "fingerprint": version.fingerprint,
        **({"split": job.evaluated_split} if job.kind == JobKind.EVALUATE else {}),
        **({"base": BASE_NAME} if job.base_model_version_id else {}),
    }


def _labels(labels: list[dict[str, Any]], used: dict[str, int]) -> list[dict[str, Any]]:
    """Answer the labels in use, and those retired ones that members still carry, under whichever of their names."""
    wanted = [label for label in labels if not label.get("retired") or any(name in used for name in names_of(label))]
    return [{"id": label["id"], "name": label["name"]} for label in wanted]


def _write_manifest(job: TrainingJob, folder: Path, tick: Callable[[], None]) -> None:
    with (folder / MANIFEST_NAME).open("wb") as out:
        for chunk in members_of(job, tick):
            _fetch(chunk, tick)
            out.write(b"".join(orjson.dumps(line) + b"\n" for line in chunk))


def members_of(job: TrainingJob, tick: Callable[[], None]) -> Iterator[list[dict[str, Any]]]:
    """Yield the manifest's lines of a job chunk by chunk, each with its truth and where below objects/ its file is to lie."""
    version = job.dataset_version
    if version.manifest is None or version.truth is None:
        raise Unprepared(f"{version} has no manifest.")
    paths = [local.cached(kept.name, kept.alias, kept.sha256, tick=tick) for kept in (version.manifest, version.truth)]
    schema, erased = version.label_schema, _erased_of(version)
    members, names = _wanted(job, read_members(*paths), erased), Renames.of(schema["labels"], schema.get("attributes"))
    while chunk := list(islice(members, CHUNK)):
        yield [
            {**line, "truth": in_current_names(right["truth"], names), "file": local.place_of(line["object"]["sha256"])}
            for line, right in chunk
        ]


def _erased_of(version: DatasetVersion) -> set[str]:
    """Answer which members were erased since the truth's file was written; from then on it says so itself."""
    if not version.truth_outdated:
        return set()
    erased = DatasetMember.objects.filter(version=version, erased_at__isnull=False)
    return set(erased.values_list("sample__sample_id", flat=True))


def _wanted(job: TrainingJob, members: Iterator[tuple[dict[str, Any], dict[str, Any]]], erased: set[str]) -> Iterator[Any]:
    """Leave out erased members, and for an evaluation all that are not of its split."""
    for line, right in members:
        is_there = right["truth"] is not None and line["sample_id"] not in erased
        if is_there and (job.kind == JobKind.TRAIN or line["split"] == job.evaluated_split):
            yield line, right


def _fetch(lines: list[dict[str, Any]], tick: Callable[[], None]) -> None:
    """Fetch the objects that this host lacks."""
    hashes = {line["object"]["name"]: line["object"]["sha256"] for line in lines}
    aliases = dict(StoredObject.objects.filter(name__in=list(hashes)).values_list("name", "alias"))
    for name, sha256 in hashes.items():
        if name not in aliases:
            raise Unprepared(f"The object {name} of a frozen member is gone.")
        local.cached(name, aliases[name], sha256, tick=tick)
        tick()


def _place_checkpoint(job: TrainingJob, folder: Path) -> str | None:
    """Place what an earlier attempt left; one that the store has not, or not as it was, is no reason not to begin anew."""
    kept = checkpoint.latest(job.pk)
    if kept is None:
        return None
    try:
        _place_bundle(kept.object, folder / RESUMED_NAME)
    except StoreError as error:
        if error.is_passing:
            raise
        logger.warning("a checkpoint cannot be read; the run begins anew", job=str(job.pk))
        return None
    return RESUMED_NAME


def _place_bundle(bundle: StoredObject, target: Path) -> None:
    target.symlink_to(local.cached(bundle.name, bundle.alias, bundle.sha256))
