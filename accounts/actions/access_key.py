"""Verbs on access keys."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.cache import caches
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import AccessKey, User
from accounts.policy import Permission, require
from core import prepared
from core.errors import Conflict, Invalid, Missing

STATUS = "status"
SCOPES = frozenset({"objects:adopt", STATUS})
LIMITED_TO = {STATUS: frozenset({Permission.VIEW_STATUS})}
"""Scopes that take away: a key of such a scope may do no more than this, whatever its user may."""
USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def issue(
    user: User, *, by: User | None, scopes: Sequence[str] = (), days: int | None = None, name: str = ""
) -> tuple[AccessKey, str]:
    """Make a key for `user` and answer it with its text, which is shown this once; `by` is None for the command line."""
    if by is not None:
        require(by, Permission.MANAGE_KEYS, user)
    unknown = set(scopes) - SCOPES
    if unknown:
        raise Invalid(f"There is no scope {', '.join(sorted(unknown))}.")
    return make(user, by=by, scopes=scopes, days=days, name=name)


def make(user: User, *, by: User | None, scopes: Sequence[str], days: int | None, name: str) -> tuple[AccessKey, str]:
    """Write a key that somebody was allowed; answers it and its text."""
    prefix = secrets.token_hex(6)
    text = f"cc_{prefix}_{secrets.token_urlsafe(32)}"
    key = AccessKey.objects.create(
        user=user,
        name=name[:100],
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
    return end(key, by=by)


def end(key: AccessKey, *, by: User | None) -> AccessKey:
    """Revoke a locked key, in the caller's transaction."""
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
    key = _OF_PREFIX.first(prefix=parts[1])
    if (
        key is None
        or (key.expires_at is not None and key.expires_at <= now)
        or not hmac.compare_digest(key.sha256, digest(text))
    ):
        return None
    if key.last_used_at is None or now - key.last_used_at > USED_EVERY:
        prepared.update(AccessKey, {"pk": key.pk}, {"last_used_at": now})
    caches["keys"].set(key.sha256, key, settings.KEY_SECONDS)
    return key


def _of_prefix(prefix: str) -> QuerySet[AccessKey]:
    valid = AccessKey.objects.filter(prefix=prefix, revoked_at__isnull=True, user__is_active=True)
    return valid.select_related("user__organization")[:1]


_OF_PREFIX = prepared.Prepared(_of_prefix, prefix=str)


def digest(text: str) -> str:
    """Answer what is kept of a key: the hex SHA-256 of its whole text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
