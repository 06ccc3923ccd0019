"""Pages of batches: what cities sent and when, what was taken of it, and why the rest was not."""

from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Event, User
from core.csv_rows import csv_response
from core.pages import found
from core.paging import bounded_count, keyset_page
from learning import calendar, figures
from learning.forms import BatchFilters
from learning.models import BatchState, City, SampleState, UploadBatch, UploadRejection
from learning.models.batch import DUPLICATE
from learning.rejections import rejected_rows
from learning.thumbnails import WITH_PICTURES, with_thumbnails
from learning.views.viewing import viewer

PAGE = 50
SHOWN = 24
CITIES = 40


@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    """List batches, newest first, beneath the calendar of all cities and the funnel of the period."""
    user = viewer(request)
    form = BatchFilters(request.GET, user=user)
    rows = form.batches(user)
    page = keyset_page(rows.select_related("city"), order="-opened_at", cursor=request.GET.get("cursor", ""), size=PAGE)
    not_taken = _not_taken([batch.pk for batch in page.results])
    table = [{"batch": batch, **not_taken.get(batch.pk, {})} for batch in page.results]
    facts = {"page": page, "rows": table, "form": form, "count": bounded_count(rows)}
    if not request.GET.get("cursor"):
        counts = form.period.counts(user, form.cities)
        facts |= {"funnel": figures.funnel(counts), "reasons": figures.reasons(counts), "period": form.period}
    return render(request, "learning/batch_list.html", facts)


@require_safe
def batch_calendar(request: HttpRequest) -> HttpResponse:
    """Show five weeks of deliveries: cities by their own days."""
    user = viewer(request)
    cities = City.objects.visible_to(user).filter(user__isnull=False)
    page = keyset_page(cities, order="name", cursor=request.GET.get("cursor", ""), size=CITIES)
    days, rows = calendar.calendar(page.results, timezone.now())
    facts = {"page": page, "days": days, "rows": rows, "legend": calendar.LEGEND}
    return render(request, "learning/batch_calendar.html", facts)


@require_safe
def rejected(request: HttpRequest) -> HttpResponseBase:
    """Send the event ids that were rejected in a period as CSV, with their reasons."""
    user = viewer(request)
    form = BatchFilters(request.GET, user=user)
    return csv_response(rejected_rows(form.batches(user), request.GET.get("reason", "")), "rejected.csv")


@require_safe
def batch_rejected(request: HttpRequest, batch_id: str) -> HttpResponseBase:
    """Send what of one batch was rejected as CSV."""
    user = viewer(request)
    shown = found(UploadBatch.objects.visible_to(user), pk=batch_id)
    rows = UploadBatch.objects.filter(pk=shown.pk)
    return csv_response(rejected_rows(rows, request.GET.get("reason", "")), f"{shown.pk}-rejected.csv")


@require_safe
def batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Show one batch: how far it is verified, the funnel, the reasons of what was not taken, and the first samples."""
    user = viewer(request)
    shown = found(UploadBatch.objects.visible_to(user).select_related("city"), pk=batch_id)
    is_moving = shown.state == BatchState.SEALED
    facts: dict[str, Any] = {"batch": shown, "is_moving": is_moving, "percent": _percent(shown)}
    if not request.headers.get("HX-Request"):
        return render(request, "learning/batch_detail.html", facts | _counted(shown, user))
    if is_moving:
        return render(request, "learning/batch_live.html", facts)
    return HttpResponse(headers={"HX-Refresh": "true"})  # verified: the whole page says what became of it


def _counted(shown: UploadBatch, user: User) -> dict[str, Any]:
    states = dict(shown.samples.values_list("state").annotate(Count("id")))
    reasons = dict(shown.rejections.values_list("reason").annotate(Count("id")))
    return {
        "funnel": _funnel(shown, states, reasons),
        "reasons": sorted(((why, n) for why, n in reasons.items() if why != DUPLICATE), key=lambda row: -row[1]),
        "rejections": shown.rejections.exclude(reason=DUPLICATE).order_by("id")[:SHOWN],
        "samples": _first_samples(shown, user),
        "events": Event.objects.visible_to(user).about("learning.uploadbatch", shown.pk).order_by("id")[:SHOWN],
    }


def _first_samples(shown: UploadBatch, user: User) -> list[Any]:
    samples: QuerySet[Any] = shown.samples.select_related("city", *WITH_PICTURES).order_by("id")
    return with_thumbnails(samples[:SHOWN], user)


def _percent(batch: UploadBatch) -> int:
    return min(100, batch.verified_count * 100 // max(1, batch.item_count))


def _not_taken(batches: list[str]) -> dict[str, dict[str, int]]:
    """Count per batch what was rejected, and apart from it what the hub had already."""
    table: dict[str, dict[str, int]] = {}
    rows = UploadRejection.objects.filter(batch__in=batches).values_list("batch", "reason").annotate(Count("id"))
    for batch_id, reason, count in rows:
        counted = table.setdefault(batch_id, {"rejected": 0, "duplicate": 0})
        counted["duplicate" if reason == DUPLICATE else "rejected"] += count
    return table


def _funnel(batch: UploadBatch, states: dict[str, int], reasons: dict[str, int]) -> dict[str, int]:
    accepted = sum(states.values())
    duplicate = reasons.get(DUPLICATE, 0)
    refused = sum(reasons.values()) - duplicate
    verified = accepted - states.get(SampleState.RECEIVED, 0)
    return {
        "sent": accepted + refused,
        "accepted": accepted,
        "verified": verified,
        "registered": verified if batch.state == BatchState.REGISTERED else 0,
        "settled": states.get(SampleState.SETTLED, 0),
        "duplicate": duplicate,
        "rejected": refused,
    }
