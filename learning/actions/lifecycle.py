"""Carrying out the retention rules: mark what is due, delete it after the grace, move what is old to the archive's class.

Every step is walked in chunks by the same function for the plan and for the run, so what the plan counts is what the run
does. Each chunk is one transaction; a run may be killed anywhere, and the next one goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.hooks import erasure_impact, objects_gone
from core.storage import StoreError, store
from learning.actions import purging
from learning.models import LearningSample, LifecycleRun, ObjectKind, StoredObject
from learning.models.object import MADE_BY_RUNS, MARKED, TO_ARCHIVE, TO_MARK
from learning.models.retention import GRACE, held

CHUNK = 500
SHOWN = 5
DATASET_VERSION = "dataset_version"
SUBJECT_TO_RULES = [ObjectKind.IMAGE, ObjectKind.VIDEO, ObjectKind.FEATURES]


@dataclass
class Step:
    """What one step finds: objects and bytes, the first of them, and how many were kept back by what."""

    objects: int = 0
    bytes: int = 0
    kept_by_hold: int = 0
    kept_by_version: int = 0
    note: str = ""
    examples: list[dict[str, Any]] = field(default_factory=list)

    def count(self, objects: Sequence[StoredObject]) -> None:
        """Count objects, and show the first."""
        self.objects += len(objects)
        self.bytes += sum(obj.size for obj in objects)
        self.examples += [
            {"object": str(obj.pk), "size": obj.size, "due": _due(obj)} for obj in objects[: SHOWN - len(self.examples)]
        ]

    def as_document(self) -> dict[str, Any]:
        """Spell the step for pages, commands and the run's row."""
        return vars(self)


def plan(*, by: User | None) -> dict[str, dict[str, Any]]:
    """Say what a run would do now, and do nothing: per step how many objects and bytes, examples, and what is kept back."""
    _may(by)
    steps = {name: Step() for name in STEPS}
    for name, (rows, _) in STEPS.items():
        for chunk in _in_chunks(rows()):
            free = _free(chunk, steps[name]) if name != "archive" else chunk
            steps[name].count(free)
    if not _archive_class():
        steps["archive"] = Step()
    return {name: step.as_document() for name, step in steps.items()}


def run(*, by: User | None) -> LifecycleRun:
    """Do what is due; by the beat (None) once a day, or when somebody asks. Raises nothing for a store that is out."""
    _may(by)
    walk = LifecycleRun.objects.create()
    steps = {name: Step() for name in STEPS}
    for name, (rows, _) in STEPS.items():
        for chunk in _in_chunks(rows()):
            free = _free(chunk, steps[name]) if name != "archive" else chunk
            if free and not _act(walk, name, free, steps[name]):
                break
    purged = purging.purge()
    with transaction.atomic():
        walk.finished_at = timezone.now()
        walk.counts = {**{name: step.as_document() for name, step in steps.items()}, "purged": purged}
        walk.save(update_fields=["finished_at", "counts"])
        totals = {name: step.objects for name, step in steps.items()}
        record(by, "finish", walk, **totals, purged=purged)
    return walk


def _act(row: LifecycleRun, name: str, free: Sequence[StoredObject], step: Step) -> bool:
    """Act on a chunk with an Event that names its objects; tells whether the step goes on."""
    done = STEPS[name][1](free)
    if done is None:
        step.note = f"The store has no class {_archive_class()}, or does not answer: nothing was moved."
        return False
    step.count(done)
    if done:
        record(None, name, row, objects=[str(obj.pk) for obj in done])
    return True


def due_to_mark() -> Any:
    """Objects whose time has come, by their module's rules."""
    return StoredObject.objects.filter(TO_MARK, delete_at__lte=timezone.now(), kind__in=SUBJECT_TO_RULES)


def due_to_delete() -> Any:
    """Objects whose grace is over."""
    return StoredObject.objects.filter(MARKED, marked_for_deletion_at__lte=timezone.now() - GRACE, kind__in=SUBJECT_TO_RULES)


def due_to_archive() -> Any:
    """Objects that are old enough for the archive's class."""
    return StoredObject.objects.filter(
        TO_ARCHIVE, archive_at__lte=timezone.now(), kind__in=SUBJECT_TO_RULES, verified_at__isnull=False
    )


