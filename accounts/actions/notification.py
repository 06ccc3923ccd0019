"""Verbs on what a person was told: read it, and choose what to be told of."""

from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import MutedTopic, Notification, User
from accounts.policy import is_allowed
from accounts.topics import TOPICS, Topic
from core.errors import Invalid

KEPT_FOR = timedelta(days=90)


def read(*, by: User, until: int) -> int:
    """Mark as read what `by` was told, up to the notification `until`; answers how many. Twice is success."""
    return Notification.objects.visible_to(by).unread().filter(pk__lte=until).update(read_at=timezone.now())


def read_one(row: Notification, *, by: User) -> None:
    """Mark one as read; twice is success."""
    Notification.objects.visible_to(by).unread().filter(pk=row.pk).update(read_at=timezone.now())


@transaction.atomic
def choose(topics: Collection[str], *, by: User) -> None:
    """Be told of `topics` from now on, and of nothing else that one may be told of. Raises Invalid for one that is not."""
    offered = {topic.name for topic in offered_to(by)}
    if unknown := set(topics) - offered:
        raise Invalid(f"You are not told of {', '.join(sorted(unknown))} in any case.")
    MutedTopic.objects.filter(user=by).delete()
    MutedTopic.objects.bulk_create(MutedTopic(user=by, topic=name) for name in sorted(offered - set(topics)))


def offered_to(user: User) -> list[Topic]:
    """Answer what `user` may be told of."""
    return [topic for topic in TOPICS.values() if topic.permission and is_allowed(user, topic.permission)]


def forget_old() -> int:
    """Forget what was told over KEPT_FOR ago; the events themselves stay. Answers how many."""
    return Notification.objects.filter(event__at__lt=timezone.now() - KEPT_FOR).delete()[0]
