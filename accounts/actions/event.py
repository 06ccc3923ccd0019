"""Writing the audit log."""

from collections.abc import Iterable
from typing import Any

import structlog
from django.db import models

from accounts.models import Announcement, Event, User
from accounts.topics import topic_of
from core.prepared import insert


def record(by: User | None, verb: str, obj: models.Model, **facts: Any) -> Event:
    """Append what `by` did to `obj`, in the caller's transaction; None is the hub itself (a beat).

    Facts hold ids and counts, never plates or personal text. What people wait for goes into the outbox with it.
    """
    event = _event(by, verb, obj, facts)
    insert(event)
    if topic := topic_of(event):
        Announcement.objects.create(event=event, topic=topic.name)
    return event


def record_all(by: User | None, verb: str, done: Iterable[tuple[models.Model, dict[str, Any]]]) -> None:
    """Append that `by` did the same to many objects, each with its facts, like `record`."""
    events = Event.objects.bulk_create(_event(by, verb, obj, facts) for obj, facts in done)
    told = [(event, topic) for event in events if (topic := topic_of(event))]
    Announcement.objects.bulk_create(Announcement(event=event, topic=topic.name) for event, topic in told)


def _event(by: User | None, verb: str, obj: models.Model, facts: dict[str, Any]) -> Event:
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return Event(
        actor_id=by.pk if by else None,
        actor_name=by.name if by else "hub",
        organization_id=getattr(obj, "organization_id", None),
        verb=verb,
        object_type=obj._meta.label_lower,
        object_id=str(obj.pk),
        facts=facts,
        request_id=str(request_id)[:64],
    )