def expired_exports() -> Any:
    """Files made for somebody to fetch, whose days are over, and what a worker did not live to write down."""
    kinds = (ObjectKind.EXPORT, *MADE_BY_RUNS)
    return StoredObject.objects.filter(delete_at__lte=timezone.now(), deleted_at__isnull=True, kind__in=kinds)


def kept_by_versions(samples: Sequence[int]) -> set[int]:
    """Answer those samples that a dataset version holds, by asking the apps above: rule 5, what was frozen is not changed.

    They are asked about all at once, and only where something is held about halves of it.
    """
    if not samples or not any(row.kind == DATASET_VERSION for row in erasure_impact.announce(samples)):
        return set()
    if len(samples) == 1:
        return set(samples)
    middle = len(samples) // 2
    return kept_by_versions(samples[:middle]) | kept_by_versions(samples[middle:])


def _free(chunk: Sequence[StoredObject], step: Step) -> list[StoredObject]:
    """Leave out what a legal hold or a dataset version keeps, and count it."""
    rows = LearningSample.objects.filter(object__in=[obj.pk for obj in chunk])
    objects = dict(rows.values_list("pk", "object"))
    on_hold = {objects[key] for key in held(rows).values_list("pk", flat=True)}
    others = [key for key, obj in objects.items() if obj not in on_hold]
    in_versions = {objects[key] for key in kept_by_versions(others)}
    step.kept_by_hold += len(on_hold)
    step.kept_by_version += len(in_versions)
    return [obj for obj in chunk if obj.pk not in on_hold and obj.pk not in in_versions]


@transaction.atomic
def _mark(chunk: Sequence[StoredObject]) -> Sequence[StoredObject]:
    """Mark for deletion; a decision, a rule or a hold can still keep them within the grace."""
    rows = due_to_mark().filter(pk__in=[obj.pk for obj in chunk])
    now, marked = timezone.now(), list(rows.select_for_update())
    StoredObject.objects.filter(pk__in=[obj.pk for obj in marked]).update(marked_for_deletion_at=now)
    return marked


@transaction.atomic
def _delete(chunk: Sequence[StoredObject]) -> Sequence[StoredObject]:
    """Take the images from their samples: rows and labels stay. The bytes go by the purge that follows."""
    gone = list(due_to_delete().filter(pk__in=[obj.pk for obj in chunk]).select_for_update())
    keys = [obj.pk for obj in gone]
    samples = list(LearningSample.objects.filter(object__in=keys).values_list("pk", flat=True))
    LearningSample.objects.filter(pk__among=samples).update(object=None)
    purging.delete(keys)
    if samples:
        objects_gone.announce(samples)
    return gone


@transaction.atomic
def _expire(chunk: Sequence[StoredObject]) -> Sequence[StoredObject]:
    """Delete files whose days are over; they were copies, so there is no grace."""
    purging.delete([obj.pk for obj in chunk])
    return chunk


def _archive(chunk: Sequence[StoredObject]) -> Sequence[StoredObject] | None:
    """Move objects to the archive's class, one by one; None where the store has none, or does not answer."""
    storage_class, moved = _archive_class(), []
    for obj in chunk:
        try:
            etag = store(obj.alias).change_class(obj.name, storage_class) if storage_class else ""
        except StoreError:
            etag = ""
        if not etag:
            break
        StoredObject.objects.filter(pk=obj.pk, deleted_at__isnull=True).update(storage_class=storage_class, etag=etag)
        moved.append(obj)
    return moved or None


def _archive_class() -> str:
    return str(settings.STORE_ARCHIVE_CLASS)


def _in_chunks(rows: Any) -> Iterator[list[StoredObject]]:
    last = None
    while chunk := list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _due(obj: StoredObject) -> str:
    return str(obj.delete_at or obj.archive_at or "")


def _may(by: User | None) -> None:
    if by is not None:
        require(by, Permission.MANAGE_RETENTION)


Act = Callable[[Sequence[StoredObject]], Sequence[StoredObject] | None]
STEPS: dict[str, tuple[Callable[[], Any], Act]] = {
    "delete": (due_to_delete, _delete),
    "mark": (due_to_mark, _mark),
    "archive": (due_to_archive, _archive),
    "expire": (expired_exports, _expire),
}
