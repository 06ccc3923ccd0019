"""What the web processes count: requests and how long they took, by few and fixed labels.

Under gunicorn the counts lie in files of a folder that all processes share (config/gunicorn.py), so any of them answers for all.
Polls that the mirror answers are not counted: they come before this.
"""

import os
from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

KINDS = (("/api/v1/edge/", "edge"), ("/api/v1/learning/batches", "city"), ("/api/", "api"), ("/store/", "store"))
OTHERS = frozenset({"/live", "/ready", "/metrics"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

OWN = CollectorRegistry()
REQUESTS = Counter(
    "cc_http_requests", "Requests answered, by what kind of client asked.", ["kind", "method", "status"], registry=OWN
)
SECONDS = Histogram("cc_http_seconds", "Seconds until a request was answered.", ["kind"], buckets=BUCKETS, registry=OWN)


class CountingMiddleware:
    """Counts each request when it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._requests: dict[tuple[str, str, str], Counter] = {}
        self._seconds = {kind: SECONDS.labels(kind) for _, kind in (*KINDS, ("", "page"))}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, and count."""
        if request.path_info in OTHERS:
            return self.get_response(request)
        began = perf_counter()
        response = self.get_response(request)
        kind = kind_of(request.path_info)
        method = request.method if request.method in METHODS else "other"
        key = (kind, str(method), f"{response.status_code // 100}xx")
        if key not in self._requests:
            self._requests[key] = REQUESTS.labels(*key)
        self._requests[key].inc()
        self._seconds[kind].observe(perf_counter() - began)
        return response


def kind_of(path: str) -> str:
    """Answer who asks for this path: an edge, a city, a program, a browser for an object, or a person."""
    return next((kind for start, kind in KINDS if path.startswith(start)), "page")


def counted() -> CollectorRegistry:
    """Answer what all web processes counted together."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return OWN
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared
