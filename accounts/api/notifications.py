"""`notifications`: what the holder of a key, or the person of this session, was told."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actions import notification
from accounts.api.authorise import read_body, speaker
from accounts.api.permissions import KnownPermission
from accounts.models import Notification
from accounts.topics import TOPICS
from core.paging import keyset_page, page_size


class Until(serializers.Serializer[Any]):
    """Up to which notification, by its id."""

    until = serializers.IntegerField(min_value=1, max_value=2**63 - 1)


class Told(serializers.Serializer[Any]):
    """One notification: what happened (`type`), to what, and whether it was read."""

    id = serializers.IntegerField()
    type = serializers.CharField()
    at = serializers.DateTimeField()
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    read_at = serializers.DateTimeField(allow_null=True)


class ToldPage(serializers.Serializer[Any]):
    """A page of notifications."""

    results = Told(many=True)
    next = serializers.CharField(allow_null=True)


class Marked(serializers.Serializer[Any]):
    """How many were marked."""

    read = serializers.IntegerField()


class Notifications(APIView):
    """Open to everybody who is known: one's own."""

    permission_classes = [KnownPermission]

    @extend_schema(
        operation_id="notifications_list",
        parameters=[OpenApiParameter("unread"), OpenApiParameter("cursor"), OpenApiParameter("page_size")],
        responses=ToldPage,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of them, newest first; `unread=1` leaves out what was read."""
        rows = Notification.objects.visible_to(speaker(request)).filter(topic__in=TOPICS).select_related("event")
        if request.query_params.get("unread") == "1":
            rows = rows.unread()
        size = page_size(request.query_params.get("page_size"))
        page = keyset_page(rows, order="-id", cursor=request.query_params.get("cursor", ""), size=size)
        return Response({"results": [document(row) for row in page.results], "next": page.next})


class NotificationsRead(APIView):
    """Marking as read."""

    permission_classes = [KnownPermission]

    @extend_schema(request=Until, responses=Marked)
    def post(self, request: Request) -> Response:
        """Mark all up to one as read, and answer how many; twice is success."""
        return Response({"read": notification.read(by=speaker(request), until=read_body(Until, request)["until"])})


def document(row: Notification) -> dict[str, Any]:
    """Answer a notification as docs/wire spells it."""
    return {
        "id": row.pk,
        "type": row.topic,
        "at": row.event.at,
        "object_type": row.event.object_type,
        "object_id": row.event.object_id,
        "read_at": row.read_at,
    }
