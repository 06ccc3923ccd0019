"""The one-time link that `adduser` prints."""

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.actions.user import read_invitation


@login_not_required
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show whom the link is for, and log in on the press of a button, so that a link preview does not spend it."""
    user, next_url = read_invitation(token)
    if request.method == "GET":
        return render(request, "accounts/invitation.html", {"invited": user})
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    safe = url_has_allowed_host_and_scheme(next_url, allowed_hosts=None)
    return redirect(next_url if safe else "/")
