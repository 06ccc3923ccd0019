"""What an erasure means for datasets, versions and models: who is touched, marking members, and files without their truth.

The manifest keeps each erased member's line with its hashes, so the fingerprint stays and can still be proven; what the line
said of place and time goes, and in the other file the truth is null.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import structlog
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from accounts.actions.event import record
from core.errors import Conflict
from core.hooks import Impact
from core.queue import enqueue
from learning.actions import object as stored_object
from learning.actions import purging
from learning.models import LearningSample, ObjectKind, StoredObject
from learning.models.erasure import MODEL_VERSION, UNFINISHED, Erasure, ErasureItem, ErasureState
from training import local
from training.actions import checkpoint, evaluation, exporting, growing, truth_change
from training.manifest import MANIFEST_NAME, TRUTH_NAME, read_members
from training.models import (
    DatasetMember,
    DatasetVersion,
    ImportedRecord,
    ModelVersion,
    TrainingSample,
    VersionComparison,
)

DATASET_VERSION = "dataset_version"
CLAIMED_FOR = timedelta(minutes=10)
CHUNK = 5_000
BLANK = {"event_id": "", "group": "", "camera_id": "", "captured_at": ""}
JSONL = "application/jsonl"

logger = structlog.get_logger(__name__)


def impact(samples: Sequence[int]) -> list[Impact]:
    """Say which versions hold these samples, which models learned from them, and what of an erasure is still to be done."""
    members = DatasetMember.objects.filter(sample__among=samples)
    counts = dict(members.values_list("version").annotate(Count("sample")))
    if not counts:
        return []
    versions = DatasetVersion.objects.filter(pk__in=list(counts)).select_related("dataset").order_by("pk")
    models = ModelVersion.objects.filter(dataset_version__in=list(counts)).order_by("pk")
    rows = [Impact(DATASET_VERSION, str(row.pk), _of_version(row, counts[row.pk])) for row in versions]
    rows += [Impact(MODEL_VERSION, str(row.pk), _of_model(row, counts[row.dataset_version_id])) for row in models]
    rows += [
        Impact(UNFINISHED, str(row.pk), f"The files of {row} are still to be written without the erased members.")
        for row in versions
        if row.truth_outdated
    ]
    return rows


def mark(samples: Sequence[int]) -> None:
    """Mark the members that were erased, in the transaction that erased them; what only retention took is left as it is."""
    erased = list(LearningSample.objects.filter(pk__among=samples, erased_at__isnull=False).values_list("pk", flat=True))
    if not erased:
        return
    TrainingSample.objects.filter(sample__among=erased).update(metadata={}, rejection_reason="")
    truth_change.forget(erased)
    evaluation.forget(erased)
    ImportedRecord.objects.filter(sample__among=erased).delete()
    exporting.withdraw(erased)
    growing.withdraw_videos(erased)
    members = DatasetMember.objects.filter(sample__among=erased, erased_at__isnull=True)
    counts = Counter(members.values_list("version_id", flat=True))
    members.update(erased_at=timezone.now())
    for version, count in sorted(counts.items()):
        _outdate(version, count)


def catch_up(version: DatasetVersion) -> None:
    """Mark members that were erased between being read and being written, in the transaction that seals the version."""
    since = version.created_at
    recent = Erasure.objects.filter(Q(state=ErasureState.RUNNING) | Q(finished_at__gte=since)).values_list("pk", flat=True)
    gone = ErasureItem.objects.filter(erasure__in=list(recent), done_at__gte=since, sample__isnull=False)
    keys = list(gone.values_list("sample_id", flat=True))
    count = 0
    for start in range(0, len(keys), CHUNK):
        members = DatasetMember.objects.filter(
            version=version, erased_at__isnull=True, sample__among=keys[start : start + CHUNK]
        )
        count += members.update(erased_at=timezone.now())
    if count:
        _outdate(version.pk, count)


def rewrite(version_id: Any) -> DatasetVersion | None:
    """Write manifest and truth of a version anew without its erased members, and destroy the old ones.

    Run by a worker, as often as it likes; None where there is nothing to do for this one. Raises StoreError.
    """
    version = _claim(version_id)
    if version is None:
        return None
    try:
        _drop_strays(version)
        with TemporaryDirectory(dir=local.scratch()) as folder:
            _write_files(version, Path(folder))
            kept = [
                _store(version, Path(folder) / MANIFEST_NAME, ObjectKind.MANIFEST),
                _store(version, Path(folder) / TRUTH_NAME, ObjectKind.TRUTH),
            ]
        _replace(version, *kept)
    finally:
        DatasetVersion.objects.filter(pk=version.pk).update(rewrite_until=None)
    purging.purge()
    local.forget_gone()
    enqueue("learning.tasks.sweep_erasures")
    return version


def sweep_outdated() -> int:
    """Wake a worker for each version whose files nobody rewrites; answers how many."""
    ids = list(_outdated().values_list("pk", flat=True)[:100])
    for pk in ids:
        enqueue("training.tasks.rewrite_truth", str(pk))
    return len(ids)


def _of_version(version: DatasetVersion, count: int) -> str:
    return f"{version}: {count:,} of {version.sample_count:,} members are marked erased; the fingerprint stays."


def _of_model(model: ModelVersion, count: int) -> str:
    return f"{model} ({model.status}) learned from a version that holds {count:,} of them."


def _outdate(version: Any, count: int) -> None:
    rows = DatasetVersion.objects.filter(pk=version)
    rows.update(erased_count=F("erased_count") + count, truth_outdated=True)
    checkpoint.forget(version)
    VersionComparison.objects.filter(Q(before=version) | Q(after=version)).delete()  # it may show what shall be gone
    enqueue("training.tasks.rewrite_truth", str(version))


def _outdated() -> Any:
    free = Q(rewrite_until__isnull=True) | Q(rewrite_until__lt=timezone.now())
    return DatasetVersion.objects.filter(free, truth_outdated=True, frozen_at__isnull=False)


def _claim(version_id: Any) -> DatasetVersion | None:
    if not _outdated().filter(pk=version_id).update(rewrite_until=timezone.now() + CLAIMED_FOR):
        return None
    return DatasetVersion.objects.select_related("dataset", "manifest", "truth").get(pk=version_id)


def _drop_strays(version: DatasetVersion) -> None:
    """Delete what a killed worker stored for this version and nobody refers to."""
    own = [kept.pk for kept in (version.manifest, version.truth) if kept is not None]
    strays = StoredObject.objects.filter(
        kind__in=[ObjectKind.MANIFEST, ObjectKind.TRUTH], metadata__dataset_version=str(version.pk), deleted_at__isnull=True
    )
    with transaction.atomic():
        purging.delete(strays.exclude(pk__in=own).values_list("pk", flat=True))


def _write_files(version: DatasetVersion, folder: Path) -> None:
    """Copy both files line by line, emptied where the member was erased; the members' rows come in the order of the lines."""
    assert version.manifest is not None
    assert version.truth is not None
    old = [local.cached(kept.name, kept.alias, kept.sha256) for kept in (version.manifest, version.truth)]
    with (folder / MANIFEST_NAME).open("xb") as manifest, (folder / TRUTH_NAME).open("xb") as truth:
        for (line, right), (sample_id, is_erased) in zip(read_members(old[0], old[1]), _members(version), strict=True):
            if line["sample_id"] != sample_id:
                raise Conflict(f"The files of {version} do not list its members in their order; verify the version.")
            if is_erased:
                line = {key: value for key, value in {**line, **BLANK}.items() if key != "source"}  # noqa: PLW2901
                right = {"sample_id": sample_id, "truth": None}  # noqa: PLW2901
            manifest.write(orjson.dumps(line) + b"\n")
            truth.write(orjson.dumps(right) + b"\n")


