"""Who asks for a page."""

from django.http import HttpRequest

from accounts.models import User


def asker(request: HttpRequest) -> User:
    """Answer the person of a page that only those who are logged in reach."""
    assert isinstance(request.user, User)
    return request.user
