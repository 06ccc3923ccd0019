"""Organizations, people and machines, their keys, and the audit log."""

from accounts.models.access_key import AccessKey
from accounts.models.event import Event
from accounts.models.idempotency import IdempotencyRecord
from accounts.models.organization import Organization, Plan
from accounts.models.user import Role, User

__all__ = ["AccessKey", "Event", "IdempotencyRecord", "Organization", "Plan", "Role", "User"]
