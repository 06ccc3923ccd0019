"""Verbs on exports: ask for one, have it made by a worker, take it back, fetch it; and what an erasure makes of them."""

import re
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.claims import claim, wake
from core.errors import Conflict, Invalid, Refusal
from core.lifecycle import LostRace
from core.queue import enqueue
from core.storage import SignedRequest, StoreError
from learning.actions import object as stored_object
from learning.actions import purging
from learning.models import LearningSample, ObjectKind, StoredObject
from training import local
from training.actions.exporting_file import Written, media_type_of, suffix_of, write
from training.formats import FORMATS
from training.models import DatasetExport, DatasetVersion, ExportState, TrainingDataset

logger = structlog.get_logger(__name__)

MOST_TRIES = 3
MOST_AT_ONCE = 5
LINK_SECONDS = 900
UNSAFE = re.compile(r"[^a-z0-9.]+")
STORE_OUT = "The store did not take the file, {tries} times. Look at the page of the system, then export again."
FAULT = "A fault of the hub stopped this; the log of the workers says more."
KILLED = "The worker was lost {tries} times while it made this: look whether it has room and memory, then export again."


class LostExport(LostRace):
    """The export was taken back, or another worker makes it."""


@transaction.atomic
def ask(
    dataset: TrainingDataset,
    *,
    by: User,
    format: str,  # noqa: A002  (the word everybody uses)
    version: DatasetVersion | None = None,
    with_images: bool = False,
    by_split: bool | None = None,
) -> DatasetExport:
    """Have a frozen `version`, or the settled members as they are now, written in a format by a worker.

    With `by_split` (of a version, unless it is said otherwise) the file tells the splits as its format can: in folders, or of
    each image. Asked again while the same is being made, it answers that one. Raises Invalid for options that do not fit, Conflict for a
    version that is not frozen, or where too many exports of the dataset wait.
    """
    require(by, Permission.MANAGE_DATASETS, dataset)
    if format not in FORMATS:
        raise Invalid(f"A format is one of {', '.join(sorted(FORMATS))}.", errors={"format": ["is not known"]})
    if version is not None and version.dataset_id != dataset.pk:
        raise Invalid("The version is of another dataset.", errors={"version": ["is of another dataset"]})
    if version is not None and version.frozen_at is None:
        raise Conflict(f"{version} is {version.state}; it can be exported once it is frozen.")
    if FORMATS[format].needs_images and not with_images:
        raise Invalid(f"{FORMATS[format].title} are nothing without images.", errors={"with_images": ["is needed"]})
    if by_split and version is None:
        raise Invalid("Only a frozen version is divided into splits.", errors={"by_split": ["needs a version"]})
    TrainingDataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)  # so that two at once are counted
    by_split = version is not None if by_split is None else by_split
    asked = {"version": version, "format": format, "with_images": with_images, "by_split": by_split}
    unfinished = DatasetExport.objects.unfinished().filter(dataset=dataset)
    if same := unfinished.filter(**asked, created_by=by).first():
        return same
    if unfinished.count() >= MOST_AT_ONCE:
        raise Conflict(f"{MOST_AT_ONCE} exports of {dataset.name} wait already; take one back, or wait until one is done.")
    total = _size(dataset) if version is None else version.sample_count - version.erased_count
    export = DatasetExport.objects.create(dataset=dataset, created_by=by, total=total, **asked)
    record(by, "export", export, format=format, version=version.version if version else None, with_images=with_images)
    enqueue("training.tasks.build_export", str(export.pk))
    return export


@transaction.atomic
def cancel(export: DatasetExport, *, by: User) -> DatasetExport:
    """Take an export back; whoever makes it stops within moments. Twice is success; one that is over is a Conflict."""
    require(by, Permission.MANAGE_DATASETS, export)
    if export.state != ExportState.CANCELLED:
        export.move(ExportState.CANCELLED, finished_at=timezone.now(), token="")
        record(by, "cancel", export)
    return export


