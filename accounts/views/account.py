"""The own account: how one logs in, where one is logged in, and the tokens of one's phone."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import second_factor
from accounts.actions import session as session_verbs
from accounts.actions import token as token_verbs
from accounts.browsers import known_as
from accounts.people_forms import TokenForm
from accounts.policy import Permission, is_allowed
from accounts.views.asking import asker
from core.errors import Refusal
from core.pages import carry_out, first_error, found

SHOWN = 50


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show it."""
    return _page(request)


@never_cache
@require_POST
def token_issue(request: HttpRequest) -> HttpResponse:
    """Make a token and show it this once."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, problem=first_error(form))
    try:
        _key, text = token_verbs.issue(by=asker(request), **form.cleaned_data)
    except Refusal as refusal:
        return _page(request, problem=refusal.detail)
    return _page(request, token=text)


@require_POST
def token_revoke(request: HttpRequest, prefix: str) -> HttpResponse:
    """Make one of the own tokens useless."""
    done = _("The token was revoked; within five seconds nothing accepts it.")
    return carry_out(request, lambda: token_verbs.revoke(prefix, by=asker(request)), done=done, then=_here())


@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Log one of the own sessions out."""
    user = asker(request)
    ended = found(UserSession.objects.filter(user=user), pk=pk)
    return carry_out(request, lambda: session_verbs.end(ended, by=user), done=_("That session was logged out."), then=_here())


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Log all own sessions out but this one."""
    kept = request.session.session_key or ""
    return carry_out(
        request,
        lambda: session_verbs.end_others(kept, by=asker(request)),
        done=_("You are logged in here only."),
        then=_here(),
    )


def _here() -> str:
    return reverse("people:account")


def _page(request: HttpRequest, **shown_once: Any) -> HttpResponse:
    user = asker(request)
    sessions = list(UserSession.objects.filter(user=user).order_by("-last_seen_at")[:SHOWN])
    for session in sessions:
        session.browser = known_as(session.user_agent)
    may_have_tokens = is_allowed(user, Permission.VIEW_STATUS)
    facts = {
        "factors": second_factor.of(user).order_by("pk"),
        "must_have_factor": second_factor.is_required_of(user),
        "sessions": sessions,
        "this_session": request.session.session_key,
        "may_have_tokens": may_have_tokens,
        "tokens": token_verbs.own(user).order_by("-created_at")[:SHOWN],
        "token_form": TokenForm(),
        "now": timezone.now(),
    }
    return render(request, "accounts/account.html", {**facts, **shown_once})
