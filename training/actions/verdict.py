"""The queue of a dataset's samples to be verified: each is handed to one person at a time, and the last verdict can be undone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from training.actions import dataset as dataset_verbs
from training.actions.sample import locked, weigh
from training.models import SampleVerdict, TrainingDataset, TrainingSample

AHEAD = 2
"""So many are claimed at once: the one that is shown, and the next, whose image is fetched already."""
UNDONE_WITHIN = timedelta(hours=1)
MOST_REQUIRED = 5


@transaction.atomic
def claim(dataset: TrainingDataset, *, by: User, count: int = AHEAD) -> list[TrainingSample]:
    """Claim the next labeled samples that nobody verified, for some minutes; those that are one's own already come first.

    None is handed to two people at once, and none again to who judged it. Empty where nothing is left for this person.
    """
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    now = timezone.now()
    waiting = _unsaid(TrainingSample.objects.to_verify().filter(dataset=dataset), dataset, by)
    mine = list(waiting.filter(claimed_by=by, claimed_until__gte=now).order_by("sample_id")[:count])
    free = waiting.filter(Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)).order_by("sample_id")
    if connection.features.has_select_for_update_skip_locked:  # on SQLite the write lock of the transaction keeps others out
        free = free.select_for_update(skip_locked=True, of=("self",))
    keys = [place.pk for place in mine]
    keys += [place.pk for place in free[: max(0, count - len(mine))]]
    until = now + timedelta(minutes=settings.LEASE_MINUTES)
    TrainingSample.objects.filter(pk__in=keys).update(claimed_by=by, claimed_until=until)
    return _in_order(keys)


@transaction.atomic
def release(dataset: TrainingDataset, *, by: User) -> int:
    """Give back what one has claimed and not judged; answers how many."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    held = TrainingSample.objects.to_verify().filter(dataset=dataset, claimed_by=by)
    return held.update(claimed_by=None, claimed_until=None)


@transaction.atomic
def undo(dataset: TrainingDataset, *, by: User) -> TrainingSample:
    """Take back one's last verdict in a dataset, of the last hour, and claim its sample again; raises Conflict."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    own = SampleVerdict.objects.filter(by=by, place__dataset=dataset, created_at__gte=timezone.now() - UNDONE_WITHIN)
    last = own.select_related("place__dataset__organization").order_by("-id").first()
    held = locked(last.place) if last else None
    if last is None or held is None:
        raise Conflict("There is nothing to undo: your last verdict here is more than an hour old, or there is none.")
    last.delete()
    weigh(held)
    held.claimed_by, held.claimed_until = by, timezone.now() + timedelta(minutes=settings.LEASE_MINUTES)
    held.save(update_fields=["claimed_by", "claimed_until"])
    record(by, "undo", held, dataset=str(dataset.pk), sample=held.sample_id)
    return held


@transaction.atomic
def ask_for(dataset: TrainingDataset, required: int, *, by: User) -> TrainingDataset:
    """Say how many people must approve a sample of this dataset; what is verified or rejected already stays so."""
    require(by, Permission.MANAGE_DATASETS, dataset)
    dataset_verbs.refuse_archived(dataset)
    if not 1 <= required <= MOST_REQUIRED:
        raise Invalid(f"1 to {MOST_REQUIRED} people verify a sample.", errors={"verdicts_required": ["is out of range"]})
    TrainingDataset.objects.filter(pk=dataset.pk).update(verdicts_required=required, updated_at=timezone.now())
    dataset.verdicts_required = required
    record(by, "revise", dataset, verdicts_required=required)
    return dataset


def _unsaid(waiting: QuerySet[TrainingSample], dataset: TrainingDataset, by: User) -> QuerySet[TrainingSample]:
    """Leave out what this person approved already and waits for others: only where several are asked there is any."""
    if dataset.verdicts_required == 1:
        return waiting
    said = SampleVerdict.objects.filter(place=OuterRef("pk"), by=by, truth_sha256=OuterRef("sample__truth_sha256"))
    last = SampleVerdict.objects.filter(by=by, place__dataset=dataset).order_by("-id").values_list("place__sample", flat=True)
    further = waiting.filter(~Exists(said))
    behind = further.filter(sample__gt=last.first() or 0)
    return behind if behind.exists() else further  # not again past all that one has judged


def _in_order(keys: Sequence[Any]) -> list[TrainingSample]:
    rows = TrainingSample.objects.select_related(
        "dataset__organization", "sample__object__thumbnail", "sample__city", "sample__module"
    )
    found = rows.in_bulk(keys)
    return [found[key] for key in keys]
