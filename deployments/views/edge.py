"""Pages of edge servers: what each shall run, what it says it runs, when it was last heard of, and what came there when."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed
from core.pages import carry_out, first_error, found
from core.paging import bounded_count, keyset_page
from deployments import health, history
from deployments.actions import edge_server as verbs
from deployments.actions import rollback as rollback_verbs
from deployments.forms import CallbackForm, DayForm, DescriptionForm, EdgeFilters
from deployments.models import DeploymentReport, EdgeServer, EdgeSlot
from deployments.models.edge_server import silent_since
from deployments.narrowing import NOTHING, narrowed
from deployments.version_map import Place, VersionMap, version_map
from deployments.views.rollout import viewer
from learning.models import AiModule

PAGE = 50
DAYS_MEASURED = 14
MOST_MODULES = 100
SHOWN = 50


@require_safe
def edges(request: HttpRequest) -> HttpResponse:
    """List edge servers by name, each with its slots."""
    user = viewer(request)
    form = EdgeFilters(request.GET, user=user)
    chosen = form.chosen
    stands = chosen.pop("stands", "")
    rows = narrowed(EdgeServer.objects.visible_to(user), (stands,) if stands else (), **chosen)
    joined = rows.select_related("city", "organization").prefetch_related(_slots())
    page = keyset_page(joined, order="name", cursor=request.GET.get("cursor", ""), size=PAGE)
    table = [_row(edge) for edge in page.results]
    facts = {"page": page, "rows": table, "form": form, "count": bounded_count(rows)}
    return render(request, "deployments/edge_list.html", facts)


@require_safe
def edge(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one edge server: slots, what may be done about each, deployments, and what it reported."""
    user = viewer(request)
    rows = EdgeServer.objects.visible_to(user).select_related("city", "organization").prefetch_related(_slots())
    shown = found(rows, pk=pk)
    deployments = shown.deployments.select_related("model_version", "module", "rollout").order_by("-created_at")
    reports = DeploymentReport.objects.filter(deployment__edge_server=shown).select_related("deployment__model_version")
    form = DayForm(request.GET)
    day = (form.cleaned_data["on"] if form.is_valid() else None) or timezone.localdate(timezone=history.zone_of(shown))
    measured = history.measured_by_day(shown, DAYS_MEASURED, timezone.localdate(timezone=history.zone_of(shown)))
    facts = {
        **_row(shown),
        "day_form": DayForm(initial={"on": day}),
        "day": day,
        "ran": history.ran_on(shown, day),
        "measured": measured,
        "charts": _charts(measured),
        "deployments": deployments[:SHOWN],
        "reports": reports.order_by("-id")[:SHOWN],
        "telemetry": _telemetry(shown),
        "may": _allowed(shown, user),
        "description_form": DescriptionForm.of(shown),
        "callback_form": CallbackForm(initial={"url": shown.callback_url}),
        "events": Event.objects.visible_to(user).about("deployments.edgeserver", shown.pk).order_by("-id")[:SHOWN],
    }
    return render(request, "deployments/edge_detail.html", facts)


@require_POST
def edge_lift_hold(request: HttpRequest, pk: int, module: str) -> HttpResponse:
    """Offer a module's version once more, after the site went back from it by itself."""
    return _act(request, pk, module, verbs.lift_hold, _("The hold is lifted; the edge tries it again at its next poll."))


@require_POST
def edge_rollback(request: HttpRequest, pk: int, module: str) -> HttpResponse:
    """Send one module of this edge back to the version it completed before."""
    return _act(request, pk, module, rollback_verbs.of_edge, _("The edge goes back at its next poll."))


@require_POST
def edge_callback(request: HttpRequest, pk: int) -> HttpResponse:
    """Say where assignments are pushed to."""
    user = viewer(request)
    shown = found(EdgeServer.objects.visible_to(user), pk=pk)
    form = CallbackForm(request.POST)
    here = reverse("deployments:edge", args=[pk])
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect(here)
    url = form.cleaned_data["url"]
    done = _("Assignments are pushed there from now on.") if url else _("Nothing is pushed any more; the edge asks by itself.")
    return carry_out(request, lambda: verbs.set_callback(shown, url, by=user), done=done, then=here)


@require_safe
def edge_map(request: HttpRequest) -> HttpResponse:
    """Show which version of a module runs where: city by version, in numbers and shares, each of which opens its edges."""
    user = viewer(request)
    edges = EdgeServer.objects.visible_to(user)
    able = EdgeSlot.objects.filter(edge_server__in=edges.in_service().values("pk"))
    modules = list(AiModule.objects.filter(pk__in=able.values("module")).order_by("name")[:MOST_MODULES])
    asked = request.GET.get("module", "")
    module = next((each for each in modules if each.slug == asked), modules[0] if modules else None)
    shown = version_map(edges, module) if module else None
    return render(request, "deployments/edge_map.html", {"modules": modules, "module": module, "map": _table(shown)})


