"""Who must show a second factor, and whether a browser's session has: asked by pages, by Django's admin and by the API."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import Role, User
from core.errors import Refused

SHOWN = "second_factor"
KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
OPEN = frozenset({"account_reauthenticate", "account_logout", "account_set_password"})
"""What somebody may open before, beside the pages where a second factor is set up."""
SHOWING = frozenset({"mfa_reauthenticate", "mfa_reauthenticate_webauthn"})
"""Where one is shown. Who has one may open no other of its pages before: a password alone would add another, or make codes."""


def of(user: User) -> "QuerySet[Authenticator]":
    """Answer what a person can show: apps and passkeys, not the codes that stand in for them."""
    return Authenticator.objects.filter(user=user, type__in=KINDS)  # type: ignore[no-any-return]


def is_required_of(user: User) -> bool:
    """Tell whether this person may do nothing without one."""
    return bool(settings.MFA_REQUIRED_FOR_SUPER_ADMINS) and user.role == Role.SUPER_ADMIN


def remember(request: HttpRequest, user: User) -> None:
    """Keep in the session that its person showed one."""
    request.session[SHOWN] = user.pk


def is_owed(request: Any, user: User) -> bool:
    """Tell whether the session of this request must show one first."""
    return is_required_of(user) and request.session.get(SHOWN) != user.pk


def require_shown(request: Any, user: User) -> None:
    """Raise Refused where a session still owes its second factor."""
    if is_owed(request, user):
        raise Refused("Set up a second factor for your log-in first, or show it.", code="second_factor_owed")


class SecondFactorMiddleware:
    """Lead who owes a second factor to where it is set up or shown, whatever page they ask for; the API's doors ask themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Lead on, or let through."""
        if not settings.MFA_REQUIRED_FOR_SUPER_ADMINS or not getattr(view, "login_required", True):
            return None
        user, name = request.user, (request.resolver_match and request.resolver_match.view_name) or ""
        if name in OPEN | SHOWING or not isinstance(user, User) or not is_owed(request, user):
            return None
        if not of(user).exists():
            return None if name.startswith("mfa_") else redirect("mfa_index")
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': request.get_full_path()})}")
