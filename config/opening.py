"""Whether anybody is let in: not while a restore is not done, for then what was erased may be there again."""

from collections.abc import Callable
from typing import Any

import structlog
from celery.signals import worker_init
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse

from core.errors import Unavailable
from core.problems import problem_response

ALWAYS = frozenset({"/live", "/metrics"})
SENTENCE = (
    "This hub was restored from a backup and is not open yet: what was erased since has to be erased again. "
    "`manage.py restore --go-on` says what is left."
)

logger = structlog.get_logger(__name__)


def is_closed() -> bool:
    """Ask the database whether a restore is not done."""
    from config.models import Restore

    return Restore.objects.closed().exists()


class OpeningMiddleware:
    """Lets nobody in until this process has once seen the hub open; a restore needs the web stopped, so once is enough."""

    was_open = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, or refuse with 503."""
        if OpeningMiddleware.was_open or request.path_info in ALWAYS:
            return self.get_response(request)
        try:
            if is_closed():
                return problem_response(Unavailable(SENTENCE, code="restoring"))
        except Error:
            return problem_response(Unavailable("The database does not answer, or was not migrated."))
        OpeningMiddleware.was_open = True
        return self.get_response(request)


@worker_init.connect
def refuse_while_closed(**_: Any) -> None:
    """End a worker that would work on a hub which is not open; a database that does not answer yet is waited for by its tasks."""
    try:
        closed = is_closed()
    finally:
        connections.close_all()  # nothing that a fork would share
    if closed:
        logger.error("not open", reason=SENTENCE)
        raise SystemExit(SENTENCE)
