"""Verbs on dataset versions: what *freeze* fixes, and how it survives being killed."""

import math
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.bulk import seldom_collected
from core.canonical import canonical_json
from core.claims import claim, wake
from core.errors import Conflict, Invalid
from core.lifecycle import LostRace
from core.queue import enqueue
from core.storage import store
from learning.actions import object as stored_object
from learning.models import ObjectKind, StoredObject
from training import local, semver
from training.actions import erasure
from training.actions.freezing import Beside, Reader, Writer, need_not_wait, tell_planner
from training.actions.splits import Division
from training.actions.version_number import labeled_in, suggest
from training.fingerprint import SPLITS
from training.manifest import VersionFiles
from training.models import (
    DatasetMember,
    DatasetStatus,
    DatasetVersion,
    GroupSplit,
    Split,
    TrainingDataset,
    VersionState,
)
from training.saving import save_new

logger = structlog.get_logger(__name__)

CHUNK = 2_000
FREEZING = DatasetVersion.objects.filter(state=VersionState.FREEZING)
DEFAULT_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
MAX_SEED = 2**63 - 1
MAX_NOTES = 10_000
JSONL = "application/jsonl"


class LostFreeze(LostRace):
    """Another worker took over this freeze."""


@transaction.atomic
def create(
    dataset: TrainingDataset,
    *,
    by: User,
    version: str = "",
    seed: int = 0,
    split: Mapping[str, float] | None = None,
    release_notes: str = "",
) -> DatasetVersion:
    """Begin to freeze a dataset as `version`, or as what is suggested; a worker does it.

    One that could not be frozen may be begun again. Its number, seed, shares and release notes are its own from here on.

    Raises Invalid, or Conflict where the version exists or another one of the dataset is being frozen.
    """
    require(by, Permission.FREEZE_VERSION, dataset)
    dataset = TrainingDataset.objects.select_for_update(of=("self",)).select_related("module").get(pk=dataset.pk)
    number = semver.checked(version or suggest(dataset).version)
    shares = _shares(split or DEFAULT_SHARES)
    _check_bounds(seed, release_notes)
    _refuse_busy(dataset)
    facts = {
        "seed": seed,
        "split": shares,
        "release_notes": release_notes.strip(),
        "dataset_query": {"module": dataset.module.slug, **dataset.rule},
        "label_schema": dataset.module.schema.as_document(),
    }
    row = dataset.versions.filter(version=number, state=VersionState.DRAFT).first()
    if row is None:
        row = DatasetVersion(dataset=dataset, version=number, created_by=by)
        save_new(row, taken=f"There is a version {number} of {dataset.name} already; frozen versions never change.")
    row.move(VersionState.FREEZING, freeze_token="", freeze_beat_at=None, error_message="", **facts)
    record(by, "freeze", row, seed=seed, split=shares)
    enqueue("training.tasks.freeze_version", str(row.pk))
    return row


@transaction.atomic
def archive(version: DatasetVersion, *, by: User) -> DatasetVersion:
    """Put a frozen version away; it stays readable, and no new job may use it. Twice is success."""
    require(by, Permission.FREEZE_VERSION, version)
    if version.state != VersionState.ARCHIVED:
        version.move(VersionState.ARCHIVED, is_production=False)
        record(by, "archive", version)
    return version


@transaction.atomic
def promote(version: DatasetVersion, *, by: User) -> DatasetVersion:
    """Mark a frozen version as the one in production, in place of the one that was; twice is success."""
    require(by, Permission.FREEZE_VERSION, version)
    TrainingDataset.objects.select_for_update(of=("self",)).get(pk=version.dataset_id)  # at most one, whoever comes first
    version.refresh_from_db(fields=["state", "is_production"])
    if version.state != VersionState.FROZEN:
        raise Conflict(f"{version} is {version.state}; only a frozen version is in production.")
    if not version.is_production:
        former = DatasetVersion.objects.filter(dataset=version.dataset_id, is_production=True)
        replaced = former.values_list("version", flat=True).first()
        former.update(is_production=False)
        _mark_production(version, is_production=True)
        record(by, "promote", version, instead_of=replaced)
    return version


