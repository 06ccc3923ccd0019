"""Verbs on growths: a dataset grows by its rule, by an archive of images or by a video, carried out by a worker.

The row is the job. Every step is written with how far it came, in one transaction that first says that this worker is alive: so a
worker may be killed anywhere, and another one goes on where it stopped.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.claims import claim, wake
from core.errors import Conflict, Refusal
from core.lifecycle import LostRace
from core.queue import enqueue
from learning.actions import discarding, image_import, purging
from learning.models import StoredObject
from training.actions import dataset as dataset_verbs
from training.actions.sources import archive_images, video_frames
from training.actions.taking import Taken, Taking, take
from training.gathered import preview
from training.models import DatasetGrowth, GrowthKind, GrowthState, TrainingDataset, VideoFrame
from training.rule import Rule

CHUNK = 5_000
AT_ONCE = 100
MOST_FAULTS = 5
SHOWN_REFUSALS = 200
BEAT_SECONDS = 5.0

logger = structlog.get_logger(__name__)


class LostGrowth(LostRace):
    """Another worker took over this growth, or it was cancelled."""


@transaction.atomic
def begin_by_rule(dataset: TrainingDataset, *, by: User) -> DatasetGrowth:
    """Have a worker add all that the rule selects and the dataset lacks; one that is under way is answered as it is."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    rows = DatasetGrowth.objects.running().filter(dataset=dataset, kind=GrowthKind.RULE)
    if there := rows.first():
        return there
    try:
        with transaction.atomic():
            return begin(dataset, GrowthKind.RULE, by=by, options={"rule": dataset.rule})
    except IntegrityError:
        return rows.get()


def refresh(dataset: TrainingDataset, *, by: User) -> int | DatasetGrowth:
    """Add what the rule selects and the dataset lacks: at once where that is little (answers how many), else by a worker."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    if preview(dataset, Rule.read(dataset.rule)).is_small:
        return dataset_verbs.refresh(dataset, by=by)
    return begin_by_rule(dataset, by=by)


@transaction.atomic
def begin(dataset: TrainingDataset, kind: str, *, by: User, **facts: Any) -> DatasetGrowth:
    """Have a worker bring in what `facts` name (source, source_name, city, options), in the caller's transaction."""
    growth = DatasetGrowth.objects.create(dataset=dataset, kind=kind, created_by=by, **facts)
    record(by, "grow", growth, dataset=str(dataset.pk), kind=kind)
    enqueue("training.tasks.run_growth", str(growth.pk))
    return growth


@transaction.atomic
def cancel(growth: DatasetGrowth, *, by: User) -> DatasetGrowth:
    """Stop after the step that is under way; what was added stays. Twice is success."""
    require(by, Permission.MANAGE_DATASETS, growth.dataset)
    if growth.state != GrowthState.CANCELLED:
        growth.move(GrowthState.CANCELLED, finished_at=timezone.now())
        record(by, "cancel", growth, dataset=str(growth.dataset_id), added=growth.added)
        enqueue("training.tasks.sweep_growths")
    return growth


def run(growth_id: Any) -> DatasetGrowth | None:
    """Carry a growth out to its end; None where there was nothing to do for this worker."""
    growth = _claim(growth_id)
    if growth is None:
        return None
    try:
        _withdraw_unseen(growth)
        require(growth.created_by, Permission.MANAGE_DATASETS, growth.dataset)
        dataset_verbs.refuse_archived(growth.dataset)
        {GrowthKind.RULE: _by_rule, GrowthKind.ARCHIVE: _by_archive, GrowthKind.VIDEO: _by_video}[GrowthKind(growth.kind)](
            growth
        )
        _finish(growth, GrowthState.DONE)
    except LostGrowth:
        logger.warning("the growth is in other hands, or was cancelled", growth=str(growth.pk))
    except Refusal as refusal:
        _finish(growth, GrowthState.FAILED, refusal.detail[:500])
    except Exception as fault:  # whatever it is, it must neither stop others nor be tried for ever
        logger.exception("a growth broke off", growth=str(growth.pk))
        _note_fault(growth, type(fault).__name__)
    return growth


def sweep() -> None:
    """Wake a worker for each growth that nobody carries out, and remove what ended ones left unseen."""
    wake(DatasetGrowth.objects.running().order_by("created_at"), "training.tasks.run_growth")
    for ended in DatasetGrowth.objects.exclude(state=GrowthState.RUNNING).exclude(unseen=[])[:100]:
        _withdraw_unseen(ended)


def withdraw_videos(erased: list[int]) -> int:
    """Delete the videos of which one of these samples is a frame, in the transaction that erased them; other frames stay."""
    frames = VideoFrame.objects.filter(sample__among=erased)
    videos = set(frames.values_list("video", flat=True))
    if not videos:
        return 0
    frames.delete()
    return purging.delete(videos)


@dataclass
class _Step:
    """What one step of a growth came to."""

    position: int
    seen: int
    taken: Taken = field(default_factory=Taken)


def _by_rule(growth: DatasetGrowth) -> None:
    dataset = growth.dataset
    matching = Rule.read(growth.options["rule"]).samples(dataset.module, dataset.organization)
    if growth.total is None:
        _beat(growth, total=matching.count())
    while ids := list(matching.filter(id__gt=growth.position).order_by("id").values_list("id", flat=True)[:CHUNK]):
        with transaction.atomic():
            _beat(growth)
            added = dataset_verbs.gather(dataset, matching.filter(id__gt=growth.position, id__lte=ids[-1]))
            _note(growth, _Step(ids[-1], len(ids), Taken(added=added, known=len(ids) - added)))