def link(export: DatasetExport, *, by: User) -> SignedRequest:
    """Sign a download of the file, good for a quarter of an hour; each link is on record. Raises Conflict where it is gone."""
    require(by, Permission.MANAGE_DATASETS, export)
    if export.object is None or not export.is_there:
        gone = "gone: its days are over, or an erasure took it"
        raise Conflict(
            f"The file of this export is {gone if export.state == ExportState.DONE else 'not made'}.", code="no_file"
        )
    with transaction.atomic():
        record(by, "link", export)
    return export.object.signed_get(seconds=LINK_SECONDS, filename=file_name(export))


def file_name(export: DatasetExport) -> str:
    """Name the file for people: what was exported, how, and when; nothing in it can lead out of a folder."""
    when = export.version.version if export.version else f"{export.created_at:%Y-%m-%d}"
    spelled = f"{UNSAFE.sub('-', export.dataset.name.lower()).strip('-.')[:80] or 'dataset'}-{when}-{export.format}"
    return f"{spelled.replace('_', '-')}{suffix_of(export)}"


def build(export_id: Any) -> DatasetExport | None:
    """Write an export and store it: run by a worker, as often as it likes, by one at a time.

    Nothing of it is seen before it is whole, and what a killed worker left is removed first. Answers the finished export, or
    None where there was nothing to do, or it could not be done.
    """
    export = _claim(export_id)
    if export is None:
        return None
    try:
        _clear(export)
        with TemporaryDirectory(prefix=_scratch_of(export), dir=local.scratch()) as folder:
            path = Path(folder) / "export"
            beat = Beat(export)
            written = write(export, path, tick=beat)
            beat.now(written.count, written.bytes)
            metadata = {"uploaded_at": timezone.now().isoformat(timespec="seconds"), "dataset_export": str(export.pk)}
            expires = timezone.now() + timedelta(days=settings.EXPORT_DAYS)
            kept = stored_object.store_bytes(
                path,
                kind=ObjectKind.EXPORT,
                media_type=media_type_of(export),
                metadata=metadata,
                delete_at=expires,
                tick=beat.again,
            )
        return _finish(export, kept, written)
    except LostExport:
        logger.info("an export was taken back, or another worker makes it", export=str(export.pk))
    except Refusal as refusal:
        _fail(export, refusal.detail)
    except StoreError:
        logger.exception("the store did not take an export", export=str(export.pk))
        _try_again(export)
    except OSError as error:
        logger.exception("an export could not be written", export=str(export.pk))
        _fail(export, f"The worker could not write the file: {error.strerror or 'an error of its disk'}.")
    except Exception:  # whatever it is, it must not be tried for ever, and its person reads that it ended
        logger.exception("an export broke off", export=str(export.pk))
        _fail(export, FAULT)
    return None


def sweep() -> int:
    """Wake a worker for each export that nobody makes (a lost message, a killed worker); answers how many."""
    return wake(DatasetExport.objects.unfinished(), "training.tasks.build_export")


def withdraw(samples: Iterable[int]) -> int:
    """Destroy what exports may hold of erased samples, in the erasure's transaction; answers how many files went.

    All exports of their modules go, for a sample may have left a dataset after it was exported. Those that are being made
    begin anew. Unfinished ones first: one that begins or ends at this moment waits for us, or is found by what follows.
    """
    modules = list(LearningSample.objects.filter(pk__among=samples).values_list("module", flat=True).distinct())
    datasets = TrainingDataset.objects.filter(module__in=modules)
    exports = DatasetExport.objects.filter(dataset__in=datasets)
    if exports.unfinished().update(token="", beat_at=None, tries=0, done=0):
        for pk in exports.unfinished().values_list("pk", flat=True):
            enqueue("training.tasks.build_export", str(pk))
    return purging.delete(
        exports.filter(object__deleted_at__isnull=True, object__isnull=False).values_list("object", flat=True)
    )


def _size(dataset: TrainingDataset) -> int:
    """Answer how many samples a dataset holds; those that are not settled are among them."""
    counted: Any = TrainingDataset.objects.with_counts().get(pk=dataset.pk)
    return int(counted.sample_count)


