"""The verb on suspected labels: they are opened for another round of review, before everything else that waits."""

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict
from learning.actions import curating
from learning.models import LearningSample
from training.models import EvaluationMethod, ModelVersion

MOST = 5_000
CHUNK = 500


def queue_first(version: ModelVersion, *, by: User) -> tuple[int, int]:
    """Queue what scoring out of fold suspects, the most doubted first; answers how many were queued, and how many let be.

    Raises Conflict where this was not done, or suspects nothing. Twice is safe: what waits already and was not judged is let be.
    """
    require(by, Permission.ADJUDICATE)
    folds = version.scorings.done().filter(method=EvaluationMethod.FOLDS).order_by("-pk").first()
    keys = list(folds.outcomes.suspected().values_list("sample_id", flat=True)[:MOST]) if folds else []
    if not keys:
        raise Conflict("No label of this version is suspected; train with scoring out of fold.")
    queued = 0
    for start in range(0, len(keys), CHUNK):
        with transaction.atomic():
            queued += _queue(keys[start : start + CHUNK], by)
    with transaction.atomic():
        record(by, "queue_suspects", version, queued=queued, suspected=len(keys))
    return queued, len(keys) - queued


def _queue(keys: list[int], by: User) -> int:
    """Open a chunk for review, before everything else."""
    reach = set(LearningSample.objects.visible_to(by).filter(pk__in=keys).values_list("pk", flat=True))
    own = [key for key in keys if key in reach]
    done = curating.reopen(own, by, {"reason": "suspected"})
    curating.put_first(own)
    return done.changed
