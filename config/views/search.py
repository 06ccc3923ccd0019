"""The search: its page, and its answer through the API."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.api.permissions import KnownPermission
from accounts.models import User
from config import search as searching


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show what was found of each kind, a few of each."""
    assert isinstance(request.user, User)
    text = searching.asked(request.GET.get("q", ""))
    groups = searching.search(request.user, text)
    return render(request, "search.html", {"asked": text, "groups": groups, "most": searching.MOST})


class Search(APIView):
    """Open to everybody who is known: each finds what they may see."""

    permission_classes = [KnownPermission]

    @extend_schema(parameters=[OpenApiParameter("q", required=True)], responses=dict)
    def get(self, request: Request) -> Response:
        """Answer, of each kind, up to eight things whose id begins with `q` or whose name holds it; two characters at least."""
        text = searching.asked(request.query_params.get("q", ""))
        groups = searching.search(speaker(request), text)
        return Response({"q": text, "groups": [_document(group) for group in groups]})


def _document(group: searching.Group) -> dict[str, Any]:
    return {"kind": group.kind, "results": [vars(hit) for hit in group.hits]}
