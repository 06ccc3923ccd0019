"""Verbs on webhooks: add, change, give a new secret, retire, and send a delivery again."""

import secrets
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import Organization, User, Webhook, WebhookDelivery
from accounts.policy import Permission, require
from accounts.topics import FOR_WEBHOOKS
from accounts.webhook_signature import secret_of
from core.errors import Conflict, Invalid
from core.outbound import check_url
from core.queue import enqueue

LONGEST_URL = 500
MOST = 50
"""So many webhooks listen at once at most: each event is held against each."""


@transaction.atomic
def add(
    name: str, *, url: str, topics: Sequence[str], by: User, organization: Organization | None = None
) -> tuple[Webhook, str]:
    """Tell `url` of `topics` from now on, of one organization or of all; answers it and its secret, which is shown this once."""
    require(by, Permission.MANAGE_WEBHOOKS, organization)
    if Webhook.objects.filter(retired_at__isnull=True).count() >= MOST:
        raise Conflict(f"There are {MOST} webhooks already; retire one first.")
    hook = Webhook(organization=organization, salt=secrets.token_hex(16), created_by=by)
    _describe(hook, name, url, topics)
    hook.save(force_insert=True)
    record(by, "add", hook, topics=hook.topics)
    return hook, secret_of(hook.salt)


@transaction.atomic
def revise(
    hook: Webhook,
    *,
    by: User,
    name: str | None = None,
    url: str | None = None,
    topics: Sequence[str] | None = None,
    is_active: bool | None = None,
) -> Webhook:
    """Change a webhook; None leaves a thing as it is. While it is not active, nothing is kept for it. Raises Conflict if retired."""
    require(by, Permission.MANAGE_WEBHOOKS, hook)
    hook = _in_use(hook)
    _describe(
        hook, hook.name if name is None else name, hook.url if url is None else url, hook.topics if topics is None else topics
    )
    hook.is_active = hook.is_active if is_active is None else is_active
    hook.rests_until = None
    hook.save(update_fields=["name", "url", "topics", "is_active", "rests_until"])
    record(by, "revise", hook, topics=hook.topics, is_active=hook.is_active)
    return hook


@transaction.atomic
def rotate(hook: Webhook, *, by: User) -> tuple[Webhook, str]:
    """Give it a new secret, by which it is signed from now on; answers both, the secret this once."""
    require(by, Permission.MANAGE_WEBHOOKS, hook)
    hook = _in_use(hook)
    hook.salt = secrets.token_hex(16)
    hook.save(update_fields=["salt"])
    record(by, "rotate", hook)
    return hook, secret_of(hook.salt)


@transaction.atomic
def retire(hook: Webhook, *, by: User) -> Webhook:
    """Tell it of nothing more; what it was told stays on record. Twice is success."""
    require(by, Permission.MANAGE_WEBHOOKS, hook)
    hook = Webhook.objects.select_for_update(of=("self",)).get(pk=hook.pk)
    if hook.retired_at is None:
        hook.retired_at = timezone.now()
        hook.save(update_fields=["retired_at"])
        hook.deliveries.filter(due_at__isnull=False).update(due_at=None, error="The webhook was retired.")
        record(by, "retire", hook)
    return hook


@transaction.atomic
def redeliver(delivery: WebhookDelivery, *, by: User) -> WebhookDelivery:
    """Send it again, at once and as often as a new one, under the same id, by which its receiver knows it. Twice is success."""
    require(by, Permission.MANAGE_WEBHOOKS, delivery.webhook)
    hook = _in_use(delivery.webhook)
    delivery.tries, delivery.due_at, delivery.delivered_at, delivery.error = 0, timezone.now(), None, ""
    delivery.save(update_fields=["tries", "due_at", "delivered_at", "error"])
    Webhook.objects.filter(pk=hook.pk).update(rests_until=None)
    record(by, "redeliver", hook, delivery=str(delivery.pk))
    enqueue("accounts.tasks.deliver", str(hook.pk))
    return delivery


def _in_use(hook: Webhook) -> Webhook:
    hook = Webhook.objects.select_for_update(of=("self",)).get(pk=hook.pk)
    if hook.retired_at is not None:
        raise Conflict("This webhook was retired; add another.")
    return hook


def _describe(hook: Webhook, name: str, url: str, topics: Sequence[str]) -> None:
    check_url(url, longest=LONGEST_URL)
    name = name.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise Invalid("A webhook has a name of up to 80 characters.", errors={"name": ["It has 1 to 80 characters."]})
    if unknown := set(topics) - set(FOR_WEBHOOKS):
        raise Invalid(f"There is no topic {', '.join(sorted(unknown)[:5])}.", errors={"topics": ["Unknown."]})
    if not topics:
        raise Invalid("Say at least one topic that it is told of.", errors={"topics": ["Say at least one."]})
    hook.name, hook.url, hook.topics = name, url, sorted(set(topics))
