"""Pages of samples: the grid with its filters, and one sample from its arrival to its truth."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Event, User
from core.pages import found
from core.paging import scanned_count, scanned_page
from learning.actions.near_duplicates import alike
from learning.acts import acts_of
from learning.models import LearningSample, SampleState, SavedFilter
from learning.sample_filters import SampleFilters, find
from learning.thumbnails import WITH_PICTURES, picture_url, with_thumbnails
from learning.views.viewing import viewer

PAGE = 60
EVENTS = 50
SAVED = 50


@require_safe
def samples(request: HttpRequest) -> HttpResponse:
    """Show samples as a grid, newest first, with the filters that were saved and what can be done with those chosen."""
    user = viewer(request)
    form = SampleFilters(request.GET, user=user)
    asked = find(form, user)
    rows = asked.rows.select_related("city", *WITH_PICTURES)
    page = scanned_page(rows, asked.narrow, cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {
        "page": page,
        "samples": with_thumbnails(page.results, user),
        "is_short": page.next is not None and len(page.results) < PAGE,
        "form": form,
        "count": scanned_count(asked.rows, asked.narrow),
        "acts": acts_of(user),
        "saved": SavedFilter.objects.visible_to(user).filter(page="samples").select_related("owner").order_by("name")[:SAVED],
    }
    return render(request, "learning/sample_list.html", facts)


@require_safe
def sample(request: HttpRequest, sample_id: str) -> HttpResponse:
    """Show one sample: image, prediction and truth, every label, what looks like it, and what was done."""
    user = viewer(request)
    rows = LearningSample.objects.visible_to(user)
    shown = found(rows.select_related("module", "city", "camera", "batch", *WITH_PICTURES), sample_id=sample_id)
    facts = {
        "sample": shown,
        "image_url": picture_url(shown, user),
        "alike": _alike(shown, user),
        "acts": acts_of(user) if shown.state != SampleState.RECEIVED else [],
        "labels": shown.labels.select_related("annotator").order_by("labeled_at", "id"),
        "slots": shown.slots.select_related("lease_user").order_by("slot_no"),
        "events": Event.objects.visible_to(user).about("learning.learningsample", shown.pk).order_by("id")[:EVENTS],
    }
    return render(request, "learning/sample_detail.html", facts)


def _alike(shown: LearningSample, user: User) -> list[LearningSample]:
    near = LearningSample.objects.visible_to(user).filter(sample_id__in=alike(shown))
    return with_thumbnails(near.select_related("city", *WITH_PICTURES).order_by("id"), user)
