"""A sample from its arrival to the edges that run what it taught: composed here, because no app looks that far up."""

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.policy import Permission, is_allowed
from deployments.models import EdgeServer, EdgeSlot
from learning.models import LearningSample, SampleState
from training.lineage import versions_with
from training.models import DatasetVersion, ModelVersion

SHOWN = 6
Station = dict[str, Any]


def history_of(sample: LearningSample, user: User) -> list[Station]:
    """Answer the stations of a sample in order, as far as `user` may look; one that was not reached says what leads there."""
    stations = [_received(sample), _judged(sample, user)]
    if is_allowed(user, Permission.VIEW_TRAINING):
        versions = versions_with(sample, user)
        models = ModelVersion.objects.visible_to(user).filter(dataset_version__in=[row.pk for row in versions])
        trained = list(models.select_related("module").order_by("trained_at"))
        stations += [_frozen(versions), _trained(trained)]
        if is_allowed(user, Permission.VIEW_FLEET):
            stations.append(_deployed(trained, user))
    return stations


def slots_running(models: Iterable[ModelVersion], user: User) -> QuerySet[EdgeSlot]:
    """Answer the slots within reach that shall run one of `models` and say that they do."""
    edges = EdgeServer.objects.visible_to(user).in_service()
    runs = [Q(desired=model.pk, active_version=model.version) for model in models]
    return EdgeSlot.objects.filter(reduce(or_, runs), edge_server__in=edges) if runs else EdgeSlot.objects.none()


def shown_of(rows: QuerySet[EdgeSlot], number: int) -> list[EdgeSlot]:
    """Answer up to `number` of these slots by the names of their edges: those that came first, where there are more."""
    first = rows.select_related("edge_server", "desired").order_by("edge_server_id", "pk")[:number]
    return sorted(first, key=lambda slot: slot.edge_server.name)


def _received(sample: LearningSample) -> Station:
    facts = [_link(sample.batch_id, reverse("learning:batch", args=[sample.batch_id]))] if sample.batch_id else []
    if sample.state == SampleState.RECEIVED:
        return _station(_("Received"), facts, at=sample.received_at, tone="running", wanted=_("a worker is verifying it"))
    return _station(_("Received"), facts, at=sample.received_at)


def _judged(sample: LearningSample, user: User) -> Station:
    labels = [label for label in sample.labels.select_related("annotator").order_by("-id")[:SHOWN] if not label.withdrawn_at]
    people = [str(label.annotator) if user.is_hub_staff and label.annotator else _("a reviewer") for label in labels]
    facts = [_fact(f"{label.get_decision_display()} ({who})") for label, who in zip(labels, people, strict=True)]
    at = labels[0].labeled_at if labels else None
    match sample.state:
        case SampleState.SETTLED:
            return _station(_("Judged"), facts or [_fact(_("the city's own label counts"))], at=at)
        case SampleState.DISPUTED:
            return _station(_("Judged"), facts, at=at, tone="waiting", wanted=_("people disagree; a reviewer settles it"))
        case SampleState.EXCLUDED:
            return _station(_("Judged"), facts, at=at, tone="over", wanted=_("left out: it has no truth"))
    return _station(_("Judged"), facts, at=at, tone="waiting", wanted=_("it waits in the review queue"))


def _frozen(versions: list[DatasetVersion]) -> Station:
    facts = [_link(str(row), reverse("training:version", args=[row.pk])) for row in versions]
    wanted = _("in no frozen version: a dataset gathers it, then a version fixes it")
    return _station(_("Frozen in versions"), facts, at=versions[0].frozen_at if versions else None, wanted=wanted)


def _trained(models: list[ModelVersion]) -> Station:
    facts = [_link(str(row), reverse("training:model", args=[row.pk])) for row in models]
    wanted = _("no model was trained on such a version")
    return _station(_("Trained models"), facts, at=models[0].trained_at if models else None, wanted=wanted)


def _deployed(models: list[ModelVersion], user: User) -> Station:
    rows = slots_running(models, user)
    slots = shown_of(rows, SHOWN + 1)
    facts = [
        _link(f"{slot.edge_server} ({slot.desired.version})", reverse("deployments:edge", args=[slot.edge_server_id]))
        for slot in slots[:SHOWN]
        if slot.desired
    ]
    if len(slots) > SHOWN:
        more = rows.count() - SHOWN
        facts.append(_fact(ngettext("and %d more", "and %d more", more) % more))
    at = min((slot.desired_at for slot in slots if slot.desired_at), default=None)
    return _station(_("Runs on edges"), facts, at=at, wanted=_("no edge runs such a model now"))


def _station(title: str, facts: list[dict[str, str]], *, at: datetime | None, tone: str = "", wanted: str = "") -> Station:
    """Make a station: reached (good) where it has facts, unless `tone` says otherwise; `wanted` says what is missing."""
    own = tone or ("good" if facts or at else "over")
    return {"title": title, "facts": facts, "at": at, "tone": own, "wanted": "" if own == "good" else wanted}


def _link(text: str, url: str) -> dict[str, str]:
    return {"text": text, "url": url}


def _fact(text: str) -> dict[str, str]:
    return {"text": text, "url": ""}
