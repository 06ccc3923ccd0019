"""What the objects of events are called, for somebody who may see them: one question for each kind of object."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps

from accounts.models import Event, User
from accounts.topics import TOPICS

Key = tuple[str, str]


def names_of(told: Iterable[tuple[str, Event]], user: User) -> dict[Key, str]:
    """Answer (object type, id) → name for events told of by these topics; what is out of reach for `user` is left out."""
    asked: dict[tuple[str, str], set[str]] = {}
    for topic, event in told:
        if topic in TOPICS and TOPICS[topic].called:
            asked.setdefault((event.object_type, TOPICS[topic].called), set()).add(event.object_id)
    found: dict[Key, str] = {}
    for (kind, column), keys in asked.items():
        model: Any = apps.get_model(kind)
        rows = model.objects.visible_to(user).filter(pk__in=keys).values_list("pk", column)
        found.update({(kind, str(key)): str(name) for key, name in rows})
    return found
