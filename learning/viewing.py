"""Which pictures a request hands to its person: noted where their addresses are signed, and counted once it was answered."""

from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from accounts.actions.viewing import VIEWS
from accounts.models import User

_HANDED: ContextVar[set[str] | None] = ContextVar("handed_pictures", default=None)


def handed(name: str) -> None:
    """Note that the request at hand gives away the address of an image, by the object's name."""
    if (pictures := _HANDED.get()) is not None:
        pictures.add(name)


class ViewingMiddleware:
    """Count the pictures that people are shown, each once a request; machines are not counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and count what it handed out."""
        token = _HANDED.set(set())
        try:
            response = self.get_response(request)
            pictures = _HANDED.get()
        finally:
            _HANDED.reset(token)
        if pictures and isinstance(request.user, User) and not request.user.is_machine:
            VIEWS.note(request.user.pk, len(pictures))
        return response
