"""Pages of erasures and access exports: what is asked for, what it would take, and what became of it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, require
from core.errors import Refusal
from core.pages import carry_out, first_error, found, page_or_partial
from core.paging import bounded_count, keyset_page
from learning.actions import access_export, erasing
from learning.actions import erasure as verbs
from learning.erasure_forms import SubjectForm
from learning.models import AccessExport, Erasure, ErasureItem, ErasureState
from learning.models.erasure import MODEL_VERSION, Decision
from learning.thumbnails import WITH_PICTURES, thumbnail_url

PAGE = 48
SHOWN = 50
ORDER = [ErasureState.RUNNING, ErasureState.CONFIRMED, ErasureState.DRAFT]


@require_safe
def erasures(request: HttpRequest) -> HttpResponse:
    """List erasures, newest first, and the access exports; with the form that asks for either."""
    user = _viewer(request)
    page = keyset_page(Erasure.objects.select_related("requested_by"), cursor=request.GET.get("cursor", ""), size=SHOWN)
    facts = {
        "page": page,
        "count": bounded_count(Erasure.objects.all()),
        "form": SubjectForm(),
        "exports": AccessExport.objects.select_related("object", "requested_by").order_by("-requested_at")[:SHOWN],
        "user": user,
    }
    return render(request, "learning/erasure_list.html", facts)


@require_POST
def erasure_ask(request: HttpRequest) -> HttpResponse:
    """Ask for an erasure, or for an access export, by the button that was pressed."""
    user, form = _viewer(request), SubjectForm(request.POST)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect("learning:erasures")
    if "export" in request.POST:
        return carry_out(
            request,
            lambda: access_export.ask(by=user, **form.asked),
            done=_("A worker makes the file; it stands in the list below."),
            then=reverse("learning:erasures"),
        )
    try:
        made = verbs.draft(by=user, **form.asked)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("learning:erasures")
    return redirect("learning:erasure", pk=made.pk)


@require_safe
def erasure(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one erasure: its candidates while it is a draft, how far it is, its receipt when it is done."""
    user = _viewer(request)
    shown = found(Erasure.objects.select_related("requested_by", "confirmed_by", "receipt"), pk=pk)
    touches = list(shown.touches.select_related("decided_by").order_by("kind", "id"))
    is_draft = shown.state == ErasureState.DRAFT
    items = ErasureItem.objects.filter(erasure=shown).select_related(
        "sample__city", *(f"sample__{name}" for name in WITH_PICTURES)
    )
    page = keyset_page(items, cursor=request.GET.get("cursor", ""), size=PAGE) if is_draft and shown.gathered_at else None
    for item in page.results if page else ():
        item.picture = thumbnail_url(item.sample, user) if item.sample else ""  # type: ignore[attr-defined]
    facts = {
        "erasure": shown,
        "page": page,
        "preview": verbs.preview(shown) if is_draft else None,
        "phrase": verbs.phrase(shown) if is_draft else "",
        "touches": [touch for touch in touches if touch.kind != MODEL_VERSION],
        "models": [touch for touch in touches if touch.kind == MODEL_VERSION],
        "decisions": Decision.choices,
        "left": shown.items.filter(is_chosen=True, done_at__isnull=True).count(),
        "is_moving": (is_draft and not shown.gathered_at) or shown.state in (ErasureState.CONFIRMED, ErasureState.RUNNING),
        "receipt": erasing.receipt(shown) if shown.receipt else None,
        "events": Event.objects.about("learning.erasure", shown.pk).exclude(verb="erase").order_by("-id")[:SHOWN],
    }
    return page_or_partial(request, "learning/erasure_detail.html", "live", facts)


@require_POST
def erasure_choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep which of the shown candidates are meant."""
    user, shown = _viewer(request), found(Erasure.objects.all(), pk=pk)
    meant = set(request.POST.getlist("chosen"))
    chosen = {name: name in meant for name in request.POST.getlist("shown")[: verbs.MAX_CHOICES]}
    return carry_out(
        request,
        lambda: verbs.choose(shown, by=user, chosen=chosen),
        done=_("Your choice is kept."),
        then=_page_of(request.POST.get("then", ""), shown),
    )


@require_POST
def erasure_decide(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what shall become of a model that learned from what is erased."""
    user, shown, given = _viewer(request), found(Erasure.objects.all(), pk=pk), request.POST
    facts = {name: given.get(name, "") for name in ("model", "decision", "why")}
    return carry_out(
        request,
        lambda: verbs.decide(shown, by=user, **facts),
        done=_("Your decision is kept."),
        then=reverse("learning:erasure", args=[pk]),
    )


@require_POST
def erasure_confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have it done."""
    user, shown = _viewer(request), found(Erasure.objects.all(), pk=pk)
    return carry_out(
        request,
        lambda: verbs.confirm(shown, by=user, confirmation=request.POST.get("confirmation", "")),
        done=_("Confirmed: a worker erases it now; this page follows by itself."),
        then=reverse("learning:erasure", args=[pk]),
    )


@require_POST
def erasure_discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give up a draft."""
    user, shown = _viewer(request), found(Erasure.objects.all(), pk=pk)
    return carry_out(
        request, lambda: verbs.discard(shown, by=user), done=_("The draft is gone."), then=reverse("learning:erasures")
    )


@require_POST
def erasure_export(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have an access export made of what is chosen."""
    user, shown = _viewer(request), found(Erasure.objects.all(), pk=pk)
    return carry_out(
        request,
        lambda: access_export.ask("", None, by=user, erasure=shown),
        done=_("A worker makes the file; it stands in this list."),
        then=reverse("learning:erasures"),
    )


@require_safe
def erasure_receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lead on to the receipt's file."""
    _viewer(request)
    shown = found(Erasure.objects.filter(receipt__isnull=False).select_related("receipt"), pk=pk)
    assert shown.receipt is not None
    return redirect(shown.receipt.signed_get(seconds=access_export.LINK_SECONDS, filename=f"erasure-{shown.pk}.json").url)


@require_POST
def access_export_link(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lead on to the file of an access export; that it was asked for is on record."""
    user, shown = _viewer(request), found(AccessExport.objects.select_related("object"), pk=pk)
    try:
        return redirect(access_export.link(shown, by=user).url)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("learning:erasures")


def _page_of(address: str, shown: Erasure) -> str:
    """Answer where the choice was made, a page of the same erasure, and its first page otherwise."""
    first = reverse("learning:erasure", args=[shown.pk])
    return address if address.startswith(f"{first}?") else first


def _viewer(request: HttpRequest) -> User:
    require(request.user, Permission.ERASE_DATA)
    assert isinstance(request.user, User)
    return request.user