def _by_archive(growth: DatasetGrowth) -> None:
    source = _source(growth)
    with archive_images(source, tick=_ticking(growth)) as archive:
        if growth.total is None:
            _beat(growth, total=len(archive.names), refused=dict(archive.left_out))
        while names := archive.names[growth.position : growth.position + AT_ONCE]:
            _take(growth, archive.read(names), _Step(growth.position + len(names), len(names)))


def _by_video(growth: DatasetGrowth) -> None:
    source, options = _source(growth), growth.options
    with video_frames(source, growth.source_name, options, after=growth.position, tick=_ticking(growth)) as video:
        if growth.total is None:
            _beat(growth, total=video.total)
        while pictures := video.read(growth.seen, AT_ONCE):
            _take(growth, pictures, _Step(video.position, len(pictures)), video=source)
        if video.is_cut:
            _beat(growth, refused={**growth.refused, "too_many_frames": 1})


def _take(growth: DatasetGrowth, pictures: list[Taking], step: _Step, video: StoredObject | None = None) -> None:
    """Take pictures in: store them unseen, then show them, bring them into the dataset and note it, all at once."""

    def unseen(keys: list[int]) -> None:
        _beat(growth, unseen=keys)

    def written(taken: Taken) -> None:
        step.taken = taken
        if video is not None:
            frames = [VideoFrame(sample_id=key, video=video, second=second) for key, second in taken.seconds.items()]
            VideoFrame.objects.bulk_create(frames, ignore_conflicts=True)
        _beat(growth, unseen=[])
        _note(growth, step)

    take(growth.dataset, pictures, city=growth.city, by=growth.created_by, unseen=unseen, written=written)


def _source(growth: DatasetGrowth) -> StoredObject:
    if growth.source is None or growth.source.deleted_at is not None:
        raise Conflict("The file is not in the store any more: an erasure took it, or its days were over. Bring it again.")
    return growth.source


def _claim(growth_id: Any) -> DatasetGrowth | None:
    relations = ("dataset__organization", "dataset__module", "created_by", "city", "source")
    return claim(DatasetGrowth.objects.running(), growth_id, *relations)


def _beat(growth: DatasetGrowth, **fields: Any) -> None:
    """Say that this worker is alive, write `fields`, and hold the row within a transaction; raises LostGrowth."""
    mine = DatasetGrowth.objects.filter(pk=growth.pk, state=GrowthState.RUNNING, token=growth.token)
    if not mine.update(beat_at=timezone.now(), **fields):
        raise LostGrowth("Another worker took over, or it was cancelled.")
    for name, value in fields.items():
        setattr(growth, name, value)


def _ticking(growth: DatasetGrowth) -> Any:
    """Answer what to call often: it says every few seconds that this worker is alive."""
    last = time.monotonic()

    def tick() -> None:
        nonlocal last
        if time.monotonic() - last > BEAT_SECONDS:
            _beat(growth)
            last = time.monotonic()

    return tick


def _note(growth: DatasetGrowth, step: _Step) -> None:
    """Write what a step came to, in its transaction."""
    taken = step.taken
    if taken.added:
        dataset_verbs.activate(growth.dataset)
    room = max(0, SHOWN_REFUSALS - len(growth.refusals))
    _beat(
        growth,
        position=step.position,
        seen=growth.seen + step.seen,
        added=growth.added + taken.added,
        known=growth.known + taken.known,
        refused=dict(Counter(growth.refused) + Counter(refusal["reason"] for refusal in taken.refused)),
        refusals=growth.refusals + taken.refused[:room],
        faults=0,
    )


@transaction.atomic
def _finish(growth: DatasetGrowth, state: str, sentence: str = "") -> None:
    try:
        _beat(growth)
        growth.move(state, error_message=sentence, finished_at=timezone.now())
    except LostRace:
        return
    facts: Mapping[str, Any] = {"added": growth.added, "known": growth.known, "refused": growth.refused_count}
    record(growth.created_by, "finish", growth, dataset=str(growth.dataset_id), state=str(state), **facts)
    if growth.unseen:
        enqueue("training.tasks.sweep_growths")


@transaction.atomic
def _note_fault(growth: DatasetGrowth, name: str) -> None:
    """Count that it broke off: the sweeper tries again, a few times."""
    mine = DatasetGrowth.objects.filter(pk=growth.pk, state=GrowthState.RUNNING, token=growth.token)
    if not mine.update(faults=growth.faults + 1):
        return
    if growth.faults + 1 >= MOST_FAULTS:
        sentence = f"A fault of the hub stopped this {MOST_FAULTS} times ({name}); the log of the workers says more."
        _finish(growth, GrowthState.FAILED, f"{sentence} What was added stays.")


def _withdraw_unseen(growth: DatasetGrowth) -> None:
    """Remove what a killed worker stored and nobody has seen."""
    if not growth.unseen:
        return
    with transaction.atomic():
        names = image_import.withdraw(growth.unseen)
        DatasetGrowth.objects.filter(pk=growth.pk, unseen=growth.unseen).update(unseen=[])
    growth.unseen = []
    discarding.remove_discarded(names)
