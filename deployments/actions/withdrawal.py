"""What no edge holds any more leaves the signed lists with the next signing; what one holds as previous stays, for going back."""

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from deployments.models import EdgeServer, EdgeSlot
from training.actions import withdrawal
from training.models import ModelStatus, ModelVersion

BATCH = 100
REASON = "No edge holds it any more."


def withdraw_unheld() -> int:
    """Mark deprecated versions that no edge in service runs, holds or shall run; answers how many. Made for a beat."""
    gone = ModelVersion.objects.filter(
        status=ModelStatus.DEPRECATED, released_at__isnull=False, withdrawal_asked_at__isnull=True
    )
    with transaction.atomic():
        held = _holding()
        own = held.filter(edge_server__organization=OuterRef("organization"))
        unheld = gone.exclude(Exists(own)).exclude(Q(organization__isnull=True) & Exists(held))
        free = list(unheld.select_for_update(of=("self",)).select_related("module")[:BATCH])
        withdrawal.mark_withdrawn(free, by=None, reason=REASON)
    if free:
        withdrawal.sign_withdrawals()
    return len(free)


def _holding() -> "QuerySet[EdgeSlot]":
    """Answer the slots that run a version, hold it, or shall run it."""
    slots = EdgeSlot.objects.filter(edge_server__in=EdgeServer.objects.in_service(), module=OuterRef("module"))
    return slots.filter(
        Q(active_version=OuterRef("version")) | Q(previous_version=OuterRef("version")) | Q(desired=OuterRef("pk"))
    )
