"""Pages of datasets: what each gathers, what it holds, and its versions."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed, require
from core.pages import carry_out, first_error, found
from core.paging import bounded_count, keyset_page
from learning.models import City
from learning.thumbnails import thumbnail_url
from training.actions import dataset as dataset_verbs
from training.actions import growing
from training.actions import version as version_verbs
from training.actions.version_number import suggest
from training.forms import DatasetFilters, DatasetForm, FreezeForm, PlaceFilters
from training.gathered import newest_version, places, tables
from training.models import DatasetGrowth, GrowthState, TrainingDataset

PAGE = 50
SHOWN = 24


@require_safe
def datasets(request: HttpRequest) -> HttpResponse:
    """List datasets, newest first, with their counts."""
    user = viewer(request)
    form = DatasetFilters(request.GET)
    rows = TrainingDataset.objects.visible_to(user).filter(**form.chosen)
    counted = rows.with_counts().select_related("module", "organization")
    page = keyset_page(counted, cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {"page": page, "form": form, "count": bounded_count(rows)}
    return render(request, "training/dataset_list.html", {**facts, "may_add": is_allowed(user, Permission.MANAGE_DATASETS)})


@require_http_methods(["GET", "POST"])
def dataset_new(request: HttpRequest) -> HttpResponse:
    """Ask for a new dataset and its rule, and make it."""
    user = viewer(request)
    require(user, Permission.MANAGE_DATASETS)
    form = DatasetForm(request.POST if request.method == "POST" else None, user=user)
    if request.method == "POST" and form.is_valid():
        asked = {name: form.cleaned_data[name] for name in ("name", "module", "description", "environment")}
        return carry_out(
            request,
            lambda: dataset_verbs.add(by=user, rule=form.rule, **asked),
            done=_("The dataset was made; refresh it to gather samples."),
            then=reverse("training:datasets"),
        )
    return render(request, "training/dataset_new.html", {"form": form})


@require_safe
def dataset(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one dataset: what is in it, its rule, its counts, its versions, and what may be done."""
    user = viewer(request)
    joined = TrainingDataset.objects.visible_to(user).with_counts().select_related("module", "organization", "summary")
    shown = found(joined, pk=pk)
    versions = list(shown.versions.order_by("-created_at")[:PAGE])
    own = is_own(shown, user)
    suggested = suggest(shown)
    facts = {
        "dataset": shown,
        "is_own": own,
        "versions": versions,
        "suggested": suggested,
        "freeze_form": FreezeForm(initial={"version": suggested.version}),
        "may_manage": is_allowed(user, Permission.MANAGE_DATASETS, shown),
        "may_freeze": is_allowed(user, Permission.FREEZE_VERSION, shown),
        "events": Event.objects.visible_to(user).about("training.trainingdataset", shown.pk).order_by("-id")[:SHOWN],
        **(_inside(request, shown, user) if own else {}),
    }
    return render(request, "training/dataset_detail.html", facts)


def _inside(request: HttpRequest, shown: TrainingDataset, user: User) -> dict[str, Any]:
    """Answer what only those see whose dataset it is: its samples, narrowed by the URL, its size, and what it holds."""
    summary = getattr(shown, "summary", None)
    form = PlaceFilters(request.GET, cells=summary.cells if summary else [])
    rows, following = places(shown, form.narrowing(newest_version(shown)), request.GET.get("cursor", ""))
    for row in rows:
        row.sample.thumbnail_url = thumbnail_url(row.sample, user)  # type: ignore[attr-defined]
    limit = shown.organization.limits.dataset_bytes if shown.organization else 0
    used = shown.deltas.aggregate(total=Sum("bytes"))["total"] if limit else 0
    cells = summary.cells if summary else []
    city = form.chosen.get("city")
    names = dict(City.objects.filter(slug__in={cell[1] for cell in cells}).values_list("slug", "name"))
    return {
        "form": form,
        "places": rows,
        "next": following,
        "summary": summary,
        "held": tables(cells, names, city.slug if city else ""),
        "bytes": used or 0 if limit else summary.bytes if summary else 0,
        "bytes_limit": limit,
        "growing": shown.growths.filter(state=GrowthState.RUNNING).first(),
        "waiting": bounded_count(shown.samples.to_verify()),
    }


@require_POST
def dataset_refresh(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Gather what the rule selects and the dataset lacks; a worker does it where that is much."""
    user = viewer(request)
    shown = found(TrainingDataset.objects.visible_to(user).select_related("organization", "module"), pk=pk)
    then = reverse("training:dataset-grow" if "grow" in request.POST else "training:dataset", args=[pk])
    return carry_out(request, lambda: growing.refresh(shown, by=user), done=_of_refresh, then=then)


def _of_refresh(came: int | DatasetGrowth) -> str:
    if isinstance(came, DatasetGrowth):
        return _("A worker adds them; the page of growing shows how far it is.")
    return ngettext("%d sample was added.", "%d samples were added.", came) % came


@require_POST
def dataset_freeze(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Begin to freeze a version."""
    user = viewer(request)
    shown = found(TrainingDataset.objects.visible_to(user), pk=pk)
    form = FreezeForm(request.POST)
    here = reverse("training:dataset", args=[pk])
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect(here)
    facts = {name: form.cleaned_data[name] for name in ("version", "release_notes")}
    return carry_out(
        request,
        lambda: version_verbs.create(shown, by=user, seed=form.cleaned_data["seed"], split=form.split, **facts),
        done=_("The version is being frozen by a worker."),
        then=here,
    )


@require_POST
def dataset_archive(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put a dataset away."""
    user = viewer(request)
    shown = found(TrainingDataset.objects.visible_to(user), pk=pk)
    return carry_out(
        request,
        lambda: dataset_verbs.archive(shown, by=user),
        done=_("The dataset was archived."),
        then=reverse("training:dataset", args=[pk]),
    )


def viewer(request: HttpRequest) -> User:
    """Answer who looks on, if they may look at training at all; raises Refused."""
    require(request.user, Permission.VIEW_TRAINING)
    assert isinstance(request.user, User)
    return request.user


def is_own(shown: Any, user: User) -> bool:
    """Tell whether `user` may see all of it: a customer sees what is shared by name, card and metrics only."""
    return user.is_hub_staff or shown.organization_id == user.organization_id
