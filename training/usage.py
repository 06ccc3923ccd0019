"""What a customer used of what the plan has, and what the next refusal would say (training/plan.py refuses)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce, TruncMonth
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization
from training import plan
from training.models import JobKind, TrainingDataset, TrainingJob

MONTHS = 12
LARGEST = 5
LOOKED_AT = 1_000


@dataclass(frozen=True)
class Use:
    """One thing a plan bounds: how much of it is used, and the sentence with which more is refused."""

    name: str
    used: int
    limit: int
    refusal: str
    is_bytes: bool = False

    @property
    def is_full(self) -> bool:
        """Tell whether the next one is refused."""
        return self.used >= self.limit

    @property
    def percent(self) -> int:
        """How full it is, 100 at most."""
        return min(100, round(100 * self.used / self.limit)) if self.limit else 100


def uses_of(organizations: Sequence[Organization]) -> dict[int, list[Use]]:
    """Answer, for each customer, jobs of this month, the largest datasets, and released models of each module."""
    jobs: Any = plan.jobs_this_month(organizations).order_by().values_list("organization").annotate(Count("pk"))
    created = dict(jobs)
    largest, released = _largest(organizations), _released(organizations)
    return {
        each.pk: [
            _jobs(each, created.get(each.pk, 0)),
            *(_dataset(each, name, used) for name, used in largest[each.pk]),
            *(_module(each, name, used) for name, used in released[each.pk]),
        ]
        for each in organizations
    }


def _jobs(organization: Organization, used: int) -> Use:
    limit = organization.limits.jobs_per_month
    refusal = plan.JOBS.format(organization.name, limit=limit, used=max(used, limit))
    return Use(_("Training jobs this month"), used, limit, refusal)


def _dataset(organization: Organization, name: str, used: int) -> Use:
    limit = organization.limits.dataset_bytes
    refusal = plan.in_bytes(organization, limit=limit, used=used, brought=max(1, limit - used + 1))
    return Use(_("Dataset %(name)s") % {"name": name}, used, limit, refusal, is_bytes=True)


def _module(organization: Organization, name: str, used: int) -> Use:
    limit = organization.limits.active_models_per_module
    refusal = plan.RELEASES.format(organization.name, limit=limit, used=max(used, limit))
    return Use(_("Released models of %(name)s") % {"name": name}, used, limit, refusal)


def jobs_by_month(organizations: Sequence[Organization]) -> list[tuple[date, int]]:
    """Answer how many trainings were created in each of the last twelve months, this one last."""
    months = _months(timezone.now().astimezone(UTC))
    since = datetime(months[0].year, months[0].month, 1, tzinfo=UTC)
    rows = TrainingJob.objects.filter(organization__in=organizations, kind=JobKind.TRAIN, created_at__gte=since)
    counted: Any = (
        rows.annotate(month=TruncMonth("created_at", tzinfo=UTC)).order_by().values_list("month").annotate(Count("pk"))
    )
    found = {moment.date(): number for moment, number in counted}
    return [(month, found.get(month, 0)) for month in months]


def _months(now: datetime) -> list[date]:
    numbers = [now.year * 12 + now.month - 1 - back for back in range(MONTHS - 1, -1, -1)]
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _largest(organizations: Sequence[Organization]) -> dict[int, list[tuple[str, int]]]:
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    rows = TrainingDataset.objects.filter(organization__in=organizations)
    sized: Any = rows.annotate(held=Coalesce(Sum("deltas__bytes"), 0)).order_by("-held", "name")
    for owner, name, held in sized.values_list("organization", "name", "held")[:LOOKED_AT]:
        if len(found[owner]) < LARGEST:
            found[owner].append((name, held))
    return found


def _released(organizations: Sequence[Organization]) -> dict[int, list[tuple[str, int]]]:
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    rows = plan.released_by(organizations).order_by().values_list("organization", "module__name")
    for owner, name, number in sorted(rows.annotate(Count("pk"))):
        found[owner].append((name, number))
    return found
