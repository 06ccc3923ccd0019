"""What becomes of the fleet when the hub is put back from a backup: nothing is offered to an edge by a memory that is too old.

Whatever was decided after the backup is forgotten: that a rollout was stopped, that an edge runs a newer version. So rollouts are
paused, and each module of each edge is held until the edge itself says that it runs what the hub remembers, or a person lifts it.
"""

from datetime import datetime

from django.db import transaction

from accounts.actions.event import record
from deployments import assignments
from deployments.actions import advancing
from deployments.models import EdgeServer, EdgeSlot, Rollout, RolloutState

REASON = "The hub was restored from a backup of {at:%Y-%m-%d %H:%M} UTC"
HELD = "The hub was restored from a backup."
"""The hold that an edge lifts by itself, by saying that it runs what the hub remembers."""


def settle(backup_taken_at: datetime) -> dict[str, int]:
    """Pause, hold, and have every assignment signed anew; answers how many of each. Twice is success."""
    reason = REASON.format(at=backup_taken_at)
    running = list(Rollout.objects.filter(state=RolloutState.RUNNING).order_by("pk"))
    scheduled = list(Rollout.objects.filter(state=RolloutState.SCHEDULED).order_by("pk"))
    for rollout in running:
        _pause(rollout, f"{reason}; see what its edges run before you go on.")
    for rollout in scheduled:
        _end(rollout, f"{reason}; plan it again if it is still wanted.")
    with transaction.atomic():
        held = EdgeSlot.objects.filter(desired__isnull=False, held=False).update(held=True, held_reason=HELD)
        assignments.outdate(None)
        EdgeServer.objects.exclude(heard_sha256="").update(heard_sha256="")  # what an edge says next is looked at whole
    edges = EdgeServer.objects.filter(assignment_version__gt=0).count()
    return {
        "rollouts_paused": len(running),
        "schedules_ended": len(scheduled),
        "modules_held": held,
        "assignments_outdated": edges,
    }


def agrees(slot: EdgeSlot) -> bool:
    """Tell whether a slot is held for nothing but the restore, and its edge says that it runs what the hub remembers."""
    return slot.held and slot.held_reason == HELD and slot.desired is not None and slot.active_version == slot.desired.version


@transaction.atomic
def _pause(rollout: Rollout, sentence: str) -> None:
    advancing.pause(rollout, sentence)


@transaction.atomic
def _end(rollout: Rollout, sentence: str) -> None:
    advancing.stop(rollout, sentence)
    record(None, "abort", rollout)
