"""Whether this process lives, whether what it needs answers, and the figures that Prometheus reads."""

import ipaddress
import secrets
from collections.abc import Callable

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from core.errors import Refused

BEARER = "Bearer "
logger = structlog.get_logger(__name__)


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """Answer that the process runs; touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer whether database and cache do their work: 200, or 503 where one does not; the log says why."""
    found = {name: _answers(name, ask) for name, ask in {"database": _ask_database, "cache": _ask_cache}.items()}
    return JsonResponse(
        {name: "ok" if answers else "does not answer" for name, answers in found.items()},
        status=200 if all(found.values()) else 503,
        headers={"Cache-Control": "no-store"},
    )


def _answers(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except Exception:  # a driver's own errors have no common base
        logger.exception("not ready", part=name)
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    word = secrets.token_hex(8)
    cache.set(f"ready:{word}", word, timeout=10)
    if cache.get(f"ready:{word}") != word:
        raise RuntimeError("The cache forgot what it was told.")


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer every figure as text, to who has METRICS_TOKEN; where none is set, to this machine only."""
    if not _may_read(request):
        raise Refused("Metrics are read with METRICS_TOKEN as a bearer, or from the hub's own machine where none is set.")
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    from config.metrics.counting import counted
    from config.metrics.standing import STANDING

    gauges = CollectorRegistry()
    gauges.register(STANDING)
    return HttpResponse(generate_latest(counted()) + generate_latest(gauges), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return secrets.compare_digest(given.encode(), f"{BEARER}{settings.METRICS_TOKEN}".encode())
    try:  # with a proxy in between everybody comes from where the proxy is
        return (
            ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback and "X-Forwarded-For" not in request.headers
        )
    except ValueError:
        return False
