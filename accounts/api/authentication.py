"""Who speaks on the API: the holder of an access key, or the person of this browser session."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from structlog.contextvars import bind_contextvars

from accounts import second_factor
from accounts.actions import access_key
from accounts.models import AccessKey, User

SCHEME = "Bearer"


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer cc_<prefix>_<secret>`."""

    def authenticate(self, request: Request) -> tuple[User, AccessKey] | None:
        """Answer the key's user and the key; None where no key was sent; 401 where it is not usable."""
        return authenticate_header(request.META.get("HTTP_AUTHORIZATION", ""))

    def authenticate_header(self, request: Request) -> str:
        """Say what to send, so that a refused key is 401 and not 403."""
        return SCHEME


class PersonAuthentication(SessionAuthentication):
    """The person of this browser session, with the second factor that they may have to show."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Answer the person, or None; raises Refused where a second factor is owed."""
        found = super().authenticate(request)
        if found is None or not isinstance(found[0], User):
            return None
        second_factor.require_shown(request, found[0])
        return found[0], None


def authenticate_header(header: str) -> tuple[User, AccessKey] | None:
    """Read an Authorization header; raises AuthenticationFailed for a key that is unknown, expired or revoked."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != SCHEME.lower():
        return None
    key = access_key.authenticate(text.strip())
    if key is None:
        raise AuthenticationFailed("This key is not known, has expired or was revoked.")
    for scope in access_key.LIMITED_TO.keys() & set(key.scopes):
        key.user.limited_to = access_key.LIMITED_TO[scope]
    bind_contextvars(user_id=key.user_id)  # a session's person is bound by the middleware
    return key.user, key


def scopes_of(request: Any) -> frozenset[str]:
    """Answer the scopes of the key a request was made with (none for a session)."""
    return frozenset(request.auth.scopes) if isinstance(getattr(request, "auth", None), AccessKey) else frozenset()
