"""The few endpoints that are hot are plain function views: this is their door, and the reading of their body."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import get_user
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from accounts import second_factor
from accounts.api.authentication import SCHEME, authenticate_header
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Malformed
from core.problems import drf_exception_handler

View = Callable[..., HttpResponse]


class BodyTooLarge(Malformed):
    """More bytes than a request may have (413)."""

    status = 413
    code = "body_too_large"
    title = "The request is too large"


def authorise(permission: Permission) -> Callable[[View], View]:
    """Let in who holds a key, or a browser session, that grants `permission`; sets `request.user` and `request.auth`.

    Answers problem+json: 401 for nobody, 403 for somebody who may not.
    """

    def decorate(view: View) -> View:
        @csrf_exempt  # a session is checked below, a key needs no such check
        @login_not_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                _recognise(request)
            except APIException as error:
                answer = drf_exception_handler(error, {})
                assert isinstance(answer, HttpResponse)
                if answer.status_code == 401:
                    answer["WWW-Authenticate"] = SCHEME
                return answer
            require(request.user, permission)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def speaker(request: Any) -> User:
    """Answer who makes a request that was let in, of Django or of DRF."""
    user = request.user
    assert isinstance(user, User)
    return user


def read_json(request: HttpRequest) -> dict[str, Any]:
    """Read the body, one JSON object; raises Malformed."""
    try:
        body = orjson.loads(request.body or b"{}")
    except RequestDataTooBig as error:
        raise BodyTooLarge("The body is larger than this hub takes; send less at once.") from error
    except orjson.JSONDecodeError as error:
        raise Malformed("The body is no JSON.") from error
    if not isinstance(body, dict):
        raise Malformed("The body must be one JSON object.")
    return body


def read_body(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """Answer the body of a request of DRF, checked by a serializer; raises DRF's ValidationError."""
    asked = form(data=request.data)
    asked.is_valid(raise_exception=True)
    facts: dict[str, Any] = asked.validated_data
    return facts


def _recognise(request: HttpRequest) -> None:
    spoken = authenticate_header(request.META.get("HTTP_AUTHORIZATION", ""))
    if spoken:
        request.user, request.auth = spoken  # type: ignore[attr-defined]  # as DRF names it
        return
    user = get_user(request)  # not behind the lazy one, which every look at it would go through
    if not isinstance(user, User) or not user.is_active:
        raise NotAuthenticated
    second_factor.require_shown(request, user)
    request.user, request.auth = user, None  # type: ignore[attr-defined]
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        # Django's own request: DRF's would want to parse the JSON while it looks for a form's token
        SessionAuthentication().enforce_csrf(request)  # type: ignore[arg-type]
