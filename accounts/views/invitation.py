"""The one-time link, and what somebody reads who lost their password."""

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actions import invitation as verbs


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show whom the link is for, and log in on the press of a button, so that a link preview does not spend it."""
    if request.method == "GET":
        return render(request, "accounts/invitation.html", {"invited": verbs.read(token).user})
    used = verbs.use(token)
    record_authentication(request, used.user, method="invitation")
    is_ours = url_has_allowed_host_and_scheme(used.leads_to, allowed_hosts=None)
    next_url = used.leads_to if is_ours and used.leads_to != "/" else reverse("account_set_password")
    answer: HttpResponse = perform_login(request, Login(user=used.user, redirect_url=next_url))
    return answer


@require_safe
@login_not_required
def forgotten(request: HttpRequest) -> HttpResponse:
    """Say how one comes in again: no mail is sent, a super admin makes a new one-time link."""
    return render(request, "accounts/forgotten.html")