def _members(version: DatasetVersion) -> Iterator[tuple[str, bool]]:
    """Read the members in the order in which the freeze wrote them: by the sample's key."""
    rows, last = DatasetMember.objects.filter(version=version).order_by("sample_id"), 0
    while chunk := list(rows.filter(sample__gt=last).values_list("sample_id", "sample__sample_id", "erased_at")[:CHUNK]):
        for _, name, erased_at in chunk:
            yield name, erased_at is not None
        last = chunk[-1][0]


def _store(version: DatasetVersion, path: Path, kind: ObjectKind) -> StoredObject:
    metadata = {"dataset_version": str(version.pk), "uploaded_at": timezone.now().isoformat()}
    return stored_object.store_bytes(path, kind=kind, media_type=JSONL, metadata=metadata)


@transaction.atomic
def _replace(version: DatasetVersion, manifest: StoredObject, truth: StoredObject) -> None:
    """Put the new files in the place of the old ones, which go; members erased meanwhile have it written once more."""
    now = DatasetVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    old = [key for key in (now.manifest_id, now.truth_id) if key]
    is_outdated = now.erased_count != version.erased_count
    DatasetVersion.objects.filter(pk=now.pk).update(manifest=manifest, truth=truth, truth_outdated=is_outdated)
    purging.delete(old)
    record(None, "rewrite", now, erased=version.erased_count)
    if is_outdated:
        enqueue("training.tasks.rewrite_truth", str(now.pk))
