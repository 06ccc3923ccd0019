"""What comes into the audit log of coming and going: allauth says what happened, and no typed text is kept."""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.signals import password_changed, password_set, user_logged_in
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
    authenticator_used,
)
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from accounts import second_factor
from accounts.actions import invitation
from accounts.actions.event import record
from accounts.models import User


def connect() -> None:
    """Listen."""
    for signal, receiver in (
        (user_logged_in, _logged_in),
        (user_logged_out, _logged_out),
        (user_login_failed, _failed),
        (authentication_failed, _wrong_factor),
        (authenticator_added, _added),
        (authenticator_removed, _removed),
        (authenticator_reset, _reset),
        (authenticator_used, _used),
        (password_changed, _new_password),
        (password_set, _new_password),
    ):
        signal.connect(receiver, dispatch_uid=f"accounts.access_log.{receiver.__name__}")


def _logged_in(request: HttpRequest, user: User, **_: Any) -> None:
    ways = [str(each["method"]) for each in get_authentication_records(request, user)]
    record(user, "log_in", user, ways=sorted(set(ways)))


def _logged_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record(user, "log_out", user)


def _failed(credentials: dict[str, Any], **_: Any) -> None:
    """Keep that somebody failed, and as whom where there is such a person; never what was typed."""
    address = str(credentials.get("email") or credentials.get("username") or "").lower()
    known = User.objects.filter(email=address).first() if "\x00" not in address else None
    if known is not None:
        record(None, "fail_log_in", known)


def _wrong_factor(user: User, authenticator: Authenticator, **_: Any) -> None:
    record(None, "fail_second_factor", user, kind=authenticator.type)


def _added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type in second_factor.KINDS:  # to set one up is to show it
        second_factor.remember(request, user)
        record_authentication(request, user, method="mfa", reauthenticated=True, id=authenticator.pk, type=authenticator.type)
    record(user, "add_factor", user, kind=authenticator.type)


def _removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    record(user, "remove_factor", user, kind=authenticator.type)


def _reset(user: User, authenticator: Authenticator, **_: Any) -> None:
    record(user, "renew_factor", user, kind=authenticator.type)


def _used(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    second_factor.remember(request, user)


@transaction.atomic
def _new_password(user: User, **_: Any) -> None:
    """Keep that, and end the links that are left: each would take the password off again."""
    record(user, "set_password", user, links_ended=invitation.end_all(user))
