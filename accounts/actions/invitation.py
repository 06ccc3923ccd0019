"""Verbs on invitations."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import Invitation, User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid

DAYS = 7


@transaction.atomic
def invite(user: User, *, by: User | None, leads_to: str = "/") -> str:
    """Answer a link that lets `user` in once, within seven days, and leads on; `by` is None for the command line.

    The person's old password works until the link is used, and no longer then. Raises Invalid for a machine, and for who left.
    """
    if by is not None:
        require(by, Permission.MANAGE_PEOPLE, user)
    if user.is_machine:
        raise Invalid(f"{user.name} is a machine; it comes in by an access key.")
    if not User.objects.select_for_update().get(pk=user.pk).is_active:
        raise Invalid(f"{user.name} may not log in; let them come back first.")
    secret = secrets.token_urlsafe(32)
    now = timezone.now()
    made = Invitation.objects.create(
        user=user, sha256=_digest(secret), leads_to=leads_to, created_at=now, expires_at=now + timedelta(days=DAYS)
    )
    record(by, "invite", user, invitation=made.pk)
    return f"{settings.PUBLIC_URL}/accounts/invitation/{secret}/"


def read(token: str) -> Invitation:
    """Answer what a link stands for; raises Invalid when it is spent, revoked, expired or not ours."""
    known = Invitation.objects.filter(sha256=_digest(token)).select_related("user").first()
    if known is not None and known.used_at:
        raise Invalid("This link was used already; ask for a new one.")
    if known is None or known.revoked_at or known.expires_at <= timezone.now() or not known.user.is_active:
        raise Invalid("This link is not valid any more; ask for a new one.")
    return known


@transaction.atomic
def use(token: str) -> Invitation:
    """Spend a link, and the password of its person with it, so that they choose a new one; of two at once one raises Invalid."""
    asked = read(token)
    if not Invitation.objects.open().filter(pk=asked.pk).update(used_at=timezone.now()):
        raise Invalid("This link was used already; ask for a new one.")
    if asked.user.has_usable_password():
        asked.user.set_unusable_password()
        asked.user.save(update_fields=["password"])
    record(asked.user, "use_invitation", asked.user, invitation=asked.pk)
    return asked


@transaction.atomic
def revoke(invitation: Invitation, *, by: User) -> Invitation:
    """Make a link useless; twice is success. Raises Conflict where it was used already."""
    require(by, Permission.MANAGE_PEOPLE, invitation.user)
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.used_at:
        raise Conflict("This link was used already.")
    if locked.revoked_at is None:
        locked.revoked_at = timezone.now()
        locked.save(update_fields=["revoked_at"])
        record(by, "revoke_invitation", invitation.user, invitation=locked.pk)
    return locked


def end_all(user: User) -> int:
    """Make every link of `user` useless, in the caller's transaction; answers how many there were."""
    return Invitation.objects.open().filter(user=user).update(revoked_at=timezone.now())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
