"""Noting which truths changed, so that a frozen version can say of how many of its members it tells what no longer holds."""

from collections.abc import Sequence

from core.hooks import SampleChange
from training.models import DatasetMember, TrainingSample, TruthChange

CHUNK = 5_000


def note(changes: Sequence[SampleChange]) -> None:
    """Note the truths that were taken or replaced, of samples that a dataset or a version holds, in the verb's transaction."""
    lost = {change.sample: change.old_truth for change in changes if change.old_truth and change.new_truth != change.old_truth}
    keys = list(lost)
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        held = set(TrainingSample.objects.filter(sample__among=chunk).values_list("sample_id", flat=True))
        held |= set(DatasetMember.objects.filter(sample__among=chunk).values_list("sample_id", flat=True))
        TruthChange.objects.bulk_create(TruthChange(sample_id=key, before=lost[key]) for key in chunk if key in held)


def forget(samples: Sequence[int]) -> None:
    """Remove what was noted of samples that were erased: a hash of a short text can be guessed."""
    TruthChange.objects.filter(sample__among=samples).delete()