@transaction.atomic
def demote(version: DatasetVersion, *, by: User) -> DatasetVersion:
    """Take the mark of production from a version; twice is success."""
    require(by, Permission.FREEZE_VERSION, version)
    if DatasetVersion.objects.filter(pk=version.pk, is_production=True).exists():
        _mark_production(version, is_production=False)
        record(by, "demote", version)
    return version


def freeze(version_id: Any) -> DatasetVersion | None:
    """Fix the members of a version that is `freezing`: run by a worker, as often as it likes, by one at a time.

    Members, manifest and truth come from the same reading of each row. What a killed worker left is removed first.
    Answers the frozen version, or None where there was nothing to do for this worker.
    """
    version = _claim(version_id)
    if version is None:
        return None
    try:
        _clear(version)
        with TemporaryDirectory(prefix=_scratch_of(version), dir=local.scratch()) as folder:
            files = _gather(version, Path(folder))
            if not files.count:
                return _give_up(version, "The dataset holds no settled sample with an image, so there is nothing to freeze.")
            tell_planner(files.count)
            _store(version, "manifest", files.manifest_path, ObjectKind.MANIFEST)
            _store(version, "truth", files.truth_path, ObjectKind.TRUTH)
            return _seal(version, files)
    except LostFreeze:
        logger.warning("another worker took over the freeze", version=str(version.pk))
        return None


def sweep_freezing() -> int:
    """Wake a worker for each version whose freeze nobody does (a lost message, a killed worker); answers how many."""
    return wake(FREEZING, "training.tasks.freeze_version", prefix="freeze_")


def _claim(version_id: Any) -> DatasetVersion | None:
    return claim(FREEZING, version_id, "dataset__module", "manifest", "truth", prefix="freeze_")


def _beat(version: DatasetVersion, **fields: Any) -> None:
    """Say that this worker is alive, and hold the version within the transaction; raises LostFreeze."""
    mine = DatasetVersion.objects.filter(pk=version.pk, state=VersionState.FREEZING, freeze_token=version.freeze_token)
    if not mine.update(freeze_beat_at=timezone.now(), **fields):
        raise LostFreeze("Another worker took over this freeze.")


def _clear(version: DatasetVersion) -> None:
    """Remove what a killed freeze left: members, groups, objects, and its folder where it was on this host."""
    for folder in local.scratch().glob(f"{_scratch_of(version)}*"):
        shutil.rmtree(folder, ignore_errors=True)
    left = DatasetMember.objects.filter(version=version).order_by("sample_id")
    with transaction.atomic():
        _beat(version, sample_count=0)
        objects = _left_objects(version) if left.exists() else []  # else it was never begun, and none are looked for
    for left_object in objects:
        store(left_object.alias).remove(left_object.name)
    with transaction.atomic():
        _beat(version, manifest=None, truth=None)
        GroupSplit.objects.filter(version=version).delete()
        StoredObject.objects.filter(pk__in=[left_object.pk for left_object in objects]).delete()
    while members := list(left.values_list("sample_id", flat=True)[:CHUNK]):
        with transaction.atomic():
            _beat(version)
            DatasetMember.objects.filter(version=version, sample__lte=members[-1]).delete()
    version.manifest = version.truth = None


def _left_objects(version: DatasetVersion) -> list[StoredObject]:
    """Find what was stored for this version, also what its worker was killed before noting on it."""
    kinds = [ObjectKind.MANIFEST, ObjectKind.TRUTH]
    return list(StoredObject.objects.filter(kind__in=kinds, metadata__dataset_version=str(version.pk)))


def _scratch_of(version: DatasetVersion) -> str:
    return f"freeze-{version.pk}-"


