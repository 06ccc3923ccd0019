"""Who a browser's session belongs to, looked up at every request: Django's own ways, by statements that are spelled once."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
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
