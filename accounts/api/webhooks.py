"""`webhooks`: which programs are told of what, and what came of each delivery; for super admins."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actions import webhook
from accounts.api.authorise import read_body, speaker
from accounts.models import Organization, Webhook, WebhookDelivery
from accounts.policy import Permission
from accounts.topics import FOR_WEBHOOKS
from core.pages import found
from core.paging import keyset_page, page_size

PAGED = [OpenApiParameter("cursor"), OpenApiParameter("page_size")]


class Change(serializers.Serializer[Any]):
    """What of a webhook may change; what is left out stays."""

    name = serializers.CharField(max_length=80, required=False)
    url = serializers.CharField(max_length=webhook.LONGEST_URL, required=False)
    topics = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(FOR_WEBHOOKS)), min_length=1, max_length=len(FOR_WEBHOOKS), required=False
    )
    is_active = serializers.BooleanField(required=False)


class New(serializers.Serializer[Any]):
    """A webhook, of one organization or (without one) of the hub and all."""

    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=webhook.LONGEST_URL)
    topics = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(FOR_WEBHOOKS)), min_length=1, max_length=len(FOR_WEBHOOKS)
    )
    organization = serializers.SlugField(max_length=64, required=False, allow_null=True)


class Known(serializers.Serializer[Any]):
    """A webhook as it stands."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    url = serializers.CharField()
    topics = serializers.ListField(child=serializers.CharField())
    organization = serializers.CharField(allow_null=True)
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)


class WithSecret(Known):
    """A webhook and its secret, which is shown this once."""

    secret = serializers.CharField()


class KnownPage(serializers.Serializer[Any]):
    """A page of webhooks."""

    results = Known(many=True)
    next = serializers.CharField(allow_null=True)


class Delivery(serializers.Serializer[Any]):
    """One event on its way to a webhook; `state` is queued, failed (it is tried again), completed or lost."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    state = serializers.CharField()
    tries = serializers.IntegerField()
    due_at = serializers.DateTimeField(allow_null=True)
    tried_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()


class DeliveryPage(serializers.Serializer[Any]):
    """A page of deliveries."""

    results = Delivery(many=True)
    next = serializers.CharField(allow_null=True)


class KeeperView(APIView):
    """What all views of this room share."""

    permission = Permission.MANAGE_WEBHOOKS

    def hook(self, request: Request, pk: str) -> Webhook:
        """Answer the webhook asked for."""
        return found(Webhook.objects.visible_to(speaker(request)).select_related("organization"), pk=pk)

    def listed(self, request: Request, rows: Any) -> Any:
        """Answer a page of `rows`, newest first."""
        size = page_size(request.query_params.get("page_size"))
        return keyset_page(rows, order="-id", cursor=request.query_params.get("cursor", ""), size=size)


class Webhooks(KeeperView):
    """The webhooks in use."""

    @extend_schema(operation_id="webhooks_list", parameters=PAGED, responses=KnownPage)
    def get(self, request: Request) -> Response:
        """Answer a page of them, newest first."""
        rows = Webhook.objects.visible_to(speaker(request)).filter(retired_at__isnull=True)
        page = self.listed(request, rows.select_related("organization"))
        return Response({"results": [document(row) for row in page.results], "next": page.next})

    @extend_schema(request=New, responses={201: WithSecret})
    def post(self, request: Request) -> Response:
        """Add one, and answer it with its secret."""
        asked = read_body(New, request)
        slug = asked.pop("organization", None)
        owner = found(Organization.objects.visible_to(speaker(request)), slug=slug) if slug else None
        hook, secret = webhook.add(by=speaker(request), organization=owner, **asked)
        return Response({**document(hook), "secret": secret}, status=201)


class OneWebhook(KeeperView):
    """One webhook."""

    @extend_schema(responses=Known)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it."""
        return Response(document(self.hook(request, pk)))

    @extend_schema(request=Change, responses=Known)
    def patch(self, request: Request, pk: str) -> Response:
        """Change it."""
        asked = read_body(Change, request)
        return Response(document(webhook.revise(self.hook(request, pk), by=speaker(request), **asked)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Retire it; twice is success."""
        webhook.retire(self.hook(request, pk), by=speaker(request))
        return Response(status=204)


class Rotate(KeeperView):
    """A new secret."""

    @extend_schema(request=None, responses=WithSecret)
    def post(self, request: Request, pk: str) -> Response:
        """Give it a new secret, by which it is signed from now on."""
        hook, secret = webhook.rotate(self.hook(request, pk), by=speaker(request))
        return Response({**document(hook), "secret": secret})


class Deliveries(KeeperView):
    """What one webhook was told."""

    @extend_schema(operation_id="webhooks_deliveries_list", parameters=PAGED, responses=DeliveryPage)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page of deliveries, newest first."""
        page = self.listed(request, self.hook(request, pk).deliveries.all())
        return Response({"results": [delivery_document(row) for row in page.results], "next": page.next})


class Redeliver(KeeperView):
    """Sending again."""

    @extend_schema(request=None, responses=Delivery)
    def post(self, request: Request, pk: str) -> Response:
        """Send a delivery again under the same id, whatever came of it; twice is success."""
        hooks = Webhook.objects.visible_to(speaker(request))
        row = found(WebhookDelivery.objects.filter(webhook__in=hooks).select_related("webhook"), pk=pk)
        return Response(delivery_document(webhook.redeliver(row, by=speaker(request))))


def document(hook: Webhook) -> dict[str, Any]:
    """Answer a webhook as docs/wire spells it; never its secret."""
    return {
        "id": str(hook.pk),
        "name": hook.name,
        "url": hook.url,
        "topics": hook.topics,
        "organization": hook.organization.slug if hook.organization else None,
        "is_active": hook.is_active,
        "created_at": hook.created_at,
        "retired_at": hook.retired_at,
    }


def delivery_document(row: WebhookDelivery) -> dict[str, Any]:
    """Answer a delivery as docs/wire spells it."""
    names = ("tries", "due_at", "tried_at", "delivered_at", "status", "error", "state")
    return {"id": str(row.pk), "type": row.topic, **{name: getattr(row, name) for name in names}}
