"""Verbs on a person's own tokens: keys for an app on their phone, which may look at the status of things and nothing else."""

from django.db import transaction

from accounts.actions import access_key
from accounts.models import AccessKey, User
from accounts.models.access_key import AccessKeyQuerySet
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Missing

MOST = 10
MOST_DAYS = 365


@transaction.atomic
def issue(*, by: User, name: str, days: int) -> tuple[AccessKey, str]:
    """Make `by` a token and answer it with its text, which is shown this once. Raises Conflict past MOST usable ones."""
    require(by, Permission.VIEW_STATUS)
    if not name.strip() or not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A token has a name, and lasts from 1 to {MOST_DAYS} days.")
    User.objects.select_for_update().get(pk=by.pk)
    if own(by).usable().count() >= MOST:
        raise Conflict(f"You have {MOST} tokens; revoke one that you do not use.")
    return access_key.make(by, by=by, scopes=[access_key.STATUS], days=days, name=name.strip())


@transaction.atomic
def revoke(prefix: str, *, by: User) -> AccessKey:
    """Make an own token useless, within five seconds; twice is success. Raises Missing for what is no token of theirs."""
    found = own(by).select_for_update().filter(prefix=prefix).first()
    if found is None:
        raise Missing("You have no such token.")
    return access_key.end(found, by=by)


def own(user: User) -> AccessKeyQuerySet:
    """Answer a person's own keys."""
    return AccessKey.objects.filter(user=user)
