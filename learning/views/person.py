"""Pages of people: who there is, one person's images with their terms, and the four questions about collecting."""

from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed, require
from core.errors import Missing
from core.pages import carry_out, found
from core.paging import bounded_count, keyset_page
from learning import faces
from learning import people_figures as figures
from learning.actions import person as verbs
from learning.models import Image, Person
from learning.people_forms import PersonFilters
from learning.thumbnails import thumbnail_url

PAGE, IMAGES, EVENTS = 50, 60, 30


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """List people, newest first."""
    user = viewer(request)
    form = PersonFilters(request.GET)
    chosen = dict(form.chosen)
    rows = Person.objects.visible_to(user)
    if chosen.pop("needs_more", ""):
        rows = rows.needing_more()
    for name in ("trainable", "consent"):
        if name in chosen:
            rows = rows.filter(**{name: chosen.pop(name) == "1"})
    rows = rows.filter(**chosen)
    page = keyset_page(rows.select_related("session"), cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {
        "page": page,
        "form": form,
        "count": bounded_count(rows),
        "may_collect": is_allowed(user, Permission.MANAGE_COLLECTION),
    }
    return render(request, "learning/person_list.html", facts)


@require_safe
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one person: the gallery with source, licence and what is wrong with an image, and consent."""
    user = viewer(request)
    shown = _person(pk, user)
    rows = shown.images.select_related("sample__city", "sample__object__thumbnail")
    page = keyset_page(rows, order="pk", cursor=request.GET.get("cursor", ""), size=IMAGES)
    facts = {
        "person": shown,
        "page": page,
        "tiles": [{"image": image, "url": _thumbnail(image, user)} for image in page.results],
        "not_looked": faces.NOT_LOOKED,
        "may_manage": is_allowed(user, Permission.MANAGE_COLLECTION),
        "events": Event.objects.visible_to(user).about("learning.person", shown.pk).order_by("-id")[:EVENTS],
    }
    return render(request, "learning/person_detail.html", facts)


@require_POST
def person_consent(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that a person gave or withdrew consent."""
    user = viewer(request)
    shown = _person(pk, user)
    given = request.POST.get("given") == "1"
    return carry_out(
        request,
        lambda: verbs.set_consent(shown, by=user, given=given),
        done=_("Consent was noted.") if given else _("Consent was withdrawn: no version takes these images from now on."),
        then=reverse("learning:person", args=[pk]),
    )


@require_safe
def person_figures(request: HttpRequest) -> HttpResponse:
    """Show the four tables."""
    viewer(request)
    tables = [{"table": table, "rows": table.read()[:PAGE]} for table in figures.TABLES.values()]
    return render(request, "learning/person_figures.html", {"tables": tables})


@require_safe
def person_figures_csv(request: HttpRequest, table: str) -> StreamingHttpResponse:
    """Send one of the tables whole, as CSV."""
    viewer(request)
    asked = figures.TABLES.get(table)
    if asked is None:
        raise Missing("There is no such table.")
    named = {"Content-Disposition": f'attachment; filename="{asked.slug}.csv"'}
    return StreamingHttpResponse(figures.as_csv(asked), content_type="text/csv; charset=utf-8", headers=named)


def viewer(request: HttpRequest) -> User:
    """Answer who looks on, if they may look at people at all; raises Refused."""
    require(request.user, Permission.VIEW_COLLECTION)
    assert isinstance(request.user, User)
    return request.user


def _person(pk: int, user: User) -> Any:
    if pk >= 2**63:
        raise Missing("There is no such person.")
    return found(Person.objects.visible_to(user).select_related("session"), pk=pk)


def _thumbnail(image: Image, user: User) -> str:
    return thumbnail_url(image.sample, user) if image.sample else ""
