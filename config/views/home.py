"""The first page: what waits for the person who is logged in."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed
from config import cards
from core.counting import Counted, count_together
from deployments.models import EdgeServer
from learning import own_work
from learning.dead_ends import dead_ends
from learning.models import AiModule, LearningSample, SampleState, UploadBatch
from learning.views.review import waiting
from training.models import DatasetVersion, ModelStatus, ModelVersion, TrainingJob, VersionState

EVENTS = 12
SEES = {
    "annotate": Permission.ANNOTATE,
    "adjudicate": Permission.ADJUDICATE,
    "store": Permission.VIEW_STORE,
    "training": Permission.VIEW_TRAINING,
    "approve": Permission.APPROVE_MODEL,
    "release": Permission.RELEASE_MODEL,
    "fleet": Permission.VIEW_FLEET,
    "audit": Permission.VIEW_AUDIT,
    "erase": Permission.ERASE_DATA,
    "manage_modules": Permission.MANAGE_MODULES,
}
Asked = tuple[QuerySet[Any], str]


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what waits for this person, how the loop stands, and what was done last; everything is counted in one statement."""
    user = request.user
    assert isinstance(user, User)
    may = {name: is_allowed(user, permission) for name, permission in SEES.items()}
    modules = list(AiModule.objects.order_by("name")) if may["annotate"] or may["adjudicate"] else []
    asked = cards.asked_of(user, may, modules)
    stations = _stations(user, may)
    judged = modules if may["annotate"] else []
    queues, returned = [_waiting(module) for module in judged], [(own_work.returned_to(user), "created_at")] if judged else []
    counted = iter(count_together([*((each.rows, each.since) for each in asked), *_counts(stations), *queues, *returned]))
    drawn = [each.drawn(next(counted)) for each in asked] + _further(may, modules)
    facts = {
        "cards": sorted(drawn, key=lambda card: bool(card["quiet"])),
        "loop": [{**station, "value": next(counted).number} for station, _rows in stations],
        "queues": _queues(judged, [next(counted) for _module in judged]),
        "returned": next(counted, None),
        "figures": own_work.figures_of(user) if may["annotate"] else None,
        "dead_ends": dead_ends(modules) if may["adjudicate"] else [],
        "events": Event.objects.visible_to(user).order_by("-id")[:EVENTS] if may["audit"] else [],
        "may": may,
        "sees_nothing": not any(may.values()),
    }
    return render(request, "home.html", facts)


def _waiting(module: AiModule) -> Asked:
    return waiting(module, timezone.now()), "created_at"


def _queues(modules: Sequence[AiModule], counted: Sequence[Counted]) -> list[dict[str, Any]]:
    """Answer each module with how much waits to be judged in it and since when, those with nothing last."""
    rows = [
        {"module": module, "waiting": each.number, "oldest": each.oldest} for module, each in zip(modules, counted, strict=True)
    ]
    return sorted(rows, key=lambda row: row["waiting"] == "0")


def _further(may: Mapping[str, bool], modules: Sequence[AiModule]) -> list[dict[str, Any]]:
    """Answer the cards that no count makes."""
    drawn = [cards.falling_card(modules)] if may["adjudicate"] else []
    return [*drawn, cards.erasure_card()] if may["erase"] else drawn


def _counts(stations: Sequence[tuple[dict[str, Any], QuerySet[Any]]]) -> list[Asked]:
    return [(rows, "") for _station, rows in stations]


def _stations(user: User, may: Mapping[str, bool]) -> list[tuple[dict[str, Any], QuerySet[Any]]]:
    """Answer the stations of the loop, each with what is there."""
    stations: list[tuple[str, str, str, QuerySet[Any]]] = []
    if may["store"]:
        samples = LearningSample.objects.visible_to(user)
        settled = reverse("learning:samples", query={"state": SampleState.SETTLED})
        stations += [
            ("batches", _("Batches"), reverse("learning:batches"), UploadBatch.objects.visible_to(user)),
            ("samples", _("Samples"), reverse("learning:samples"), samples),
            ("review", _("Settled"), settled, samples.filter(state=SampleState.SETTLED)),
        ]
    if may["training"]:
        frozen = DatasetVersion.objects.visible_to(user).filter(state=VersionState.FROZEN)
        released = ModelVersion.objects.visible_to(user).filter(status=ModelStatus.RELEASED)
        stations += [
            ("datasets", _("Frozen versions"), reverse("training:datasets"), frozen),
            ("jobs", _("Jobs"), reverse("training:jobs"), TrainingJob.objects.visible_to(user)),
            ("models", _("Released models"), reverse("training:models", query={"status": ModelStatus.RELEASED}), released),
        ]
    if may["fleet"]:
        edges = EdgeServer.objects.visible_to(user).filter(retired_at__isnull=True)
        stations.append(("edges", _("Edges"), reverse("deployments:edges"), edges))
    return [({"icon": icon, "label": label, "url": url}, rows) for icon, label, url, rows in stations]
