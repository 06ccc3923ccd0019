"""Pages of accounts that are no log-in: what one is told, and which programs are."""

from django.urls import path

from accounts.views import audit, notification, webhook

app_name = "accounts"
urlpatterns = [
    path("audit/", audit.audit, name="audit"),
    path("audit/audit.csv", audit.audit_csv, name="audit-csv"),
    path("audit/pictures.csv", audit.pictures_csv, name="pictures-csv"),
    path("audit/verify/", audit.audit_verify, name="audit-verify"),
    path("notifications/", notification.notifications, name="notifications"),
    path("notifications/count/", notification.notification_count, name="notification-count"),
    path("notifications/read/", notification.notifications_read, name="notifications-read"),
    path("notifications/choose/", notification.notifications_choose, name="notifications-choose"),
    path("notifications/<int:pk>/", notification.notification_open, name="notification-open"),
    path("webhooks/", webhook.webhooks, name="webhooks"),
    path("webhooks/<uuid:pk>/", webhook.webhook, name="webhook"),
    path("webhooks/<uuid:pk>/revise/", webhook.webhook_revise, name="webhook-revise"),
    path("webhooks/<uuid:pk>/pause/", webhook.webhook_pause, name="webhook-pause"),
    path("webhooks/<uuid:pk>/rotate/", webhook.webhook_rotate, name="webhook-rotate"),
    path("webhooks/<uuid:pk>/retire/", webhook.webhook_retire, name="webhook-retire"),
    path("webhooks/deliveries/<uuid:pk>/again/", webhook.delivery_again, name="webhook-delivery-again"),
]
