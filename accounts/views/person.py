"""Pages of the people and machines who use the hub: who may what, who comes in how, and shutting somebody out."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import DateTimeField, Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import second_factor
from accounts.actions import invitation as invitation_verbs
from accounts.actions import user as verbs
from accounts.models import AccessKey, Event, Invitation, User
from accounts.people_forms import InviteForm, PlaceForm, UserFilters
from accounts.policy import Permission, require
from accounts.views.asking import asker
from core.errors import Invalid, Refusal
from core.pages import carry_out, first_error, found
from core.paging import bounded_count, keyset_page

PAGE = 50
SHOWN = 20


def manager(request: HttpRequest) -> User:
    """Answer who asks; raises Refused for who may not manage people."""
    require(request.user, Permission.MANAGE_PEOPLE)
    return asker(request)


@require_safe
def users(request: HttpRequest) -> HttpResponse:
    """List everybody by name: role, organization, second factor, last seen."""
    manager(request)
    form = UserFilters(request.GET)
    chosen = form.chosen
    stands = chosen.pop("stands", "")
    rows = User.objects.filter(**chosen)
    if stands:
        rows = rows.filter(is_active=stands == "active")
    listed = _with_access(rows).select_related("organization")
    page = keyset_page(listed, order="name", cursor=request.GET.get("cursor", ""), size=PAGE)
    return render(request, "accounts/user_list.html", {"page": page, "form": form, "count": bounded_count(rows)})


@never_cache
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """Make a person, and show the link that lets them in."""
    by = manager(request)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = verbs.add(by=by, **form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, refusal.detail)
        else:
            return _page(request, made, by, link=invitation_verbs.invite(made, by=by))
    return render(request, "accounts/user_invite.html", {"form": form})


@require_safe
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one of them."""
    by = manager(request)
    return _page(request, _found(pk), by)


@never_cache
@require_POST
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new one-time link and show it this once."""
    by = manager(request)
    shown = _found(pk)
    try:
        return _page(request, shown, by, link=invitation_verbs.invite(shown, by=by))
    except Refusal as refusal:
        return _page(request, shown, by, problem=refusal.detail)


@require_POST
def link_revoke(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    """Make a link useless."""
    by = manager(request)
    revoked = found(Invitation.objects.visible_to(by).filter(user=pk), pk=invitation)
    return carry_out(request, lambda: invitation_verbs.revoke(revoked, by=by), done=_("The link was revoked."), then=_there(pk))


@require_POST
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person another role."""
    by = manager(request)
    shown = _found(pk)
    form = PlaceForm(request.POST)
    if not form.is_valid():
        return _page(request, shown, by, problem=first_error(form))
    return carry_out(
        request, lambda: verbs.change_role(shown, by=by, **form.cleaned_data), done=_("The role was changed."), then=_there(pk)
    )


@require_POST
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Shut somebody out."""
    return _act(request, pk, verbs.deactivate, _("They are shut out: sessions, links and keys ended."))


@require_POST
def reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody back."""
    return _act(request, pk, verbs.reactivate, _("They may log in again, with a new link or their password."))


@require_POST
def pseudonymise(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the name off a person who left."""
    return _act(request, pk, verbs.pseudonymise, _("The name was taken off; what they did stays."), typed=True)


@require_POST
def reset_factors(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a person's second factors away."""
    return _act(request, pk, verbs.reset_factors, _("The second factors were taken away; the sessions ended."), typed=True)


def _act(request: HttpRequest, pk: int, verb: Callable[..., Any], done: str, *, typed: bool = False) -> HttpResponse:
    """Call a verb; where it is `typed`, the person's name must have been."""
    by = manager(request)
    shown = _found(pk)

    def carried_out() -> Any:
        if typed and request.POST.get("confirmation") != shown.name:
            raise Invalid(_("Type the name to confirm; nothing was done."))
        return verb(shown, by=by)

    return carry_out(request, carried_out, done=done, then=_there(pk))


def _found(pk: int) -> User:
    return found(_with_access(User.objects.all()).select_related("organization"), pk=pk)


def _there(pk: int) -> str:
    return reverse("people:user", args=[pk])


def _with_access(rows: QuerySet[User]) -> QuerySet[User]:
    """Add whether each has a second factor, and when they were last seen: in a browser, or by a key."""
    sessions = UserSession.objects.filter(user=OuterRef("pk")).order_by().values("user")
    keys = AccessKey.objects.filter(user=OuterRef("pk")).order_by().values("user")
    return rows.annotate(
        has_factor=Exists(Authenticator.objects.filter(user=OuterRef("pk"), type__in=second_factor.KINDS)),
        last_seen=Coalesce(
            Subquery(sessions.annotate(last=Max("last_seen_at")).values("last")),
            "last_login",
            Subquery(keys.annotate(last=Max("last_used_at")).values("last")),
            output_field=DateTimeField(),
        ),
    )


def _page(request: HttpRequest, shown: User, by: User, **shown_once: Any) -> HttpResponse:
    if not hasattr(shown, "has_factor"):
        shown = _found(shown.pk)
    place = {"role": shown.role, "organization": shown.organization}
    facts = {
        "shown": shown,
        "is_self": shown.pk == by.pk,
        "is_pseudonym": verbs.is_pseudonym(shown),
        "role_form": PlaceForm(initial=place),
        "links": Invitation.objects.filter(user=shown).order_by("-pk")[:SHOWN],
        "keys": AccessKey.objects.filter(user=shown).order_by("-created_at")[:SHOWN],
        "sessions": UserSession.objects.filter(user=shown).count(),
        "did": Event.objects.filter(actor_id=shown.pk).order_by("-id")[:SHOWN],
        "events": Event.objects.about("accounts.user", shown.pk).order_by("-id")[:SHOWN],
        "now": timezone.now(),
    }
    return render(request, "accounts/user_detail.html", {**facts, **shown_once})
