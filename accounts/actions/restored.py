"""What becomes of doors when the hub is put back from a backup: whatever was shut since would stand open again."""

from collections.abc import Sequence
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from accounts.actions import access_key
from accounts.actions.event import record
from accounts.models import Invitation


@transaction.atomic
def settle(revoked_since: Sequence[str] = ()) -> dict[str, Any]:
    """End all sessions, every one-time link, and the keys of these prefixes; answers how many links and keys. Twice is success.

    A link may have been used since, and nobody remembers. Raises Missing for a prefix that is no key's, and ends nothing then.
    """
    keys = [access_key.revoke(prefix, by=None) for prefix in dict.fromkeys(revoked_since)]
    Session.objects.all().delete()
    UserSession.objects.all().delete()
    open_links = list(Invitation.objects.filter(used_at=None, revoked_at=None).select_related("user"))
    for link in open_links:
        record(None, "revoke_invitation", link.user, invitation=link.pk)
    Invitation.objects.filter(pk__in=[link.pk for link in open_links]).update(revoked_at=timezone.now())
    return {"links_ended": len(open_links), "keys_revoked": len(keys)}
