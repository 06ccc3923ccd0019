"""Errors on the wire: one shape (RFC 9457 problem+json) for the API, one page for people."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from core.errors import Missing, Refusal, Refused

MEDIA_TYPE = "application/problem+json"
TITLES = {405: "Method not allowed", 415: "Unsupported media type"}
"""Where DRF's own words for a refusal are a template that only its detail fills."""


def problem(refusal: Refusal) -> dict[str, Any]:
    """Describe `refusal` as problem details: type, title, status, detail, errors per field, and its facts."""
    body: dict[str, Any] = {
        "type": f"urn:command-centre:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    if refusal.errors:
        body["errors"] = {name: list(texts) for name, texts in refusal.errors.items()}
    return {**refusal.facts, **body}


def problem_response(refusal: Refusal) -> HttpResponse:
    """Answer with `refusal` as problem+json."""
    return HttpResponse(orjson.dumps(problem(refusal), default=str), status=refusal.status, content_type=MEDIA_TYPE)


def drf_exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | Response | None:
    """Map what a view raised to problem+json; None lets the error through as a 500."""
    if isinstance(error, Refusal):
        return problem_response(error)
    if isinstance(error, Http404):
        return problem_response(Missing("There is nothing here."))
    if isinstance(error, PermissionDenied):
        return problem_response(Refused("You may not do this."))
    response = exception_handler(error, dict(context))
    if response is None or not isinstance(error, APIException):
        return response
    refusal = Refusal(str(error.default_detail), code=str(error.default_code))
    refusal.status = error.status_code
    refusal.title = TITLES.get(error.status_code) or str(error.default_detail).rstrip(".")
    if isinstance(error, ValidationError):
        refusal.errors = dict(_per_field(error.detail))
        refusal.detail = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in refusal.errors.items())
    else:
        refusal.detail = str(error.detail)
    answer = problem_response(refusal)
    for header in ("WWW-Authenticate", "Retry-After", "Allow"):
        if header in response.headers:
            answer[header] = response.headers[header]
    return answer


def _per_field(detail: Any, path: str = "") -> list[tuple[str, Sequence[str]]]:
    if isinstance(detail, Mapping):
        return [row for key, value in detail.items() for row in _per_field(value, f"{path}.{key}" if path else str(key))]
    if isinstance(detail, list) and any(isinstance(part, dict | list) for part in detail):
        return [row for index, value in enumerate(detail) for row in _per_field(value, f"{path}[{index}]")]
    texts = detail if isinstance(detail, list) else [detail]
    return [(path or "request", [str(text) for text in texts])]


class RefusalMiddleware:
    """Turn a Refusal that leaves a view into its answer: problem+json under /api/, a page elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a Refusal; anything else is not ours."""
        if not isinstance(error, Refusal):
            return None
        if request.path.startswith(("/api/", "/store/")):
            return problem_response(error)
        facts = {"refusal": error, "heading": HEADINGS.get(error.status, error.title)}
        return render(request, "refusal.html", facts, status=error.status)


HEADINGS = {
    400: _("This cannot be understood"),
    409: _("Not as things stand"),
    422: _("This breaks a rule"),
}
"""What a page says where the title of a problem is the word of a program."""
