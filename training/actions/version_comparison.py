"""What differs between two versions of a dataset: asked for by who looks, worked out by a worker, kept. The row is the job."""

from time import monotonic
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.policy import Permission, require
from core.claims import claim, wake
from core.errors import Conflict, Invalid
from core.lifecycle import LostRace
from core.queue import enqueue
from training.comparing import Unequal, compare
from training.models import DatasetVersion, VersionComparison

logger = structlog.get_logger(__name__)

UNFINISHED = VersionComparison.objects.filter(finished_at__isnull=True)
SIDES = [f"{side}__{name}" for side in ("before", "after") for name in ("dataset", "manifest", "truth")]
BEAT_SECONDS = 2.0


class LostComparison(LostRace):
    """Another worker took over, or an erasure took the row away."""


@transaction.atomic
def ask(before: DatasetVersion, after: DatasetVersion, *, by: User) -> VersionComparison:
    """Answer the comparison of two frozen versions of one dataset; where there is none yet a worker begins one.

    Raises Invalid for versions of different datasets or one with itself, Conflict where one is not frozen.
    """
    require(by, Permission.VIEW_TRAINING, after)
    if before.pk == after.pk:
        raise Invalid("A version differs from itself in nothing: name another one.", errors={"with": ["is the same version"]})
    if before.dataset_id != after.dataset_id:
        raise Invalid("Two versions of one dataset can be compared.", errors={"with": ["is of another dataset"]})
    for each in (before, after):
        if each.frozen_at is None:
            raise Conflict(f"{each} is {each.state}; it can be compared once it is frozen.")
    row, is_new = VersionComparison.objects.get_or_create(before=before, after=after)
    if is_new:
        enqueue("training.tasks.compare_versions", str(row.pk))
    return row


def work(comparison_id: Any) -> VersionComparison | None:
    """Work one comparison out: run by a worker, as often as it likes, by one at a time; None where there is nothing to do."""
    row = claim(UNFINISHED, comparison_id, *SIDES, done=0)
    if row is None:
        return None
    try:
        facts: dict[str, Any] = {"result": compare(row.before, row.after, _Beat(row))}
    except Unequal as error:
        facts = {"error_message": str(error)}
    except LostComparison:
        logger.warning("another worker took over the comparison", comparison=str(row.pk))
        return None
    mine = VersionComparison.objects.filter(pk=row.pk, token=row.token)
    with transaction.atomic():
        now = {
            each.pk: each for each in DatasetVersion.objects.select_for_update().filter(pk__in=[row.before_id, row.after_id])
        }
        if any(now[each.pk].truth_id != each.truth_id for each in (row.before, row.after)):
            mine.delete()  # erased meanwhile: it would show what shall be gone
            return None
        mine.update(**facts, finished_at=timezone.now(), beat_at=None)
    row.refresh_from_db()
    return row


def sweep() -> int:
    """Wake a worker for each comparison that nobody works on; answers how many."""
    return wake(UNFINISHED, "training.tasks.compare_versions")


class _Beat:
    """Says now and then that the worker is alive, and how far it is; raises LostComparison."""

    def __init__(self, row: VersionComparison) -> None:
        self.row, self.last = row, monotonic()

    def __call__(self, done: int) -> None:
        if monotonic() - self.last < BEAT_SECONDS:
            return
        self.last = monotonic()
        mine = VersionComparison.objects.filter(pk=self.row.pk, token=self.row.token)
        if not mine.update(beat_at=timezone.now(), done=done):
            raise LostComparison("Another worker took over this comparison.")
