"""Pages of collections: all of them, a new one, and one while it runs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed, require
from core.errors import Refusal
from core.pages import carry_out, found, page_or_partial
from core.paging import bounded_count, keyset_page
from learning.actions import collection as verbs
from learning.models import CollectionSession, SessionStatus
from learning.people_forms import CollectionFilters, CollectionForm
from learning.views.person import viewer

PAGE, PEOPLE, EVENTS = 50, 100, 30


@require_safe
def collections(request: HttpRequest) -> HttpResponse:
    """List collections, newest first."""
    user = viewer(request)
    form = CollectionFilters(request.GET)
    rows = CollectionSession.objects.visible_to(user).filter(**form.chosen)
    page = keyset_page(rows.select_related("module", "created_by"), cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {
        "page": page,
        "form": form,
        "count": bounded_count(rows),
        "may_collect": is_allowed(user, Permission.MANAGE_COLLECTION),
    }
    return render(request, "learning/collection_list.html", facts)


@require_http_methods(["GET", "POST"])
def collection_new(request: HttpRequest) -> HttpResponse:
    """Ask whom to collect, and begin."""
    user = viewer(request)
    require(user, Permission.MANAGE_COLLECTION)
    form = CollectionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            session = verbs.start(by=user, **form.asked)
        except Refusal as refusal:
            form.add_error(None, refusal.detail)
        else:
            return redirect("learning:collection", session.session_id)
    return render(request, "learning/collection_new.html", {"form": form})


@require_safe
def collection(request: HttpRequest, session_id: str) -> HttpResponse:
    """Show one collection; while it runs, the page follows it."""
    user = viewer(request)
    shown = _session(session_id, user)
    may_manage = is_allowed(user, Permission.MANAGE_COLLECTION)
    is_moving = shown.status == SessionStatus.PROCESSING
    facts = {
        "session": shown,
        "is_moving": is_moving,
        "may_cancel": may_manage and is_moving,
        "may_resume": may_manage and shown.can_move(SessionStatus.PROCESSING),
        "people": shown.people.order_by("-collected_at", "pk")[:PEOPLE],
        "events": Event.objects.visible_to(user).about("learning.collectionsession", shown.pk).order_by("-id")[:EVENTS],
    }
    return page_or_partial(request, "learning/collection_detail.html", "live", facts)


@require_POST
def collection_cancel(request: HttpRequest, session_id: str) -> HttpResponse:
    """Stop a collection."""
    user = viewer(request)
    shown = _session(session_id, user)
    here = reverse("learning:collection", args=[session_id])
    return carry_out(
        request, lambda: verbs.cancel(shown, by=user), done=_("The collection stops; what it has stays."), then=here
    )


@require_POST
def collection_resume(request: HttpRequest, session_id: str) -> HttpResponse:
    """Go on with a collection."""
    user = viewer(request)
    shown = _session(session_id, user)
    here = reverse("learning:collection", args=[session_id])
    return carry_out(
        request, lambda: verbs.resume(shown, by=user), done=_("The collection goes on where it stopped."), then=here
    )


def _session(session_id: str, user: User) -> CollectionSession:
    rows = CollectionSession.objects.visible_to(user).select_related("module", "created_by")
    session: CollectionSession = found(rows, session_id=session_id)
    return session
