"""Who speaks on the API: the holder of an access key, or the person of this browser session."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

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


def authenticate_header(header: str) -> tuple[User, AccessKey] | None:
    """Read an Authorization header; raises AuthenticationFailed for a key that is unknown, expired or revoked."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != SCHEME.lower():
        return None
    key = access_key.authenticate(text.strip())
    if key is None:
        raise AuthenticationFailed("This key is not known, has expired or was revoked.")
    return key.user, key


def scopes_of(request: Any) -> frozenset[str]:
    """Answer the scopes of the key a request was made with (none for a session)."""
    return frozenset(request.auth.scopes) if isinstance(getattr(request, "auth", None), AccessKey) else frozenset()
