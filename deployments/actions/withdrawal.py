"""What no edge holds any more leaves the signed lists with the next signing; what one holds as previous stays, for going back."""

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

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
        free = list(gone.exclude(Exists(_holding())).select_for_update(of=("self",)).select_related("module")[:BATCH])
        withdrawal.mark_withdrawn(free, by=None, reason=REASON)
    if free:
        withdrawal.sign_withdrawals()
    return len(free)


def _holding() -> "QuerySet[EdgeSlot]":
    """Answer the slots that hold a version: an edge of its organization, or any edge where it is everybody's."""
    slots = EdgeSlot.objects.filter(edge_server__in=EdgeServer.objects.in_service(), module=OuterRef("module")).filter(
        Q(active_version=OuterRef("version")) | Q(previous_version=OuterRef("version")) | Q(desired=OuterRef("pk"))
    )
    return slots.annotate(of=OuterRef("organization")).filter(Q(of__isnull=True) | Q(edge_server__organization=F("of")))
