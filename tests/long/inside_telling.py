"""What a test of killed messengers does inside its own hub: make news, tell it, and see what was told."""

import os
import signal
from collections import Counter
from typing import Any

from django.utils import timezone

from accounts.actions import announcing, delivering, webhook
from accounts.actions.event import record
from accounts.models import Announcement, Notification, Webhook, WebhookDelivery
from core.claims import LOST_AFTER
from tests import people
from tests.factories.world import world


def make_news(url: str, events: str) -> int:
    """Have so many jobs' ends waiting to be told to two people and to the webhook at `url`; answers how many stories that is."""
    ada, _bo = people.ada(), people.bo()
    job = world().job
    announcing.announce()
    Notification.objects.all().delete()
    webhook.add("ops", url=url, topics=["job.failed"], by=ada)
    for _ in range(int(events)):
        record(None, "end", job, status="failed")
    return Announcement.objects.count()


PLACES: dict[str, tuple[Any, str]] = {
    "notify": (Notification.objects, "bulk_create"),
    "send": (WebhookDelivery.objects, "bulk_create"),
    "forget": (Announcement.objects, "filter"),
}


def tell(place: str = "", call: str = "1") -> list[int]:
    """Announce and deliver as a worker does, with a minute gone since the last one was killed; answers how many of each.

    With a place it is killed in front of the so many-th call of that.
    """
    if place:
        _die_before(*PLACES[place], int(call))
    Webhook.objects.exclude(token="").update(beat_at=timezone.now() - 2 * LOST_AFTER)
    told = announcing.announce()
    return [told, sum(delivering.deliver(str(hook)) for hook in Webhook.objects.values_list("pk", flat=True))]


def _die_before(whose: Any, name: str, call: int) -> None:
    called = getattr(whose, name)
    left = [None] * call

    def counted(*arguments: Any, **options: Any) -> Any:
        left.pop()
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return called(*arguments, **options)

    setattr(whose, name, counted)


def telling_census() -> dict[str, Any]:
    """Answer what waits, what each person was told, and how the deliveries stand."""
    states = Counter(row.state for row in WebhookDelivery.objects.all())
    told = Counter(Notification.objects.values_list("user__name", flat=True))
    ids = sorted(str(key) for key in WebhookDelivery.objects.values_list("pk", flat=True))
    return {"waiting": Announcement.objects.count(), "told": dict(told), "deliveries": dict(states), "ids": ids}


FUNCTIONS = {function.__name__: function for function in (make_news, tell, telling_census)}
