"""Giving up what a city sent: samples that were only received, and the objects that lay in the store for them alone.

The names are written in the transaction that gives the objects up, so that a worker killed before it removed them is
followed by a sweep. A signed address outlives its item: what a late client still puts there is removed by a second sweep.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.utils import timezone

from core.storage import DEFAULT_ALIAS, store
from learning.models import DiscardedObject, HitlLabel, LearningSample, StoredObject

SIGNED_FOR = timedelta(minutes=65)
"""How long an address that was signed for an item may still be good for, and a little more."""
AT_ONCE = 500


def release_samples(samples: Sequence[LearningSample]) -> list[str]:
    """Delete samples that were only received, in the caller's transaction: their event ids become free.

    Answers the names of the objects that were uploaded for them alone, to be removed from the store after commit.
    """
    keys = [sample.pk for sample in samples]
    HitlLabel.objects.filter(sample_id__in=keys).update(supersedes=None)
    HitlLabel.objects.filter(sample_id__in=keys).delete()
    LearningSample.objects.filter(pk__in=keys).delete()
    objects = {sample.object_id: not sample.by_reference for sample in samples if sample.object_id}
    unheld = StoredObject.objects.filter(pk__in=objects, samples__isnull=True)
    rows = [row for row in unheld if objects[row.pk] or row.verified_at is None]
    StoredObject.objects.filter(pk__in=[row.pk for row in rows]).delete()
    names = [row.name for row in rows if objects[row.pk]]  # what was only referred to is not ours to remove
    discard(names)
    return names


def discard(names: Iterable[str], alias: str = DEFAULT_ALIAS) -> None:
    """Note objects without a row for removal, in the caller's transaction."""
    DiscardedObject.objects.bulk_create(DiscardedObject(name=name, alias=alias) for name in names)


def remove_discarded(names: Sequence[str]) -> None:
    """Remove discarded objects from the store, outside of transactions; raises core.storage.StoreError."""
    for start in range(0, len(names), AT_ONCE):
        _remove(list(DiscardedObject.objects.filter(name__in=names[start : start + AT_ONCE], removed_at=None)))


def sweep_discarded() -> None:
    """Remove what a killed worker left, and once more what was discarded so long ago that no address for it is good."""
    _remove(list(DiscardedObject.objects.filter(removed_at=None).order_by("created_at")[:AT_ONCE]))
    expired = list(DiscardedObject.objects.filter(created_at__lt=timezone.now() - SIGNED_FOR).order_by("created_at")[:AT_ONCE])
    _remove(expired)
    DiscardedObject.objects.filter(pk__in=[row.pk for row in expired]).delete()


def _remove(rows: Sequence[DiscardedObject]) -> None:
    for row in rows:
        store(row.alias).remove(row.name)
    DiscardedObject.objects.filter(pk__in=[row.pk for row in rows]).update(removed_at=timezone.now())
