"""Writing the audit log."""

from typing import Any

import structlog
from django.db import models

from accounts.models import Event, User
from core.prepared import insert


def record(by: User | None, verb: str, obj: models.Model, **facts: Any) -> Event:
    """Append what `by` did to `obj`, in the caller's transaction; None is the hub itself (a beat).

    Facts hold ids and counts, never plates or personal text.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    event = Event(
        actor_id=by.pk if by else None,
        actor_name=by.name if by else "hub",
        organization_id=getattr(obj, "organization_id", None),
        verb=verb,
        object_type=obj._meta.label_lower,
        object_id=str(obj.pk),
        facts=facts,
        request_id=str(request_id)[:64],
    )
    insert(event)
    return event
