"""Who looks at a page of the store."""

from django.http import HttpRequest

from accounts.models import User
from accounts.policy import Permission, require


def viewer(request: HttpRequest) -> User:
    """Answer who looks; raises Refused for those who may not see the store."""
    require(request.user, Permission.VIEW_STORE)
    assert isinstance(request.user, User)
    return request.user
