"""Holding a run by its token: every write of a worker does so first, in its own transaction."""

from django.db.models import Q
from django.utils import timezone

from core.lifecycle import LostRace
from training.models import TrainingRun
from training.models.run import ALIVE


class LostRun(LostRace):
    """This worker no longer holds the run: it was silent for too long, and the job was given back."""

    code = "lost_run"


def hold(run: TrainingRun) -> None:
    """Hold the run's row for this transaction and say that its worker is alive; raises LostRun."""
    mine = TrainingRun.objects.filter(Q(state__in=ALIVE), pk=run.pk, token=run.token)
    if not mine.update(heartbeat_at=timezone.now()):
        raise LostRun("This run was given up for lost; another worker has its job.")
