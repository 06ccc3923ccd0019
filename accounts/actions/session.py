"""Verbs on browser sessions."""

from collections.abc import Iterable

from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from core.errors import Refused


@transaction.atomic
def end(session: UserSession, *, by: User) -> None:
    """Log one of the own sessions out, whoever sits there; raises Refused for another person's."""
    if session.user_id != by.pk:
        raise Refused("This is another person's session.")
    session.end()
    record(by, "end_session", by, sessions=1)


@transaction.atomic
def end_others(kept: str, *, by: User) -> int:
    """Log all own sessions out but the one of this key; answers how many."""
    ended = _end(UserSession.objects.filter(user=by).exclude(session_key=kept))
    if ended:
        record(by, "end_session", by, sessions=ended)
    return ended


def end_all(user: User) -> int:
    """Log every session of `user` out, in the caller's transaction; answers how many."""
    return _end(UserSession.objects.filter(user=user))


def _end(sessions: Iterable[UserSession]) -> int:
    ended = [session.end() for session in sessions]
    return len(ended)
