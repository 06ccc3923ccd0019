"""The page of the store's figures: samples and labels per day, corrections by city, what objects hold and cost."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, is_allowed
from core.csv_rows import csv_response
from core.errors import Missing, Refused
from learning import figures
from learning.actions import store as object_store
from learning.forms import FigureFilters
from learning.models import City, ReportKind, Source, StorageCount
from learning.views.viewing import viewer

CITIES = 100


@require_safe
def store(request: HttpRequest) -> HttpResponse:
    """Show the figures of a period; what the store holds and costs is for the hub's own people."""
    user = viewer(request)
    form = FigureFilters(request.GET, user=user)
    counts = form.period.counts(user, form.cities)
    days = figures.per_day(counts)
    facts = {
        "form": form,
        "period": form.period,
        "funnel": figures.funnel(counts),
        "reasons": figures.reasons(counts),
        "days": days,
        "series": _daily(days, form.period),
        "rates": _rates(form, user),
        "counted_at": figures.counted_at(Source.SAMPLES),
        **({**_held(), **_inspected(user)} if user.is_hub_staff else {}),
    }
    return render(request, "learning/store.html", facts)


@require_POST
def store_inspect(request: HttpRequest) -> HttpResponse:
    """Have the store looked at anew."""
    object_store.ask_to_inspect(by=viewer(request))
    messages.success(request, _("A worker looks at the store now; this page says what it found."))
    return redirect("learning:figures")


@require_safe
def store_csv(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send one of the page's tables as CSV: days, corrections, rejections or storage."""
    user = viewer(request)
    if name not in TABLES:
        raise Missing(_("There is no such table."))
    form = FigureFilters(request.GET, user=user)
    return csv_response(list(TABLES[name](form, user)), f"{name}.csv")


def _daily(days: dict[date, dict[str, int]], period: figures.Period) -> dict[str, list[tuple[date, float]]]:
    """Answer the lines of the chart: days from the period's first, those without any at nought."""
    if not days:
        return {}
    last = max(days)
    every = [period.since + timedelta(days=at) for at in range((last - period.since).days + 1)]
    none = {"samples": 0, "labels": 0}
    return {
        str(label): [(day, days.get(day, none)[key]) for day in every]
        for key, label in (("samples", _("samples")), ("labels", _("labels")))
    }


def _rates(form: FigureFilters, user: User) -> list[dict[str, Any]]:
    rates = figures.corrections(form.period.counts(user, form.cities), "city")
    named = City.objects.visible_to(user).filter(pk__in=list(rates)).order_by("name")[:CITIES]
    return [{"city": city, "rate": rates[city.pk]} for city in named]


def _held() -> dict[str, Any]:
    newest = StorageCount.objects.order_by("-day").values_list("day", flat=True).first()
    classes = figures.held_by_class(newest) if newest else []
    return {
        "is_staff": True,
        "held": classes,
        "held_on": newest,
        "cost": figures.sum_of(classes),
        "currency": settings.STORE_CURRENCY,
        "kinds": _by_kind(newest) if newest else [],
    }


def _inspected(user: User) -> dict[str, Any]:
    """Answer what was last found out about the store itself, the broken promises first."""
    check, comparison = (object_store.latest(kind) for kind in (ReportKind.CHECK, ReportKind.RECONCILE))
    broken = object_store.broken_lines(check.facts) if check else []
    return {
        "check": check,
        "broken": broken,
        "comparison": comparison,
        "may_inspect": is_allowed(user, Permission.MANAGE_STORE),
    }


def _by_kind(day: date) -> list[dict[str, Any]]:
    rows = StorageCount.objects.filter(day=day).order_by("kind").values_list("kind")
    counted = rows.annotate(Sum("objects_held"), Sum("bytes_held"))
    return [{"kind": kind, "objects": number, "bytes": size} for kind, number, size in counted]


def _days_table(form: FigureFilters, user: User) -> Iterator[Sequence[Any]]:
    yield "day", "samples", "labels"
    for day, row in figures.per_day(form.period.counts(user, form.cities)).items():
        yield day.isoformat(), row["samples"], row["labels"]


def _corrections_table(form: FigureFilters, user: User) -> Iterator[Sequence[Any]]:
    yield "city", "labels", "changed", "rate", "low", "high"
    for row in _rates(form, user):
        rate = row["rate"]
        yield row["city"].slug, rate.n, rate.hits, f"{rate.share or 0:.4f}", f"{rate.low:.4f}", f"{rate.high:.4f}"


def _reasons_table(form: FigureFilters, user: User) -> Iterator[Sequence[Any]]:
    yield "reason", "items"
    yield from figures.reasons(form.period.counts(user, form.cities))


def _storage_table(form: FigureFilters, user: User) -> Iterator[Sequence[Any]]:
    if not user.is_hub_staff:
        raise Refused(_("What the store holds is for the hub's own people."))
    yield "day", "storage_class", "kind", "objects", "bytes"
    rows = StorageCount.objects.filter(day__gte=form.period.since, day__lte=form.period.until)
    yield from rows.order_by("day", "storage_class", "kind").values_list(
        "day", "storage_class", "kind", "objects_held", "bytes_held"
    )


TABLES: dict[str, Callable[[FigureFilters, User], Iterator[Sequence[Any]]]] = {
    "days": _days_table,
    "corrections": _corrections_table,
    "rejections": _reasons_table,
    "storage": _storage_table,
}
