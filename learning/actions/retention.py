"""How long images stay: the rules of modules, and the moments they put on objects (by metadata, never by path)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Invalid
from core.hooks import SampleChange
from core.queue import enqueue
from learning.models import AiModule, HitlLabel, LabelStatus, LearningSample, RetentionPolicy, SampleState, StoredObject
from learning.models.retention import MAX_DAYS

CHUNK = 1_000
STAMPED = ["archive_at", "delete_at", "marked_for_deletion_at"]


@transaction.atomic
def set_rules(module: AiModule, *, by: User | None, rules: Mapping[str, Any]) -> AiModule:
    """Set after how many days what becomes of a module's images (null: never); objects there get their new moments by a task.

    Raises Invalid for days that make no sense. None is the command line.
    """
    if by is not None:
        require(by, Permission.MANAGE_RETENTION)
    module.retention = read_rules(rules)
    module.save(update_fields=["retention"])
    record(by, "set_retention", module, **module.retention)
    enqueue("learning.tasks.stamp_module", module.pk)
    return module


def read_rules(given: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the rules that were given, checked; what is not given keeps its default."""
    if not isinstance(given, Mapping) or (unknown := set(given) - set(RetentionPolicy.FIELDS)):
        names = ", ".join(sorted(map(str, unknown))) if isinstance(given, Mapping) else "such form"
        raise Invalid(f"A retention rule has no {names}; there are {', '.join(RetentionPolicy.FIELDS)}.")
    for name, days in given.items():
        is_days = isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= MAX_DAYS
        if days is not None and not is_days:
            raise Invalid(
                f"{name} is a number of days from 1 to {MAX_DAYS:,}, or null for never.", errors={name: ["is no number"]}
            )
    return dict(given)


def policy_of(module: AiModule) -> RetentionPolicy:
    """Answer a module's rules, with their defaults."""
    return RetentionPolicy(**{name: days for name, days in module.retention.items() if name in RetentionPolicy.FIELDS})


def follow(changes: Iterable[SampleChange]) -> None:
    """Stamp what was registered, and what became unsure or ceased to be so, in the transaction of the verb that changed it."""
    keys = [
        change.sample
        for change in changes
        if change.old_state == SampleState.RECEIVED or SampleState.EXCLUDED in (change.old_state, change.new_state)
    ]
    for start in range(0, len(keys), CHUNK):
        stamp(LearningSample.objects.filter(pk__among=keys[start : start + CHUNK]).values_list("object", flat=True))


def stamp(objects: Collection[Any] | Any) -> int:
    """Put on these objects (keys) when they are archived and deleted, by the rules of the modules of all their samples.

    The latest moment of all counts. An object that is not due any more is no longer marked. Answers how many changed.
    """
    held = LearningSample.objects.filter(object__in=list(objects)).select_related("object", "module").order_by("pk")
    samples = [sample for sample in held if sample.object and sample.object.deleted_at is None]
    judged = _judged(samples)
    of: dict[Any, list[LearningSample]] = {}
    for sample in samples:
        of.setdefault(sample.object_id, []).append(sample)
    changed = [obj for obj in (_stamped(group, judged) for group in of.values()) if obj is not None]
    StoredObject.objects.bulk_update(changed, STAMPED, batch_size=500)
    return len(changed)


def stamp_module(module: AiModule) -> int:
    """Stamp every object of a module anew, in chunks, each in one transaction; answers how many changed."""
    changed = last = 0
    rows = LearningSample.objects.filter(module=module, object__isnull=False).exclude(state=SampleState.RECEIVED)
    while chunk := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "object")[:CHUNK]):
        last = chunk[-1][0]
        with transaction.atomic():
            changed += stamp({key for _, key in chunk})
    return changed


def _judged(samples: Sequence[LearningSample]) -> dict[int, datetime]:
    """Answer when each unsure sample was judged last."""
    unsure = [sample.pk for sample in samples if sample.label_status == LabelStatus.UNSURE]
    if not unsure:
        return {}
    rows = HitlLabel.objects.standing().filter(sample__in=unsure)
    return dict(rows.values_list("sample").annotate(Max("created_at")))


def _stamped(samples: Sequence[LearningSample], judged: Mapping[int, datetime]) -> StoredObject | None:
    """Set the moments on the object that these samples share; None where it has them already."""
    obj = samples[0].object
    assert obj is not None
    policies = [(policy_of(sample.module), sample) for sample in samples]
    archive = _latest([policy.archive_at(obj.created_at) for policy, _ in policies])
    delete = _latest(
        [policy.delete_at(sample.label_status, obj.created_at, judged.get(sample.pk)) for policy, sample in policies]
    )
    marked = obj.marked_for_deletion_at if delete is not None and obj.delete_at == delete else None
    if (archive, delete, marked) == (obj.archive_at, obj.delete_at, obj.marked_for_deletion_at):
        return None
    obj.archive_at, obj.delete_at, obj.marked_for_deletion_at = archive, delete, marked
    return obj


def _latest(moments: Sequence[datetime | None]) -> datetime | None:
    """Answer the latest of the moments; None, which is never, is the latest of all."""
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def words(policy: RetentionPolicy) -> dict[str, int | None]:
    """Answer the rules as a document."""
    return asdict(policy)
