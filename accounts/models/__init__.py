"""Organizations, people and machines, their keys, and the audit log."""

from accounts.models.access_key import AccessKey
from accounts.models.event import Event
from accounts.models.idempotency import IdempotencyRecord
from accounts.models.invitation import Invitation
from accounts.models.notification import Announcement, MutedTopic, Notification
from accounts.models.organization import Organization, Plan
from accounts.models.seal import EventSeal
from accounts.models.user import Role, User
from accounts.models.viewing import ImageViews
from accounts.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "AccessKey",
    "Announcement",
    "Event",
    "EventSeal",
    "IdempotencyRecord",
    "ImageViews",
    "Invitation",
    "MutedTopic",
    "Notification",
    "Organization",
    "Plan",
    "Role",
    "User",
    "Webhook",
    "WebhookDelivery",
]
