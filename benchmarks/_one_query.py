"""The reference of [registry]: a Django view with one query and nothing else, no key, no middleware, on the same database."""

from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path

django.setup()
settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

from training.models import ModelVersion  # noqa: E402

COLUMNS = ("id", "version", "name", "status", "is_active", "accuracy", "f1_score", "trained_at")


def model(request: HttpRequest, pk: str) -> JsonResponse:
    row: Any = ModelVersion.objects.filter(pk=pk).values(*COLUMNS).first()
    answer = JsonResponse(row)
    answer["Content-Length"] = len(answer.content)  # which a middleware would do
    return answer


urlpatterns = [path("<str:pk>", model)]
application = WSGIHandler()
