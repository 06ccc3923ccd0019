"""Where everything answers: pages, API, objects of the file store, operations."""

from django.urls import include, path

from config.admin import site
from config.views.operations import live, metrics, ready
from core.store_views import stored_object

urlpatterns = [
    path("live", live, name="live"),
    path("ready", ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("store/<str:name>", stored_object, name="stored-object"),
    path("api/v1/", include("config.api")),
    path("admin/", site.urls),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("config.pages")),
    path("", include("accounts.pages")),
    path("", include("learning.urls")),
    path("", include("training.urls")),
    path("", include("deployments.urls")),
]

handler400 = "config.views.errors.bad_request"
handler404 = "config.views.errors.not_found"
handler500 = "config.views.errors.broken"
