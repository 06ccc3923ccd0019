"""Delivering to webhooks: at least once each, signed, tried again after longer and longer waits, and given up in the end.

One worker at a time has a webhook in hand (core.claims); one that is killed loses it after a minute, and what it had sent may be
sent again under the same id. A receiver that does not answer is let alone for a moment, whatever else waits for it.
"""

import random
import time
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.actions.webhook import LONGEST_URL
from accounts.models import Webhook, WebhookDelivery
from accounts.topics import TOPICS
from accounts.webhook_signature import signed_headers
from core import outbound
from core.claims import claim

SECONDS = 40.0
"""How long one worker keeps a webhook: with one call more it is still within the time after which it counts as lost."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=12)
FACTOR = 3
MOST_TRIES = 9
"""Within about a day: half a minute, one and a half, 4½, 13½, 40, then 2, 6 and 12 hours."""
REST = timedelta(seconds=30)
KEPT_FOR = timedelta(days=30)


def deliver(webhook_id: str) -> int:
    """Deliver what is due to one webhook; answers how many its receiver took. Nothing is done where another worker does it."""
    hook = claim(Webhook.objects.due(), webhook_id, "organization")
    if hook is None:
        return 0
    taken, until = 0, time.monotonic() + SECONDS
    try:
        while time.monotonic() < until and (delivery := _next(hook)) is not None:
            if not _send(hook, delivery):
                break
            taken += 1
    finally:
        Webhook.objects.filter(pk=hook.pk, token=hook.token).update(token="", beat_at=None)
    return taken


def payload(delivery: WebhookDelivery) -> dict[str, Any]:
    """Answer what a receiver is told (docs/wire/webhook.json): what happened to what, and no more. It asks the API for the rest."""
    event, topic = delivery.event, TOPICS[delivery.topic]
    return {
        "id": str(delivery.pk),
        "type": delivery.topic,
        "at": event.at.isoformat(),
        "organization": delivery.webhook.organization.slug if delivery.webhook.organization else None,
        "object": {
            "type": event.object_type,
            "id": event.object_id,
            "url": f"{settings.PUBLIC_URL}{topic.address_of(event.object_id)}",
        },
    }


def forget_old() -> int:
    """Forget deliveries that ended over KEPT_FOR ago; answers how many."""
    return WebhookDelivery.objects.filter(due_at__isnull=True, created_at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _next(hook: Webhook) -> WebhookDelivery | None:
    due = hook.deliveries.filter(due_at__lte=timezone.now(), topic__in=TOPICS)
    delivery = due.select_related("event").order_by("due_at", "id").first()
    if delivery is not None:
        delivery.webhook = hook
    return delivery


def _send(hook: Webhook, delivery: WebhookDelivery) -> bool:
    """Post one delivery and keep what came of it; answers whether it was taken."""
    body = orjson.dumps(payload(delivery))
    headers = signed_headers(hook.salt, str(delivery.pk), int(time.time()), body)
    nets = outbound.read_nets(hook.organization.callback_nets if hook.organization else settings.WEBHOOK_NETS)
    status, error = None, ""
    try:
        status = outbound.post_json(hook.url, body, nets=nets, headers=headers, longest=LONGEST_URL, whom="receiver")
    except outbound.NotCalled as failure:
        error = str(failure)[:300]
    is_taken = status is not None and 200 <= status < 300
    now, tries = timezone.now(), delivery.tries + 1
    again = None if is_taken or tries >= MOST_TRIES else now + wait_after(tries)
    if not is_taken and not error:
        error = f"The receiver answered {status}."
    facts = {"tries": tries, "tried_at": now, "due_at": again, "status": status, "error": error}
    with transaction.atomic():
        # unless it was asked for anew, or its webhook retired, meanwhile
        found = WebhookDelivery.objects.filter(pk=delivery.pk, tries=delivery.tries, due_at__isnull=False)
        kept = found.update(delivered_at=now if is_taken else None, **facts)
        if not is_taken:
            Webhook.objects.filter(pk=hook.pk).update(rests_until=now + REST)
            if kept and again is None:
                record(None, "give_up", hook, delivery=str(delivery.pk), tries=tries)
    return is_taken


def wait_after(tries: int) -> timedelta:
    """Answer how long to wait after so many tries: three times as long each time, between two thirds and all of it by lot."""
    longest: timedelta = min(FIRST_WAIT * FACTOR ** (tries - 1), LONGEST_WAIT)
    return longest * random.uniform(2 / 3, 1)  # noqa: S311  # no secret: so that not all come back at once
