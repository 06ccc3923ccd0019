"""A hub whose every address fails."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

from config import urls


@login_not_required
def fails(request: HttpRequest) -> HttpResponse:
    """Fail as a view does that has a fault."""
    raise ZeroDivisionError


urlpatterns: list[Any] = [re_path("", fails)]
handler500 = urls.handler500
