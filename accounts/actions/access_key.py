"""Verbs on access keys."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.cache import caches
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import AccessKey, User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Missing

SCOPES = frozenset({"objects:adopt"})
USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def issue(user: User, *, by: User | None, scopes: Sequence[str] = (), days: int | None = None) -> tuple[AccessKey, str]:
    """Make a key for `user` and answer it with its text, which is shown this once; `by` is None for the command line."""
    if by is not None:
        require(by, Permission.MANAGE_KEYS, user)
    unknown = set(scopes) - SCOPES
    if unknown:
        raise Invalid(f"There is no scope {', '.join(sorted(unknown))}.")
    prefix = secrets.token_hex(6)
    text = f"cc_{prefix}_{secrets.token_urlsafe(32)}"
    key = AccessKey.objects.create(
        user=user,
        prefix=prefix,
        sha256=digest(text),
        scopes=sorted(set(scopes)),
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    record(by, "issue", key, user=user.pk, scopes=key.scopes)
    return key, text


@transaction.atomic
def adopt(user: User, sha256: str, prefix: str) -> AccessKey:
    """Keep the hash of a key that a machine made for itself (enrolment)."""
    if AccessKey.objects.filter(prefix=prefix).exists():
        raise Conflict("There is a key of this prefix already; make another.")
    key = AccessKey.objects.create(user=user, prefix=prefix, sha256=sha256)
    record(user, "adopt", key, user=user.pk)
    return key


@transaction.atomic
def revoke(prefix: str, *, by: User | None) -> AccessKey:
    """Make a key useless, within five seconds; `by` is None for the command line. Raises Missing; twice is success."""
    key = AccessKey.objects.select_for_update().filter(prefix=prefix).select_related("user").first()
    if key is None:
        raise Missing(f"There is no key {prefix}.")
    if by is not None:
        require(by, Permission.MANAGE_KEYS, key.user)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        record(by, "revoke", key, user=key.user_id)
        transaction.on_commit(lambda: caches["keys"].delete(key.sha256))
    return key


def authenticate(text: str) -> AccessKey | None:
    """Answer the usable key of this text with its user, or None; marks its use at most once a minute.

    A key that was good is believed for KEY_SECONDS more without asking the database.
    """
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "cc":
        return None
    now = timezone.now()
    key: AccessKey | None = caches["keys"].get(digest(text))
    if key is not None and (key.expires_at is None or key.expires_at > now):
        return key
    key = AccessKey.objects.usable(now).filter(prefix=parts[1]).select_related("user__organization").first()
    if key is None or not hmac.compare_digest(key.sha256, digest(text)):
        return None
    if key.last_used_at is None or now - key.last_used_at > USED_EVERY:
        AccessKey.objects.filter(pk=key.pk).update(last_used_at=now)
    caches["keys"].set(key.sha256, key, settings.KEY_SECONDS)
    return key


def digest(text: str) -> str:
    """Answer what is kept of a key: the hex SHA-256 of its whole text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
