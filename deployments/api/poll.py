"""The first middleware: a poll or heartbeat with nothing new is answered from the mirror, before anything else is done for it."""

import hashlib
import random
from collections.abc import Callable

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from deployments import presence
from deployments.mirror import MIRROR, Known

PATHS = frozenset({"/api/v1/edge/assignment", "/api/v1/edge/assignment/"})
HEARTBEATS = frozenset({"/api/v1/edge/heartbeat", "/api/v1/edge/heartbeat/"})
BEARER = "Bearer "
LONGEST_HEARTBEAT = 16_000
WHOLLY = 0.02
"""So many heartbeats are taken down wholly although they say nothing new: what a row lost otherwise is set right by one of the next."""
JITTER = 0.1


class PollMiddleware:
    """Answers 304 to an edge that has what it shall run, and 200 to one that says what it said before; all else goes on to the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or pass on."""
        if request.path_info in PATHS and settings.EDGE_MIRROR and (answer := _unchanged(request)):
            return answer
        if request.path_info in HEARTBEATS and settings.EDGE_MIRROR and (answer := _as_before(request)):
            return answer
        return self.get_response(request)


def retry_after(seconds: float) -> str:
    """Spell an interval, a little off for each edge, so that a fleet that woke together does not stay together."""
    return str(round(seconds * (1 + random.uniform(0, JITTER))))  # noqa: S311  # no secret


def is_whole() -> bool:
    """Choose whether a heartbeat is taken down wholly, whatever it says."""
    return random.random() < WHOLLY  # noqa: S311  # no secret


def _unchanged(request: HttpRequest) -> HttpResponse | None:
    known = request.META.get("HTTP_IF_NONE_MATCH", "")
    if not known or request.method not in ("GET", "HEAD"):
        return None
    edge = _speaking(request)
    if edge is None or not edge.etag or f'"{edge.etag}"' not in known:
        return None
    headers = {"ETag": f'"{edge.etag}"', "Cache-Control": "private, no-cache", "Retry-After": retry_after(MIRROR.poll_seconds)}
    return HttpResponse(status=304, headers=headers)


def _as_before(request: HttpRequest) -> HttpResponse | None:
    is_short = request.META.get("CONTENT_LENGTH", "").isdigit() and int(request.META["CONTENT_LENGTH"]) <= LONGEST_HEARTBEAT
    if request.method != "POST" or not is_short or is_whole():
        return None
    edge = _speaking(request)
    if edge is None or not edge.heard:
        return None
    try:
        said = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or said.get("telemetry") or presence.sha256_of(said) != edge.heard:
        return None
    presence.PRESENCE.note(edge.edge)
    body = orjson.dumps({"poll_seconds": settings.EDGE_POLL_SECONDS})
    return HttpResponse(body, content_type="application/json", headers={"Content-Length": str(len(body))})


def _speaking(request: HttpRequest) -> Known | None:
    key = request.META.get("HTTP_AUTHORIZATION", "")
    if not key.startswith(BEARER):
        return None
    return MIRROR.known(hashlib.sha256(key[len(BEARER) :].strip().encode(errors="replace")).digest())