def state_of(edge: EdgeServer, slots: list[EdgeSlot]) -> str:
    """Say in a word how an edge stands: new, retired, silent, held, drift, changing or in_step."""
    if edge.retired_at:
        return "retired"
    if edge.last_seen_at is None:
        return "new"
    if edge.last_seen_at < silent_since():
        return "silent"
    states = {state_of_slot(slot) for slot in slots}
    return next((state for state in ("held", "drift", "changing") if state in states), "in_step")


def state_of_slot(slot: EdgeSlot) -> str:
    """Say in a word how a slot stands: empty, held, drift (for longer than the grace), changing or in_step."""
    if slot.desired is None:
        return "empty"
    if slot.held:
        return "held"
    if slot.desired.version == slot.active_version:
        return "in_step"
    return "drift" if slot.has_drifted else "changing"


def _act(request: HttpRequest, pk: int, module: str, verb: Callable[..., Any], done: str) -> HttpResponse:
    user = viewer(request)
    shown = found(EdgeServer.objects.visible_to(user), pk=pk)
    of = found(AiModule.objects.visible_to(user), slug=module)
    return carry_out(request, lambda: verb(shown, of, by=user), done=done, then=reverse("deployments:edge", args=[pk]))


def _allowed(shown: EdgeServer, user: User) -> dict[str, bool]:
    """Tell which acts this page offers to `user`; the verbs ask again."""
    return {
        "lift_hold": is_allowed(user, Permission.DEPLOY, shown),
        "roll_back": is_allowed(user, Permission.ROLL_BACK, shown),
        "manage": is_allowed(user, Permission.MANAGE_EDGES, shown),
    }


def _slots() -> Any:
    return Prefetch("slots", EdgeSlot.objects.select_related("module", "desired").order_by("module__name"))


def _telemetry(edge: EdgeServer) -> list[dict[str, Any]]:
    """Lay out what the last heartbeats measured: of each module first, then of the machine; one entry a line."""
    of_modules = [(slot.module, slot.telemetry_at, entry) for slot in edge.slots.all() for entry in slot.telemetry]
    of_machine = [(None, edge.last_seen_at, entry) for entry in edge.telemetry]
    return [{"module": module, "at": at, "facts": _figures(entry)} for module, at, entry in (of_modules + of_machine)[:SHOWN]]


def _figures(entry: dict[str, Any]) -> dict[str, Any]:
    """Lay out a note in figures that a person reads: not the buckets, but what they amount to."""
    facts = {name: value for name, value in entry.items() if name not in ("ai_module", "latency", "confidence", "since")}
    if entry.get("kind") == "answered" and (p95 := health.read(entry).p95_ms):
        facts["95 of 100 within ms"] = p95
    return facts


def _charts(measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lay out latency and empty answers by day, a line for each version of a module."""
    latency = _("%s: milliseconds for 95 of 100 images")
    empty = _("%s: empty answers, percent")
    drawn: dict[str, dict[str, list[tuple[date, float]]]] = {}
    for row in reversed(measured):
        sums = row["measured"]
        for caption, value in ((latency, sums.p95_ms), (empty, 100 * sums.empty_rate)):
            if value is not None:
                drawn.setdefault(caption % row["module"], {}).setdefault(row["version"], []).append((row["day"], value))
    return [{"caption": caption, "series": series} for caption, series in sorted(drawn.items())]


def _table(shown: VersionMap | None) -> dict[str, Any] | None:
    """Lay out a map for the page: a row a city, a cell a version, with what narrows the list of edges to the cell."""
    if shown is None or not shown.whole.edges:
        return None

    def row(place: Place) -> dict[str, Any]:
        cells = [
            {
                "version": version,
                "runs": version or NOTHING,
                "edges": place.running[version],
                "percent": 100 * place.share(version),
            }
            for version in shown.versions
        ]
        return {"place": place, "cells": cells}

    assigned = [shown.assigned[version] for version in shown.versions]
    return {
        "versions": shown.versions,
        "whole": row(shown.whole),
        "rows": [row(place) for place in shown.places],
        "assigned": assigned,
        "hidden": shown.hidden_cities,
    }


def _row(edge: EdgeServer) -> dict[str, Any]:
    slots = list(edge.slots.all())
    shown = [{"slot": slot, "state": state_of_slot(slot)} for slot in slots]
    return {"edge": edge, "slots": shown, "state": state_of(edge, slots)}