def _claim(export_id: Any) -> DatasetExport | None:
    """Become the worker of this export, unless it is over or another one is alive; gives it up after too many tries."""
    relations = ("dataset__module", "version__dataset", "version__manifest", "version__truth", "created_by")
    export = claim(DatasetExport.objects.unfinished(), export_id, *relations)
    if export is None:
        return None
    if export.tries >= MOST_TRIES:
        _fail(export, KILLED.format(tries=MOST_TRIES))
        return None
    begun = {"tries": export.tries + 1, "done": 0, "bytes": 0, "notes": {}, "started_at": export.beat_at}
    if export.state == ExportState.PENDING:
        export.move(ExportState.RUNNING, **begun)
    else:
        _mine(export).update(**begun)
        for name, value in begun.items():
            setattr(export, name, value)
    return export


def _clear(export: DatasetExport) -> None:
    """Remove what an earlier worker of this export left: a folder of scratch, and a file that nobody refers to."""
    for folder in local.scratch().glob(f"{_scratch_of(export)}*"):
        shutil.rmtree(folder, ignore_errors=True)
    if export.tries > 1:
        left = StoredObject.objects.filter(
            kind=ObjectKind.EXPORT, metadata__dataset_export=str(export.pk), deleted_at__isnull=True
        )
        with transaction.atomic():
            purging.delete(left.values_list("pk", flat=True))
        purging.purge()


def _scratch_of(export: DatasetExport) -> str:
    return f"export-{export.pk}-"


def _mine(export: DatasetExport) -> Any:
    return DatasetExport.objects.filter(pk=export.pk, token=export.token, state=ExportState.RUNNING)


class Beat:
    """Says about every second that this worker is alive, and how far it is; raises LostExport where it is so no more."""

    EVERY = 1.0

    def __init__(self, export: DatasetExport) -> None:
        self.export, self.last, self.done, self.bytes = export, monotonic(), 0, 0

    def __call__(self, done: int, size: int) -> None:
        """Note how many samples and bytes are written; called as often as one likes."""
        self.done, self.bytes = done, size
        self.again()

    def again(self) -> None:
        """Say it again where the last time is a second ago."""
        if monotonic() - self.last >= self.EVERY:
            self.now(self.done, self.bytes)

    def now(self, done: int, size: int) -> None:
        """Say it at once."""
        self.last, self.done, self.bytes = monotonic(), done, size
        if not _mine(self.export).update(beat_at=timezone.now(), done=done, bytes=size):
            raise LostExport("The export was taken back, or another worker makes it.")


def _finish(export: DatasetExport, kept: StoredObject, written: Written) -> DatasetExport:
    """Show the file; where the export was taken back meanwhile it goes again."""
    facts = {"object": kept, "expires_at": kept.delete_at, "notes": dict(written.notes), "total": written.count}
    with transaction.atomic():
        is_mine = _mine(export).update(done=written.count, bytes=kept.size)
        if is_mine:
            export.move(ExportState.DONE, finished_at=timezone.now(), token="", done=written.count, bytes=kept.size, **facts)
            record(None, "exported", export, samples=written.count, size=kept.size, asked_for_by=export.created_by_id)
        else:
            purging.delete([kept.pk])
    if not is_mine:
        purging.purge()
        raise LostExport("The export was taken back, or another worker makes it.")
    return export


@transaction.atomic
def _fail(export: DatasetExport, sentence: str) -> None:
    """End it with a sentence for people, unless it was taken back meanwhile."""
    if DatasetExport.objects.unfinished().filter(pk=export.pk, token=export.token).update(beat_at=timezone.now()):
        export.move(ExportState.FAILED, finished_at=timezone.now(), token="", error_message=sentence[:500])
        record(None, "fail", export, reason=sentence[:500], asked_for_by=export.created_by_id)


def _try_again(export: DatasetExport) -> None:
    """Leave it to the sweeper, unless it was tried often enough."""
    if export.tries >= MOST_TRIES:
        _fail(export, STORE_OUT.format(tries=MOST_TRIES))
