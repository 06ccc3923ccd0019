"""Saying once that time ran out: a city that fell silent, an erasure that is nearly due or late. Beat says it; nobody did it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import Event
from learning.models import City, Erasure
from learning.silence import overdue

DUE_SOON = timedelta(days=2)
AT_ONCE = 500


def remind() -> int:
    """Record what fell silent or due and was not said yet; answers how many."""
    said = 0
    late: Any = overdue(City.objects.all())  # each with `silent_since`
    for city in late[:AT_ONCE]:
        said += _once("fall_silent", city, since=city.silent_since)
    now = timezone.now()
    for erasure in Erasure.objects.waiting().filter(due_at__lt=now + DUE_SOON).order_by("due_at")[:AT_ONCE]:
        said += _once("fall_due", erasure, since=erasure.due_at if erasure.is_late else erasure.requested_at)
    return said


@transaction.atomic
def _once(verb: str, row: City | Erasure, *, since: datetime) -> bool:
    """Record it unless it was said since that moment."""
    if Event.objects.about(row._meta.label_lower, row.pk).filter(verb=verb, at__gte=since).exists():
        return False
    record(None, verb, row)
    return True
