"""Adding samples that a person chose to a dataset, a chunk at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as _

from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Missing
from learning.acts import Outcome
from learning.models import City, LearningSample
from training.actions.dataset import activate, gather, refuse_archived
from training.models import TrainingDataset, TrainingSample

NOT_FIT, THERE = _("not settled, of another module, or not to be trained on"), _("in the dataset already")


def add_chosen(keys: Sequence[int], by: User, facts: Mapping[str, Any]) -> Outcome:
    """Add what of the samples `keys` fits the dataset `facts["dataset"]` and is not in it, in the caller's transaction.

    Raises Missing, Refused by the plan, or Conflict where the dataset is archived.
    """
    dataset = (
        TrainingDataset.objects.visible_to(by).filter(pk=facts["dataset"]).select_related("organization", "module").first()
    )
    if dataset is None:
        raise Missing("There is no such dataset, or it is not within your reach.")
    require(by, Permission.MANAGE_DATASETS, dataset)
    refuse_archived(dataset)
    fitting = set(_fitting(dataset, keys).values_list("pk", flat=True))
    there = TrainingSample.objects.filter(dataset=dataset, sample__in=fitting).count()
    added = gather(dataset, _fitting(dataset, keys))
    if added:
        activate(dataset)
    skipped = {NOT_FIT: len(keys) - len(fitting), THERE: there}
    return Outcome(added, {reason: count for reason, count in skipped.items() if count})


def _fitting(dataset: TrainingDataset, keys: Sequence[int]) -> QuerySet[LearningSample]:
    samples = LearningSample.objects.settled().may_be_trained_on().filter(module=dataset.module, object__isnull=False)
    if dataset.organization is not None:
        samples = samples.filter(city__in=City.objects.filter(organization=dataset.organization))
    return samples.filter(pk__in=list(keys))
