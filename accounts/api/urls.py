"""The part of /api/v1/ that is about who is told of what; every path answers with and without a slash at its end."""

from django.urls import re_path

from accounts.api import notifications, webhooks
from accounts.api.check import Check

UUID = r"(?P<pk>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"

urlpatterns = [
    re_path(r"^check/?$", Check.as_view(), name="api-check"),
    re_path(r"^notifications/?$", notifications.Notifications.as_view(), name="api-notifications"),
    re_path(r"^notifications/read/?$", notifications.NotificationsRead.as_view(), name="api-notifications-read"),
    re_path(r"^webhooks/?$", webhooks.Webhooks.as_view(), name="api-webhooks"),
    re_path(rf"^webhooks/{UUID}/?$", webhooks.OneWebhook.as_view(), name="api-webhook"),
    re_path(rf"^webhooks/{UUID}/rotate/?$", webhooks.Rotate.as_view(), name="api-webhook-rotate"),
    re_path(rf"^webhooks/{UUID}/deliveries/?$", webhooks.Deliveries.as_view(), name="api-webhook-deliveries"),
    re_path(rf"^webhooks/deliveries/{UUID}/redeliver/?$", webhooks.Redeliver.as_view(), name="api-webhook-redeliver"),
]
