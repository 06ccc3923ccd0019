"""The API under /api/v1/: every app's routes, and the OpenAPI document with its offline page."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from config.views.search import Search

urlpatterns = [
    path("schema", login_not_required(SpectacularAPIView.as_view(permission_classes=[AllowAny])), name="schema"),
    path(
        "docs",
        login_not_required(SpectacularSwaggerView.as_view(url_name="schema", permission_classes=[AllowAny])),
        name="docs",
    ),
    re_path(r"^search/?$", Search.as_view(), name="api-search"),
    path("", include("accounts.api.urls")),
    path("", include("learning.api.urls")),
    path("", include("training.api.urls")),
    path("", include("deployments.api.urls")),
]
