"""One search over everything that has a name or an id, for one person: a few of each kind, found by indexes or in small tables."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.policy import Permission, is_allowed
from core.lookups import ByPattern
from deployments.models import EdgeServer
from learning.models import City, LearningSample, Person, UploadBatch
from training.models import ModelVersion, TrainingDataset, TrainingJob

SHORTEST, LONGEST = 2, 100
MOST = 8
HEX = re.compile(r"[0-9a-f]{4,32}")


@dataclass(frozen=True)
class Hit:
    """One thing that was found, what tells it from others of its name, and where it is."""

    id: str
    name: str
    note: str
    url: str


@dataclass(frozen=True)
class Group:
    """What was found of one kind."""

    kind: str
    label: str
    icon: str
    hits: Sequence[Hit]


def asked(text: str) -> str:
    """Answer what is looked for; empty where there is too little to look for."""
    text = text.replace("\x00", "").strip()[:LONGEST]
    return text if len(text) >= SHORTEST else ""


def search(user: User, text: str) -> list[Group]:
    """Answer what `user` may see whose id begins with, or whose name holds, what is asked; nothing for too little."""
    wanted = asked(text)
    if not wanted:
        return []
    groups = [
        Group(kind, label, icon, list(find(user, wanted)))
        for kind, label, icon, permission, find in _kinds()
        if is_allowed(user, permission)
    ]
    return [group for group in groups if group.hits]


Find = Callable[[User, str], Iterable[Hit]]


def _kinds() -> list[tuple[str, str, str, Permission, Find]]:
    return [
        ("samples", _("Samples"), "samples", Permission.VIEW_STORE, _samples),
        ("datasets", _("Datasets"), "datasets", Permission.VIEW_TRAINING, _datasets),
        ("jobs", _("Jobs"), "jobs", Permission.VIEW_TRAINING, _jobs),
        ("models", _("Models"), "models", Permission.VIEW_TRAINING, _models),
        ("edges", _("Edges"), "edges", Permission.VIEW_FLEET, _edges),
        ("cities", _("Cities"), "cities", Permission.VIEW_STORE, _cities),
        ("batches", _("Batches"), "batches", Permission.VIEW_STORE, _batches),
        ("people", _("People"), "person", Permission.VIEW_COLLECTION, _people),
    ]


def _samples(user: User, text: str) -> Iterable[Hit]:
    """By the beginning of their id, or the whole id of an event in any city within reach: of both there is an index."""
    columns = ("sample_id", "event_id", "city__slug")
    rows = LearningSample.objects.visible_to(user).filter(sample_id__prefixed=text).order_by(ByPattern(F("sample_id")))
    found = list(rows.values_list(*columns)[:MOST])
    if len(found) < MOST:
        of_event = LearningSample.objects.filter(city__in=City.objects.visible_to(user), event_id=text)
        found += [row for row in of_event.values_list(*columns)[:MOST] if row not in found]
    for sample_id, event_id, city in found[:MOST]:
        yield Hit(sample_id, event_id or sample_id, city, reverse("learning:sample", args=[sample_id]))


def _datasets(user: User, text: str) -> Iterable[Hit]:
    rows = TrainingDataset.objects.visible_to(user).filter(_named(text)).select_related("module")
    for row in rows.order_by("-created_at")[:MOST]:
        yield Hit(str(row.pk), row.name, str(row.module), reverse("training:dataset", args=[row.pk]))


def _jobs(user: User, text: str) -> Iterable[Hit]:
    for row in TrainingJob.objects.visible_to(user).filter(_named(text)).order_by("-created_at")[:MOST]:
        yield Hit(str(row.pk), row.name, row.get_status_display(), reverse("training:job", args=[row.pk]))


def _models(user: User, text: str) -> Iterable[Hit]:
    numbered = _named(text) | Q(version=text.removeprefix("v"))
    rows: QuerySet[Any] = ModelVersion.objects.visible_to(user).filter(numbered).select_related("module")
    for row in rows.order_by("-created_at")[:MOST]:
        yield Hit(str(row.pk), row.name, f"{row.module} {row.version}", reverse("training:model", args=[row.pk]))


def _edges(user: User, text: str) -> Iterable[Hit]:
    named = Q(name__icontains=text)
    if text.isascii() and text.isdigit() and len(text) < 19:
        named |= Q(pk=int(text))
    for row in EdgeServer.objects.visible_to(user).filter(named).select_related("city").order_by("name")[:MOST]:
        yield Hit(str(row.pk), row.name, str(row.city or ""), reverse("deployments:edge", args=[row.pk]))


def _cities(user: User, text: str) -> Iterable[Hit]:
    rows = City.objects.visible_to(user).filter(Q(name__icontains=text) | Q(slug__icontains=text))
    for row in rows.order_by("name")[:MOST]:
        yield Hit(row.slug, row.name, row.slug, reverse("learning:city", args=[row.slug]))


def _batches(user: User, text: str) -> Iterable[Hit]:
    rows = UploadBatch.objects.visible_to(user).filter(id__prefixed=text).select_related("city")
    for row in rows.order_by("-day")[:MOST]:
        yield Hit(row.pk, row.pk, str(row.city), reverse("learning:batch", args=[row.pk]))


def _people(user: User, text: str) -> Iterable[Hit]:
    for row in Person.objects.visible_to(user).filter(full_name__icontains=text).order_by("full_name")[:MOST]:
        yield Hit(str(row.pk), row.full_name, row.domain, reverse("learning:person", args=[row.pk]))


def _named(text: str) -> Q:
    """Select by a part of the name, or by the beginning of a uuid, which is a range of the key's own index."""
    named = Q(name__icontains=text)
    digits = text.lower().replace("-", "")
    if HEX.fullmatch(digits):
        named |= Q(pk__gte=UUID(digits.ljust(32, "0")), pk__lte=UUID(digits.ljust(32, "f")))
    return named
