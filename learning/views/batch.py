"""Pages of batches: what cities sent, what was taken of it, and why the rest was not."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Event, User
from accounts.policy import Permission, require
from core.pages import found
from core.paging import bounded_count, keyset_page
from learning.forms import BatchFilters
from learning.models import SampleState, UploadBatch, UploadRejection
from learning.models.batch import DUPLICATE
from learning.thumbnails import WITH_PICTURES, with_thumbnails

PAGE = 50
SHOWN = 24


@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    """List batches, newest first."""
    user = _viewer(request)
    form = BatchFilters(request.GET, user=user)
    rows = UploadBatch.objects.visible_to(user).filter(**form.chosen)
    page = keyset_page(rows.select_related("city"), order="-opened_at", cursor=request.GET.get("cursor", ""), size=PAGE)
    not_taken = _not_taken([batch.pk for batch in page.results])
    table = [{"batch": batch, **not_taken.get(batch.pk, {})} for batch in page.results]
    facts = {"page": page, "rows": table, "form": form, "count": bounded_count(rows)}
    return render(request, "learning/batch_list.html", facts)


@require_safe
def batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Show one batch: the funnel, the reasons of what was not taken, and the first samples."""
    user = _viewer(request)
    shown = found(UploadBatch.objects.visible_to(user).select_related("city"), pk=batch_id)
    states = dict(shown.samples.values_list("state").annotate(Count("id")))
    reasons = dict(shown.rejections.values_list("reason").annotate(Count("id")))
    samples = shown.samples.select_related("city", *WITH_PICTURES).order_by("id")[:SHOWN]
    facts = {
        "batch": shown,
        "funnel": _funnel(states, reasons),
        "reasons": sorted(((reason, n) for reason, n in reasons.items() if reason != DUPLICATE), key=lambda row: -row[1]),
        "rejections": shown.rejections.exclude(reason=DUPLICATE).order_by("id")[:SHOWN],
        "samples": with_thumbnails(samples, user),
        "events": Event.objects.visible_to(user).about("learning.uploadbatch", shown.pk).order_by("id")[:SHOWN],
    }
    return render(request, "learning/batch_detail.html", facts)


def _viewer(request: HttpRequest) -> User:
    require(request.user, Permission.VIEW_STORE)
    assert isinstance(request.user, User)
    return request.user


def _not_taken(batches: list[str]) -> dict[str, dict[str, int]]:
    """Count per batch what was rejected, and apart from it what the hub had already."""
    table: dict[str, dict[str, int]] = {}
    rows = UploadRejection.objects.filter(batch__in=batches).values_list("batch", "reason").annotate(Count("id"))
    for batch_id, reason, count in rows:
        counted = table.setdefault(batch_id, {"rejected": 0, "duplicate": 0})
        counted["duplicate" if reason == DUPLICATE else "rejected"] += count
    return table


def _funnel(states: dict[str, int], reasons: dict[str, int]) -> dict[str, Any]:
    accepted = sum(states.values())
    duplicate = reasons.get(DUPLICATE, 0)
    refused = sum(reasons.values()) - duplicate
    return {
        "sent": accepted + refused,
        "accepted": accepted,
        "verified": accepted - states.get(SampleState.RECEIVED, 0),
        "settled": states.get(SampleState.SETTLED, 0),
        "rejected": refused,
        "duplicate": duplicate,
    }
