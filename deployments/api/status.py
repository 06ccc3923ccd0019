"""`status/edges`: which version each edge server runs, for a phone; read-only, by a token that can do nothing else."""

from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.policy import Permission
from core.paging import keyset_page, page_size
from deployments.models import EdgeServer, EdgeSlot


class SlotStanding(serializers.Serializer[Any]):
    """What an edge runs of one module, and what it shall run."""

    ai_module = serializers.CharField()
    active_version = serializers.CharField(allow_null=True)
    desired_version = serializers.CharField(allow_null=True)
    held = serializers.BooleanField()
    reported_at = serializers.DateTimeField(allow_null=True)


class EdgeStanding(serializers.Serializer[Any]):
    """How one edge server stands."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    slots = SlotStanding(many=True)


class EdgeStandingPage(serializers.Serializer[Any]):
    """A page of edge servers."""

    results = EdgeStanding(many=True)
    next = serializers.CharField(allow_null=True)


class EdgesStatus(APIView):
    """The edge servers in service within reach."""

    permission = Permission.VIEW_STATUS

    @extend_schema(
        operation_id="status_edges_list",
        parameters=[OpenApiParameter("cursor"), OpenApiParameter("page_size")],
        responses=EdgeStandingPage,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of them by name, each with what it runs."""
        slots = EdgeSlot.objects.select_related("module", "desired").order_by("module__slug")
        rows = EdgeServer.objects.visible_to(speaker(request)).in_service().prefetch_related(Prefetch("slots", queryset=slots))
        size = page_size(request.query_params.get("page_size"))
        page = keyset_page(rows, order="name", cursor=request.query_params.get("cursor", ""), size=size)
        return Response({"results": [_document(row) for row in page.results], "next": page.next})


def _document(edge: EdgeServer) -> dict[str, Any]:
    slots = [
        {
            "ai_module": slot.module.slug,
            "active_version": slot.active_version or None,
            "desired_version": slot.desired.version if slot.desired else None,
            "held": slot.held,
            "reported_at": slot.reported_at,
        }
        for slot in edge.slots.all()
    ]
    return {"id": edge.pk, "name": edge.name, "last_seen_at": edge.last_seen_at, "slots": slots}
