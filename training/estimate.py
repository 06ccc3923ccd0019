"""How long a training takes, by what earlier ones of the same module took: of each trainer, brought to the size of this version."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import Any

from accounts.models import User
from training.models import DatasetVersion, JobKind, JobStatus, TrainingJob

LOOKED_AT = 200
COUNTED = 20


@dataclass(frozen=True)
class Estimate:
    """Seconds: of the quickest, the median and the slowest earlier training, and how many they were."""

    least: float
    middle: float
    most: float
    count: int


def of_trainers(version: DatasetVersion, user: User) -> dict[str, Estimate]:
    """Answer an estimate of each trainer that completed a job on this module within the user's reach, by its name."""
    rows = TrainingJob.objects.visible_to(user).filter(kind=JobKind.TRAIN, module=version.dataset.module_id)
    done: Any = rows.filter(status=JobStatus.COMPLETED, started_at__isnull=False).order_by("-created_at", "-id")
    found: defaultdict[str, list[float]] = defaultdict(list)
    facts = ("trainer", "started_at", "completed_at", "dataset_version__sample_count")
    for trainer, began, ended, examples in done.values_list(*facts)[:LOOKED_AT]:
        if examples and len(found[trainer]) < COUNTED:
            found[trainer].append((ended - began).total_seconds() * version.sample_count / examples)
    return {name: Estimate(min(each), median(each), max(each), len(each)) for name, each in found.items() if each}
