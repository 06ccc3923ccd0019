"""Where everything answers: pages, API, objects of the file store, operations."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from config.views.operations import live, ready
from core.store_views import stored_object

urlpatterns = [
    path("live", live, name="live"),
    path("ready", login_not_required(ready), name="ready"),
    path("store/<str:name>", stored_object, name="stored-object"),
    path("api/v1/", include("config.api")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("config.pages")),
    path("", include("learning.urls")),
    path("", include("training.urls")),
    path("", include("deployments.urls")),
]
