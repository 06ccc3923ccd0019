"""`training/signing-requests`: what key holders are asked to sign, the file they take along, and the one they bring back."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import BodyTooLarge, authorise, speaker
from accounts.api.openapi import described
from accounts.policy import Permission
from core.errors import Conflict
from core.pages import found
from core.paging import keyset_page, page_size
from training import trust
from training.actions import model_version
from training.models import SigningRequest, SigningState


class Bytes(BaseParser):
    """A file as it is: signatures are checked over its very bytes."""

    media_type = "*/*"

    def parse(  # type: ignore[override]  # it may answer anything: request.data is that
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> bytes:
        """Read it within its bound."""
        content: bytes = stream.read(trust.MOST_BYTES + 1)
        if len(content) > trust.MOST_BYTES:
            raise BodyTooLarge(f"A signed file has {trust.MOST_BYTES:,} bytes at most.")
        return content


class SigningRequests(APIView):
    """What was asked of key holders."""

    permission = Permission.RELEASE_MODEL

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first."""
        rows = SigningRequest.objects.all()
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row) for row in page.results], "next": page.next})


class OneSigningRequest(APIView):
    """One request."""

    permission = Permission.RELEASE_MODEL

    @extend_schema(responses=dict)
    def get(self, request: Request, number: str) -> Response:
        """Answer what it changes, who signed, and while it is open who may still."""
        return Response(document(_found(number)))


class Signatures(APIView):
    """What key holders bring back."""

    permission = Permission.RELEASE_MODEL
    parser_classes = (Bytes,)

    @extend_schema(request=OpenApiTypes.BINARY, responses=dict)
    def post(self, request: Request, number: str) -> Response:
        """Take a signed file; with the last signature that is needed it is in force, and `released` names the versions."""
        row, signers = _found(number), trust.at_hand()
        content = request.data if isinstance(request.data, bytes) else b""
        released = model_version.admit_signature(content, by=speaker(request), signers=signers)
        row.refresh_from_db()
        return Response({**document(row), "released": [version.pk for version in released]})


@described("GET", operation_id="training_signing_request_file", responses=OpenApiTypes.BINARY)
@require_safe
@authorise(Permission.RELEASE_MODEL)
def signing_file(request: HttpRequest, number: str) -> HttpResponse:
    """Answer the file that goes to the key holders; raises Conflict for a request that is over."""
    row = _found(number)
    if row.state != SigningState.OPEN:
        raise Conflict(f"This {row} is {row.state}; there is nothing to sign any more.")
    return HttpResponse(trust.request_file(), content_type="application/json")


def document(row: SigningRequest) -> dict[str, Any]:
    """Answer a request; `wanted` are the documents of an open one, with the names of who signed and who may."""
    facts = {name: getattr(row, name) for name in ("id", "state", "asks", "signed", "opened_at", "closed_at")}
    is_open = row.state == SigningState.OPEN
    wanted = [_wanted(one) for one in trust.wanted_signatures()] if is_open else []
    standing = str(trust.standing()) if is_open else None
    return {**facts, "asked_by": row.asked_by_id, "standing": standing, "wanted": wanted}


def _wanted(one: trust.Wanted) -> dict[str, Any]:
    named = {key: trust.name_of(told) for key, told in one.keys.items()}
    return {
        "role": one.role,
        "threshold": one.threshold,
        "signed": [name for key, name in named.items() if key in one.signed],
        "able": [name for key, name in named.items() if key not in one.signed],
    }


def _found(number: str) -> SigningRequest:
    return found(SigningRequest.objects.all(), pk=number)
