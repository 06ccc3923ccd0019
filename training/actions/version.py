"""Verbs on dataset versions: what *freeze* fixes, and how it survives being killed."""

import math
import secrets
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.canonical import canonical_json
from core.errors import Conflict, Invalid
from core.lifecycle import LostRace
from core.queue import enqueue
from core.storage import store
from learning.actions import object as stored_object
from learning.models import HitlLabel, ObjectKind, SampleState, StoredObject
from learning.models.sample import may_be_trained_on
from training import local, semver
from training.actions import erasure
from training.actions.splits import divide
from training.fingerprint import SPLITS
from training.manifest import Member, VersionFiles
from training.models import (
    DatasetMember,
    DatasetStatus,
    DatasetVersion,
    GroupSplit,
    Split,
    TrainingDataset,
    TrainingSample,
    VersionState,
)
from training.saving import save_new

logger = structlog.get_logger(__name__)

CHUNK = 5_000
LOST_AFTER = timedelta(seconds=60)
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
    version: str,
    seed: int = 0,
    split: Mapping[str, float] | None = None,
    release_notes: str = "",
) -> DatasetVersion:
    """Begin to freeze a dataset as `version`; a worker does it. One that could not be frozen may be begun again.

    Raises Invalid, or Conflict where the version exists or another one of the dataset is being frozen.
    """
    require(by, Permission.FREEZE_VERSION, dataset)
    dataset = TrainingDataset.objects.select_for_update(of=("self",)).select_related("module").get(pk=dataset.pk)
    number, shares = semver.checked(version), _shares(split or DEFAULT_SHARES)
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
        with TemporaryDirectory(dir=local.scratch()) as folder:
            files = _gather(version, Path(folder))
            if not files.count:
                return _give_up(version, "The dataset holds no settled sample with an image, so there is nothing to freeze.")
            _store(version, "manifest", files.manifest_path, ObjectKind.MANIFEST)
            _store(version, "truth", files.truth_path, ObjectKind.TRUTH)
        return _seal(version, files)
    except LostFreeze:
        logger.warning("another worker took over the freeze", version=str(version.pk))
        return None


def sweep_freezing() -> int:
    """Wake a worker for each version whose freeze nobody does (a lost message, a killed worker); answers how many."""
    stale = timezone.now() - LOST_AFTER
    waiting = Q(freeze_beat_at__lt=stale) | Q(freeze_beat_at__isnull=True)
    ids = list(DatasetVersion.objects.filter(waiting, state=VersionState.FREEZING).values_list("pk", flat=True)[:100])
    for pk in ids:
        enqueue("training.tasks.freeze_version", str(pk))
    return len(ids)


def _claim(version_id: Any) -> DatasetVersion | None:
    """Become the worker of this freeze, unless it is done or another one is alive."""
    free = Q(freeze_beat_at__isnull=True) | Q(freeze_beat_at__lt=timezone.now() - LOST_AFTER)
    token = secrets.token_hex(16)
    rows = DatasetVersion.objects.filter(free, pk=version_id, state=VersionState.FREEZING)
    if not rows.update(freeze_token=token, freeze_beat_at=timezone.now()):
        return None
    return DatasetVersion.objects.select_related("dataset__module", "manifest", "truth").get(pk=version_id, freeze_token=token)


def _beat(version: DatasetVersion, **fields: Any) -> None:
    """Say that this worker is alive, and hold the version within the transaction; raises LostFreeze."""
    mine = DatasetVersion.objects.filter(pk=version.pk, state=VersionState.FREEZING, freeze_token=version.freeze_token)
    if not mine.update(freeze_beat_at=timezone.now(), **fields):
        raise LostFreeze("Another worker took over this freeze.")


def _clear(version: DatasetVersion) -> None:
    """Remove what a killed freeze left: members, groups, objects."""
    for rows, key in ((DatasetMember.objects, "sample_id"), (GroupSplit.objects, "group_hash")):
        left = rows.filter(version=version)
        while keys := list(left.values_list(key, flat=True)[:CHUNK]):
            with transaction.atomic():
                _beat(version)
                left.filter(**{f"{key}__in": keys}).delete()
    for left_object in (version.manifest, version.truth):
        if left_object is not None:
            store(left_object.alias).remove(left_object.name)
    with transaction.atomic():
        _beat(version, manifest=None, truth=None)
        keys = [left_object.pk for left_object in (version.manifest, version.truth) if left_object is not None]
        StoredObject.objects.filter(pk__in=keys).delete()
    version.manifest = version.truth = None


def _gather(version: DatasetVersion, folder: Path) -> VersionFiles:
    """Read the dataset once, and write members, groups and both files."""
    with VersionFiles(folder) as files:
        for members in _settled_members(version.dataset_id):
            _take(version, members, files)
    return files


def _settled_members(dataset_id: Any) -> Iterator[list[Member]]:
    """Read the settled samples of a dataset that have an object, in short chunks by key: no long snapshot is held."""
    weighed = HitlLabel.objects.filter(sample=OuterRef("sample"), confidence_override__isnull=False)
    rows = (
        TrainingSample.objects.filter(dataset=dataset_id, rejection_reason="")
        .filter(sample__state=SampleState.SETTLED, sample__object__isnull=False, sample__object__deleted_at__isnull=True)
        .filter(may_be_trained_on("sample__"))  # consent may have been withdrawn since it was gathered
        .annotate(weight=Subquery(weighed.order_by("-id").values("confidence_override")[:1]))
        .order_by("sample_id")
    )
    last = 0
    while chunk := [Member(*row) for row in rows.filter(sample_id__gt=last).values_list(*COLUMNS)[:CHUNK]]:
        yield chunk
        last = chunk[-1].key


COLUMNS = (
    "sample_id",
    "sample__sample_id",
    "sample__event_id",
    "sample__source_name",
    "sample__group_key",
    "sample__label_status",
    "sample__captured_at",
    "sample__image_quality_score",
    "sample__truth",
    "sample__truth_sha256",
    "sample__city__slug",
    "sample__camera__camera_id",
    "weight",
    "sample__object__name",
    "sample__object__sha256",
    "sample__object__size",
    "sample__object__media_type",
    "sample__object__width",
    "sample__object__height",
)


def _take(version: DatasetVersion, members: list[Member], files: VersionFiles) -> None:
    """Write one chunk: members and new groups in one transaction, their lines in the files."""
    split_for, new = divide(version, members)
    with transaction.atomic():
        _beat(version)
        GroupSplit.objects.bulk_create(GroupSplit(version=version, group_hash=key, split=split) for key, split in new.items())
        DatasetMember.objects.bulk_create(
            DatasetMember(version=version, sample_id=member.key, split=split_for[member.key]) for member in members
        )
    for member in members:
        files.add(member, split_for[member.key])


def _store(version: DatasetVersion, column: str, path: Path, kind: ObjectKind) -> None:
    """Store one file and note it on the version, so that a freeze that is killed later finds it."""
    metadata = {"dataset_version": str(version.pk), "uploaded_at": timezone.now().isoformat()}
    kept = stored_object.store_bytes(path, kind=kind, media_type=JSONL, metadata=metadata)
    setattr(version, column, kept)
    with transaction.atomic():
        _beat(version, **{column: kept})


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
    version.move(VersionState.DRAFT, error_message=sentence)
    record(None, "refuse", version, reason=sentence)


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
