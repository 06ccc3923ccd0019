"""Pages of selections: what shall be done with the samples one chose, how far it is, and what came of it; their export."""

from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.event import record
from accounts.models import User
from core.errors import Missing, Refusal
from core.pages import carry_out, found, page_or_partial
from core.paging import keyset_page
from learning import exporting
from learning.actions import saved_filter as filter_verbs
from learning.actions import selection as selection_verbs
from learning.acts import act_named
from learning.models import LearningSample, SavedFilter, Selection, SelectionState
from learning.sample_filters import SampleFilters, find
from learning.thumbnails import WITH_PICTURES, with_thumbnails
from learning.views.viewing import viewer

PAGE = 50
SHOWN = 12
TYPES = {"ids": ("text/csv", "csv"), "csv": ("text/csv", "csv"), "jsonl": ("application/jsonl", "jsonl")}


@require_safe
def selections(request: HttpRequest) -> HttpResponse:
    """List what one had done to many samples, newest first."""
    user = viewer(request)
    page = keyset_page(Selection.objects.visible_to(user), cursor=request.GET.get("cursor", ""), size=PAGE)
    rows = [{"selection": row, "act": act_named(row.act)} for row in page.results]
    return render(request, "learning/selection_list.html", {"page": page, "rows": rows})


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Note what was ticked, or the whole result, and lead on to what shall be done with it."""
    user = viewer(request)
    query = dict(parse_qsl(request.POST.get("query", "")[:4_000]))
    query.pop("cursor", None)
    whole = query if request.POST.get("scope") == "whole" else None
    try:
        made = selection_verbs.choose(request.POST.get("act", ""), by=user, ticked=request.POST.getlist("sample"), query=whole)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect(f"{reverse('learning:samples')}?{urlencode(query)}")
    return redirect("learning:selection", pk=made.pk)


@require_safe
def selection(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a selection: what it holds and what would be done, then how far it is, then what came of it."""
    user = viewer(request)
    return _page(request, found(Selection.objects.visible_to(user), pk=pk), user)


@require_POST
def selection_begin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have it done."""
    user = viewer(request)
    shown = found(Selection.objects.visible_to(user), pk=pk)
    form = act_named(shown.act).form(request.POST, user=user)
    if not form.is_valid():
        return _page(request, shown, user, form=form)
    return carry_out(
        request,
        lambda: selection_verbs.begin(shown, by=user, facts=form.facts),
        done=_("It has begun; you may leave this page."),
        then=reverse("learning:selection", args=[pk]),
    )


@require_POST
def selection_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop it, or give it up."""
    user = viewer(request)
    shown = found(Selection.objects.visible_to(user), pk=pk)
    return carry_out(
        request,
        lambda: selection_verbs.cancel(shown, by=user),
        done=_("Stopped. What was done already stays."),
        then=reverse("learning:selection", args=[pk]),
    )


@require_POST
def selection_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go on with what failed."""
    user = viewer(request)
    shown = found(Selection.objects.visible_to(user), pk=pk)
    return carry_out(
        request,
        lambda: selection_verbs.resume(shown, by=user),
        done=_("It goes on; you may leave this page."),
        then=reverse("learning:selection", args=[pk]),
    )


@require_safe
def export(request: HttpRequest, spelling: str) -> HttpResponseBase:
    """Send all samples that the filters find as a file: ids, csv or jsonl."""
    user = viewer(request)
    if spelling not in TYPES:
        raise Missing(_("Samples are exported as ids, csv or jsonl."))
    form = SampleFilters(request.GET, user=user)
    newest = LearningSample.objects.aggregate(newest=Max("pk"))["newest"] or 0
    record(user, "export_samples", user, spelling=spelling, filters=sorted(form.query), until=newest)
    media_type, ending = TYPES[spelling]
    response = StreamingHttpResponse(
        exporting.lines(find(form, user), until=newest, spelling=spelling), content_type=f"{media_type}; charset=utf-8"
    )
    name = "sample-ids" if spelling == "ids" else "samples"
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response


@require_POST
def filter_save(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the samples page under a name."""
    user = viewer(request)
    query = dict(parse_qsl(request.POST.get("query", "")[:4_000]))
    query.pop("cursor", None)
    return carry_out(
        request,
        lambda: filter_verbs.save(
            request.POST.get("name", ""), by=user, query=query, is_shared=request.POST.get("shared") == "on"
        ),
        done=_("The filters were saved."),
        then=f"{reverse('learning:samples')}?{urlencode(query)}",
    )


@require_POST
def filter_remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Forget a saved filter."""
    user = viewer(request)
    saved = found(SavedFilter.objects.visible_to(user), pk=pk)
    return carry_out(
        request,
        lambda: filter_verbs.remove(saved, by=user),
        done=_("The saved filter was removed."),
        then=reverse("learning:samples"),
    )


def _page(request: HttpRequest, shown: Selection, user: User, **more: Any) -> HttpResponse:
    act = act_named(shown.act)
    is_draft = shown.state == SelectionState.DRAFT
    facts = {
        "selection": shown,
        "act": act,
        "is_draft": is_draft,
        "is_moving": shown.state == SelectionState.RUNNING or (is_draft and shown.total is None),
        "again": urlencode(shown.query) if "…" not in shown.query.values() else "",
        "asked": _asked(shown, user),
        **more,
    }
    if is_draft:
        facts.setdefault("form", act.form(user=user))
        facts["samples"] = with_thumbnails(_first(shown, user), user)
    return page_or_partial(request, "learning/selection_detail.html", "live", facts)


def _first(shown: Selection, user: User) -> list[LearningSample]:
    rows = selection_verbs.first_keys(shown, SHOWN)
    return list(LearningSample.objects.filter(pk__in=rows).select_related("city", *WITH_PICTURES).order_by("pk"))


def _asked(shown: Selection, user: User) -> list[tuple[Any, str]]:
    """Answer the filters in words."""
    form = SampleFilters({}, user=user)
    return [
        (form[name].label, _in_words(form.fields[name], value)) for name, value in shown.query.items() if name in form.fields
    ]


def _in_words(field: Any, value: str) -> str:
    """Answer what a page offers under a value: a city's name for its slug."""
    words = {str(offered): str(label) for offered, label in getattr(field, "choices", ())}
    return words.get(str(value), value)
