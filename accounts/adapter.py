"""How allauth meets us: people come by invitation, no mail is sent, and what is secret is kept encrypted."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.urls import reverse

from accounts import second_factor
from accounts.models import User
from core.errors import Unavailable


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """Closes the sign-up page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: `manage.py adduser` and the page of users invite."""
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Lead back to the own account."""
        return reverse("people:account")

    def get_client_ip(self, request: HttpRequest) -> str:
        """Answer who asks, for limits and the list of sessions; behind a proxy that says nothing all are one."""
        try:
            return str(super().get_client_ip(request))
        except (ImproperlyConfigured, PermissionDenied):  # fewer proxies than TRUSTED_PROXIES stand in front
            return request.META.get("REMOTE_ADDR") or UNKNOWN_ADDRESS


ISSUER_AWAY = "Your organization's own log-in does not answer at the moment. Try again later, or log in by your password."
UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104  (said of a client, nothing listens there)


class KnownOnlyAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Lets in by an organization's own log-in only who was invited, known by the address that it vouches for."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Never: an account there makes none here."""
        return False

    def authenticate_by_email(self, sociallogin: Any) -> Any:
        """Believe only an address that is said to be verified; some issuers say so in words, and "false" is a word too."""
        for address in sociallogin.email_addresses:
            address.verified = str(address.verified).lower() == "true"
        return super().authenticate_by_email(sociallogin)

    def get_requests_session(self) -> Any:
        """Ask the issuer, and say in a sentence where it does not answer."""
        session = super().get_requests_session()
        ask = session.request
        session.request = lambda *asked, **options: _answered(lambda: ask(*asked, **options))
        return session


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the secrets of authenticator apps and recovery codes unreadable in a copy of the database."""

    def encrypt(self, text: str) -> str:
        """Encrypt by SECRET_KEY."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Read what `encrypt` wrote, also by a former SECRET_KEY that is still among the fallbacks."""
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Refuse to take the last factor off somebody who must have one."""
        owner = authenticator.user
        if not isinstance(owner, User) or not second_factor.is_required_of(owner):
            return True
        if authenticator.type == Authenticator.Type.RECOVERY_CODES:
            return True
        return second_factor.of(owner).exclude(pk=authenticator.pk).exists()

    def get_totp_issuer(self) -> str:
        """Say in the app which account this is."""
        return "Command Centre"

    def _get_site_name(self) -> str:
        return "Command Centre"


def _answered(ask: Callable[[], Any]) -> Any:
    from requests import RequestException  # only where an organization's own log-in is set up

    try:
        answer = ask()
    except RequestException as error:
        raise Unavailable(ISSUER_AWAY) from error
    if answer.status_code >= 500:
        raise Unavailable(ISSUER_AWAY)
    return answer


def _cipher() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"factors:{key}".encode()).digest())) for key in keys])
