"""Telling of events, out of the outbox: each becomes notifications of those it concerns and deliveries to webhooks, once.

A row of the outbox goes in the transaction that writes what came of it, so that a worker that is killed leaves it as it was, and
rows that another worker has in hand are passed over.
"""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import Q

from accounts.models import Announcement, Event, MutedTopic, Notification, User, Webhook, WebhookDelivery
from accounts.models.user import MACHINE_ROLES
from accounts.policy import Permission, is_allowed, users_who_may
from accounts.topics import TOPICS, Topic
from core import claims

AT_ONCE = 200


def announce() -> int:
    """Tell of everything in the outbox that nobody else is telling of; answers of how many events."""
    told = 0
    while Announcement.objects.exists() and (found := _some()):
        told += found
    claims.wake(Webhook.objects.due(), "accounts.tasks.deliver")
    return told


@transaction.atomic
def _some() -> int:
    rows = list(Announcement.objects.select_for_update(skip_locked=True).order_by("event_id")[:AT_ONCE])
    events = Event.objects.in_bulk([row.event_id for row in rows])
    known = [(TOPICS[row.topic], events[row.event_id]) for row in rows if row.topic in TOPICS]
    people, hooks = _People(), list(Webhook.objects.listening())
    told = [
        Notification(user=user, event=event, topic=topic.name) for topic, event in known for user in people.told(topic, event)
    ]
    sent = [
        WebhookDelivery(webhook=hook, event=event, topic=topic.name)
        for topic, event in known
        for hook in hooks
        if topic.name in hook.topics and not topic.for_people and hook.organization_id in (None, event.organization_id)
    ]
    Notification.objects.bulk_create(told, ignore_conflicts=True)
    WebhookDelivery.objects.bulk_create(sent, ignore_conflicts=True)
    Announcement.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


class _People:
    """Who may hear of what, asked once for each topic and organization."""

    def __init__(self) -> None:
        self._allowed: dict[tuple[str, int | None], list[User]] = {}
        self._muted = set(MutedTopic.objects.values_list("topic", "user"))

    def told(self, topic: Topic, event: Event) -> Iterable[User]:
        """Answer whom an event concerns: not who did it, unless it names them, and never anybody of another organization."""
        if not topic.permission:
            return []
        key = (topic.permission, event.organization_id)
        if key not in self._allowed:
            self._allowed[key] = _who_may(*key)
        concerned = [user for user in self._allowed[key] if self._concerns(topic, event.facts, user)]
        return [user for user in concerned if topic.told or user.pk != event.actor_id]

    def _concerns(self, topic: Topic, facts: Mapping[str, object], user: User) -> bool:
        if topic.told and facts.get(topic.told) != user.pk:
            return False
        is_asked_by = bool(topic.asked_by) and facts.get(topic.asked_by) == user.pk
        return not is_asked_by and (topic.name, user.pk) not in self._muted


def _who_may(permission: str, organization_id: int | None) -> list[User]:
    """Answer the people of the hub and of the event's organization who may see such things."""
    own = Q(organization=None) | Q(organization=organization_id) if organization_id else Q(organization=None)
    people = users_who_may(Permission(permission)).filter(own).exclude(role__in=MACHINE_ROLES).select_related("organization")
    return [user for user in people if is_allowed(user, permission)]
