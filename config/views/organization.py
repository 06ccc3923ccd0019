"""A customer's own dashboard, and what is used of each plan; composed here, because no app looks that far."""

from datetime import date, timedelta
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Event, Organization, User
from accounts.policy import Permission, require
from core.errors import Missing
from core.pages import found
from core.paging import keyset_page
from deployments.models import EdgeServer, EdgeSlot
from deployments.views.edge import state_of_slot
from learning import figures, silence
from learning import quality_figures as quality
from learning.models import City, DailyCount, Measure, QualityCount
from learning.proportion import Proportion
from training import usage
from training.models import TrainingDataset, TrainingJob

WEEKS = timedelta(weeks=5)
FIELD_WEEKS = timedelta(weeks=12)
SHOWN = 50
LAST = 10
PAGE = 25


@require_safe
def organization(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Show one customer what is theirs: cities, edges, quality in the field, datasets, jobs, usage, audit."""
    user = _viewer(request)
    shown = _of(user, slug)
    cities = list(City.objects.visible_to(user).filter(organization=shown).order_by("name")[:SHOWN])
    slots = EdgeSlot.objects.filter(
        edge_server__organization=shown, edge_server__in=EdgeServer.objects.visible_to(user).in_service()
    )
    edges = slots.select_related("edge_server", "module", "desired", "desired_deployment").order_by(
        "edge_server__name", "module"
    )
    facts = {
        "organization": shown,
        **_cities(user, cities),
        "edges": [{"slot": slot, "state": state_of_slot(slot)} for slot in edges[:SHOWN]],
        "field": _field(cities),
        "datasets": TrainingDataset.objects.visible_to(user).filter(organization=shown).order_by("-created_at")[:LAST],
        "jobs": TrainingJob.objects.visible_to(user).filter(organization=shown).order_by("-created_at")[:LAST],
        "uses": usage.uses_of([shown])[shown.pk],
        "months": _months([shown]),
        "events": Event.objects.visible_to(user).filter(organization_id=shown.pk).order_by("-id")[:LAST],
    }
    return render(request, "organization.html", facts)


@require_safe
def usages(request: HttpRequest) -> HttpResponse:
    """Show what each customer within reach used of the plan, and how many trainings there were month by month."""
    user = _viewer(request)
    rows = Organization.objects.visible_to(user)
    page = keyset_page(rows, order="name", cursor=request.GET.get("cursor", ""), size=PAGE)
    uses = usage.uses_of(page.results)
    shown = [{"organization": row, "uses": uses[row.pk]} for row in page.results]
    return render(request, "usage.html", {"page": page, "rows": shown, "months": _months(list(page.results))})


def _of(user: User, slug: str) -> Organization:
    rows = Organization.objects.visible_to(user)
    if slug:
        return found(rows, slug=slug)
    if user.organization is None:
        raise Missing("Name the organization whose dashboard you want to see.")
    return user.organization


def _viewer(request: HttpRequest) -> User:
    require(request.user, Permission.VIEW_STATUS)
    assert isinstance(request.user, User)
    return request.user


def _cities(user: User, cities: list[City]) -> dict[str, Any]:
    """Answer the cities with what they sent within five weeks, and why how many were rejected."""
    since = timezone.now().date() - WEEKS
    counts = DailyCount.objects.visible_to(user).filter(city__in=cities, day__gte=since)
    sums: dict[int, dict[str, int]] = {}
    for city, measure, n in counts.order_by().values_list("city", "measure").annotate(Sum("n")):
        sums.setdefault(city, {})[measure] = n
    asked = City.objects.filter(pk__in=[city.pk for city in cities])
    late = set(silence.overdue(asked).values_list("pk", flat=True))
    sent: Any = silence.with_last_sent(asked)
    last = {city.pk: city.last_sent for city in sent}
    return {
        "cities": [
            {
                "city": city,
                "accepted": sums.get(city.pk, {}).get(Measure.ACCEPTED, 0),
                "rejected": sums.get(city.pk, {}).get(Measure.REJECTED, 0),
                "sent": sum(sums.get(city.pk, {}).get(measure, 0) for measure in (Measure.ACCEPTED, Measure.REJECTED)),
                "is_overdue": city.pk in late,
                "last_sent": last.get(city.pk),
            }
            for city in cities
        ],
        "reasons": figures.reasons(counts),
    }


def _field(cities: list[City]) -> list[dict[str, Any]]:
    """Answer how often people corrected each model version in these cities, those of which most is known first."""
    since = timezone.now().date() - FIELD_WEEKS
    sums: dict[tuple[str, str], list[int]] = {}
    for row in quality.corrections(QualityCount.objects.filter(city__in=cities, week__gte=since)):
        known = sums.setdefault((row.model, row.version), [0, 0])
        known[0] += row.rate.hits
        known[1] += row.rate.n
    rates = {key: Proportion(*known) for key, known in sums.items()}
    known_most = sorted(rates, key=lambda key: -rates[key].n)[:SHOWN]
    return [{"model": model, "version": version, "rate": rates[model, version]} for model, version in known_most]


def _months(organizations: list[Organization]) -> dict[str, list[tuple[date, int]]]:
    """Answer trainings by month as a chart draws them."""
    return {_("trainings"): usage.jobs_by_month(organizations)}
