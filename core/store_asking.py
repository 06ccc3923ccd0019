"""Asking a store over HTTP as any client would, whatever it answers: a service by the network, the file store by its view."""

import io
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from django.core.handlers.wsgi import WSGIRequest

from core.errors import Refusal
from core.storage import StoreError
from core.store_views import stored_object

TIMEOUT = 20


@dataclass
class Answer:
    """What came back for a request over HTTP; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask_service(method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Send a request to a service; raises StoreError where nobody answers."""
    request = urllib.request.Request(url, method=method, headers=headers, data=body or None)  # noqa: S310  (the store we are set to)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return Answer(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), error.read())
    except (OSError, HTTPException) as error:
        raise StoreError(f"{urlsplit(url).netloc} does not answer: {error}") from error


def ask_hub(method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Ask the view that serves the file store, as a web server would hand it the request."""
    parts = urlsplit(url)
    environment = {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in headers.items()}
    environment |= {
        "REQUEST_METHOD": method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or 80),
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": headers.get("content-length", str(len(body))),
    }
    try:
        answer: Any = stored_object(WSGIRequest({**environment, "wsgi.input": io.BytesIO(body)}), parts.path.rpartition("/")[2])
    except Refusal as refusal:
        return Answer(refusal.status, {}, b"")
    return Answer(answer.status_code, _lower(answer.headers), answer.getvalue() if answer.streaming else answer.content)


def _lower(headers: Any) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}
