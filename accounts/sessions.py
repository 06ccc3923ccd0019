"""Who a browser's session belongs to, looked up at every request: Django's own ways, by statements that are spelled once."""

import time
from collections.abc import Callable
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User
from core.prepared import Prepared

_SESSION = Prepared(lambda key: Session.objects.filter(session_key=key), key=str)
_USER = Prepared(lambda user: User.objects.filter(pk=user), user=int)


class SessionStore(db.SessionStore):
    """Sessions in the database."""

    def _get_session_from_db(self) -> Session | None:
        found = _SESSION.first(key=str(self.session_key))
        if found is not None and found.expire_date > timezone.now():
            return found
        self._session_key = None
        return None


class _Recalling(ModelBackend):
    """A backend that knows again who is logged in."""

    def get_user(self, user_id: Any) -> User | None:
        """Answer the person of a session; None for who is gone, or may not log in any more."""
        user = _USER.first(user=int(user_id))
        return user if user and self.user_can_authenticate(user) else None


class PasswordBackend(_Recalling):
    """Who gives their password."""


class AccountBackend(_Recalling, AuthenticationBackend):  # type: ignore[misc]  # allauth is untyped
    """Who logs in by the account's pages, in two steps where they have set that up."""


SEEN_EVERY = 60.0
MOST_KNOWN = 10_000


class SeenMiddleware:
    """Write when a session was last seen, once a minute at most; nothing is read for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.written: dict[str, float] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if key := request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            self._see(key)
        return response

    def _see(self, key: str) -> None:
        """Write it; what this process does not know yet is new enough, for the log-in itself wrote it first."""
        now = time.monotonic()
        if len(self.written) >= MOST_KNOWN:
            self.written.clear()
        if now - self.written.setdefault(key, now) >= SEEN_EVERY:
            self.written[key] = now
            UserSession.objects.filter(session_key=key).update(last_seen_at=timezone.now())
