"""The first middleware: a poll with nothing new is answered from the mirror, before anything else is done for it."""

import hashlib
import random
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from deployments.mirror import MIRROR

PATHS = frozenset({"/api/v1/edge/assignment", "/api/v1/edge/assignment/"})
BEARER = "Bearer "
JITTER = 0.1


class PollMiddleware:
    """Answers 304 to an edge that has what it shall run; all else goes on to the view, which decides anew."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or pass on."""
        if request.path_info in PATHS and settings.EDGE_MIRROR and (answer := _unchanged(request)):
            return answer
        return self.get_response(request)


def retry_after(seconds: float) -> str:
    """Spell an interval, a little off for each edge, so that a fleet that woke together does not stay together."""
    return str(round(seconds * (1 + random.uniform(0, JITTER))))  # noqa: S311  # no secret


def _unchanged(request: HttpRequest) -> HttpResponse | None:
    key, known = request.META.get("HTTP_AUTHORIZATION", ""), request.META.get("HTTP_IF_NONE_MATCH", "")
    if not known or not key.startswith(BEARER) or request.method not in ("GET", "HEAD"):
        return None
    etag = MIRROR.etag_of(hashlib.sha256(key[len(BEARER) :].strip().encode(errors="replace")).digest())
    if not etag or f'"{etag}"' not in known:
        return None
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache", "Retry-After": retry_after(MIRROR.poll_seconds)}
    return HttpResponse(status=304, headers=headers)