def _gather(version: DatasetVersion, folder: Path) -> VersionFiles:
    """Read the dataset once, and write members, groups and both files."""
    reader, writer, division = Reader(version.dataset_id, CHUNK), Writer(version), Division(version)
    with VersionFiles(folder) as files, Beside() as beside, seldom_collected():
        files.statistics.labeled = labeled_in(version.dataset_id)
        more = reader.fetch()
        while more:
            members = reader.members()
            splits = division.splits_of(members)
            with transaction.atomic():
                need_not_wait()
                _beat(version, sample_count=files.count + len(members.key))
                with beside.run(partial(_write_and_read_on, writer, members.key, splits, reader)) as ahead:
                    files.add(members, splits)
                more = ahead.result()
        with transaction.atomic():
            _beat(version)
            division.write()
    return files


def _write_and_read_on(writer: Writer, keys: Sequence[int], splits: Sequence[str], reader: Reader) -> bool:
    """Write the members of a chunk and fetch the next one; answers whether there is one."""
    writer.write(keys, splits)
    return reader.fetch()


def _store(version: DatasetVersion, column: str, path: Path, kind: ObjectKind) -> None:
    """Store one file and note it on the version, so that a freeze that is killed later finds it."""
    metadata = {"dataset_version": str(version.pk), "uploaded_at": timezone.now().isoformat()}
    kept = stored_object.store_bytes(path, kind=kind, media_type=JSONL, metadata=metadata)
    setattr(version, column, kept)
    try:
        with transaction.atomic():
            _beat(version, **{column: kept})
    except LostFreeze:
        store(kept.alias).remove(kept.name)
        kept.delete()
        raise


@transaction.atomic
def _seal(version: DatasetVersion, files: VersionFiles) -> DatasetVersion:
    """Freeze: from here on nothing of the version changes."""
    _beat(version)
    version.move(
        VersionState.FROZEN,
        frozen_at=timezone.now(),
        fingerprint=files.fingerprint.value(),
        sample_count=files.count,
        statistics=files.statistics.as_document(),
    )
    erasure.catch_up(version)
    record(None, "frozen", version, fingerprint=version.fingerprint, samples=version.sample_count)
    return version


@transaction.atomic
def _give_up(version: DatasetVersion, sentence: str) -> None:
    _beat(version)
    version.move(VersionState.DRAFT, error_message=sentence, sample_count=0)
    record(None, "refuse", version, reason=sentence)


def _mark_production(version: DatasetVersion, *, is_production: bool) -> None:
    DatasetVersion.objects.filter(pk=version.pk).update(is_production=is_production)
    version.is_production = is_production


def _shares(split: Any) -> dict[str, float]:
    """Check the shares of train, validation and test; raises Invalid."""
    is_split = isinstance(split, Mapping) and bool(split) and set(split) <= set(SPLITS)
    if not is_split or not all(_is_share(share) for share in split.values()):
        raise Invalid("The split gives shares from 0 to 1 to train, validation and test.", errors={"split": ["is no split"]})
    shares = {name: float(split.get(name, 0.0)) for name in SPLITS}
    if not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-9) or not shares[Split.TRAIN]:
        raise Invalid(
            f"The shares must sum to 1, with some for train, not {canonical_json(shares)}.", errors={"split": ["sum"]}
        )
    return shares


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _check_bounds(seed: Any, release_notes: str) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool) or abs(seed) > MAX_SEED:
        raise Invalid("The seed must be a whole number of 64 bits.", errors={"seed": ["must be a whole number"]})
    if len(release_notes) > MAX_NOTES:
        raise Invalid(f"Release notes may have {MAX_NOTES} characters at most.", errors={"release_notes": ["too long"]})


def _refuse_busy(dataset: TrainingDataset) -> None:
    if dataset.status == DatasetStatus.ARCHIVED:
        raise Conflict(f"The dataset {dataset.name} is archived: it gets no more versions.")
    # one at a time, so that a group new to both cannot get two splits
    if busy := dataset.versions.filter(state=VersionState.FREEZING).values_list("version", flat=True).first():
        raise Conflict(f"Version {busy} of {dataset.name} is being frozen; wait until it is done.", code="freezing")
