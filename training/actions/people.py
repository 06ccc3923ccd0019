"""How far people are, whose images a dataset version holds, as its trainings and its models' deployments come about."""

from typing import Any

from learning.actions import person
from learning.models import PersonStatus
from training.models import DatasetMember


def advance(dataset_version: Any, status: PersonStatus) -> None:
    """Move the people in a frozen version (its key, or None), in the transaction of the verb that is the reason."""
    if dataset_version is not None:
        person.advance(DatasetMember.objects.filter(version=dataset_version).values("sample"), status)
