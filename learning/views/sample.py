"""Pages of samples: the grid, and one sample from its arrival to its truth."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Event, User
from accounts.policy import Permission, require
from core.pages import found
from core.paging import bounded_count, keyset_page
from learning.actions.near_duplicates import alike
from learning.forms import SampleFilters
from learning.models import LearningSample
from learning.thumbnails import WITH_PICTURES, picture_url, with_thumbnails

PAGE = 60
EVENTS = 50


@require_safe
def samples(request: HttpRequest) -> HttpResponse:
    """Show samples as a grid, newest first."""
    user = _viewer(request)
    form = SampleFilters(request.GET, user=user)
    rows = LearningSample.objects.visible_to(user).filter(**form.chosen)
    page = keyset_page(rows.select_related("city", *WITH_PICTURES), cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {"page": page, "samples": with_thumbnails(page.results, user), "form": form, "count": bounded_count(rows)}
    return render(request, "learning/sample_list.html", facts)


@require_safe
def sample(request: HttpRequest, sample_id: str) -> HttpResponse:
    """Show one sample: image, prediction and truth, every label, and what was done."""
    user = _viewer(request)
    rows = LearningSample.objects.visible_to(user)
    shown = found(rows.select_related("module", "city", "camera", "batch", *WITH_PICTURES), sample_id=sample_id)
    facts = {
        "sample": shown,
        "image_url": picture_url(shown, user),
        "alike": alike(shown),
        "labels": shown.labels.select_related("annotator").order_by("labeled_at", "id"),
        "slots": shown.slots.select_related("lease_user").order_by("slot_no"),
        "events": Event.objects.visible_to(user).about("learning.learningsample", shown.pk).order_by("id")[:EVENTS],
    }
    return render(request, "learning/sample_detail.html", facts)


def _viewer(request: HttpRequest) -> User:
    require(request.user, Permission.VIEW_STORE)
    assert isinstance(request.user, User)
    return request.user
