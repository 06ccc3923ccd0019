"""Pages of a dataset version: what was fixed, how it is proved, what was made of it, and what differs from another one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed
from core.errors import Refused
from core.pages import carry_out, first_error, found, page_or_partial
from core.paging import bounded_count
from training import estimate, plan
from training.actions import job as job_verbs
from training.actions import job_grid, version_comparison, version_proof
from training.actions import version as version_verbs
from training.actions.version_number import labeled_in
from training.class_table import class_table
from training.forms import TrainForm
from training.models import DatasetVersion, JobKind, Split, TrainingJob, VersionState
from training.trainers.registry import trainers
from training.views.comparison import compared
from training.views.dataset import is_own, viewer

SHOWN = 24


@require_safe
def version(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one version; asked by htmx, only whether it is frozen by now."""
    user = viewer(request)
    rows = DatasetVersion.objects.visible_to(user).select_related("dataset__module", "dataset__organization")
    shown = found(rows, pk=pk)
    like = _job_to_repeat(request.GET.get("again", ""), user)
    may_train = is_allowed(user, Permission.RUN_JOBS, shown) and shown.state == VersionState.FROZEN
    facts = {
        "version": shown,
        "like": like,
        "is_own": is_own(shown, user),
        "reopened": bounded_count(shown.reopened) if is_own(shown, user) else "0",
        "changed": bounded_count(shown.changed) if is_own(shown, user) else "0",
        "splits": [(split, shown.statistics.get("by_split", {}).get(split, 0)) for split in Split.values],
        "table": class_table(shown.statistics, request.GET.get("city", "")),
        "freezing": _progress(shown.sample_count, labeled_in(shown.dataset_id))
        if shown.state == VersionState.FREEZING
        else None,
        "proving": _progress(shown.verify_done, shown.sample_count) if shown.verify_asked_at else None,
        "others": _others(shown),
        "may_freeze": is_allowed(user, Permission.FREEZE_VERSION, shown),
        "may_train": may_train,
        "estimates": _estimates(shown, user) if may_train else [],
        "month": _month(shown) if may_train else None,
        "train_form": TrainForm(version=shown, user=user, like=like),
        "jobs": shown.jobs.visible_to(user)
        .filter(kind=JobKind.TRAIN)
        .select_related("output_model_version")
        .order_by("-created_at")[:SHOWN],
        "events": Event.objects.visible_to(user).about("training.datasetversion", shown.pk).order_by("-id")[:SHOWN],
    }
    return page_or_partial(request, "training/version_detail.html", "live", facts)


@require_safe
def version_compare(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what differs from an earlier version to this one, in numbers, by class and drawn; asked by htmx, whether it is done."""
    user = viewer(request)
    rows = DatasetVersion.objects.visible_to(user).select_related("dataset__module", "dataset__organization")
    shown = found(rows, pk=pk)
    if not is_own(shown, user):
        raise Refused("What is in a shared dataset is shown to the hub's own people.")
    before = found(rows.filter(dataset=shown.dataset_id), pk=request.GET.get("with", ""))
    if before.frozen_at and shown.frozen_at and before.frozen_at > shown.frozen_at:  # from the earlier to the later one
        return redirect(f"{reverse('training:version-compare', args=[before.pk])}?with={shown.pk}")
    row = version_comparison.ask(before, shown, by=user)
    facts = {"version": shown, "before": before, "row": row, "others": _others(shown)}
    if row.result:
        facts |= compared(row.result, user, kind=request.GET.get("kind", ""), label=request.GET.get("label", ""))
    else:
        facts["working"] = _progress(row.done, before.sample_count + shown.sample_count)
    return page_or_partial(request, "training/version_compare.html", "live", facts)


def _estimates(version: DatasetVersion, user: User) -> list[tuple[str, estimate.Estimate]]:
    """Answer under each trainer's title how long trainings on so many samples took."""
    found = estimate.of_trainers(version, user)
    return [(trainer.title, found[name]) for name, trainer in trainers().items() if name in found]


def _month(version: DatasetVersion) -> dict[str, int] | None:
    """Answer how many trainings the customer's plan has left in this month; None where no plan bounds them."""
    customer = version.dataset.organization
    if customer is None:
        return None
    limit = customer.limits.jobs_per_month
    return {"limit": limit, "left": max(0, limit - plan.jobs_this_month([customer]).count())}


def _progress(done: int, total: int) -> dict[str, Any]:
    return {"done": done, "total": total, "percent": min(100, 100 * done // total) if total else 0}


def _others(version: DatasetVersion) -> list[DatasetVersion]:
    """Answer the other frozen versions of the dataset, the newest first: what this one may be compared with."""
    rows = DatasetVersion.objects.filter(dataset=version.dataset_id, frozen_at__isnull=False).exclude(pk=version.pk)
    return list(rows.only("pk", "version", "dataset").order_by("-frozen_at")[:SHOWN]) if version.frozen_at else []


@require_POST
def version_verify(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have it proved now."""
    user, shown = _mine(request, pk)
    return carry_out(
        request,
        lambda: version_proof.ask(shown, by=user, objects="objects" in request.POST),
        done=_("A worker reads the version again; what it finds appears here."),
        then=reverse("training:version", args=[pk]),
    )


@require_POST
def version_promote(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Mark it as the version in production, or take the mark away."""
    user, shown = _mine(request, pk)
    is_wanted = request.POST.get("production") != "no"
    return carry_out(
        request,
        lambda: (version_verbs.promote if is_wanted else version_verbs.demote)(shown, by=user),
        done=_("This version is in production.") if is_wanted else _("This version is in production no more."),
        then=reverse("training:version", args=[pk]),
    )


def _mine(request: HttpRequest, pk: UUID) -> tuple[User, DatasetVersion]:
    user = viewer(request)
    return user, found(DatasetVersion.objects.visible_to(user).select_related("dataset"), pk=pk)


@require_POST
def version_train(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Queue a training job on this version."""
    user = viewer(request)
    shown = found(DatasetVersion.objects.visible_to(user).select_related("dataset__module", "dataset__organization"), pk=pk)
    form = TrainForm(request.POST, version=shown, user=user)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect("training:version", pk=pk)
    asked = {**form.asked, "module": shown.dataset.module, "organization": shown.dataset.organization}
    grid = form.cleaned_data["grid"]

    def begin() -> TrainingJob:
        if grid.strip():
            return job_grid.create(by=user, dataset_version=shown, grid=job_grid.read(grid), **asked)
        return job_verbs.create(by=user, dataset_version=shown, **asked)

    return carry_out(
        request,
        begin,
        done=_("The job waits for a worker; it stands first in the list below."),
        then=reverse("training:version", args=[pk]),
    )


def _job_to_repeat(text: str, user: User) -> TrainingJob | None:
    """Answer the job that the form shall begin with; None where there is none within reach."""
    try:
        return TrainingJob.objects.visible_to(user).filter(kind=JobKind.TRAIN, pk=UUID(text)).first() if text else None
    except ValueError:
        return None


@require_POST
def version_archive(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put a version away."""
    user, shown = _mine(request, pk)
    return carry_out(
        request,
        lambda: version_verbs.archive(shown, by=user),
        done=_("The version was archived; no new job may use it."),
        then=reverse("training:version", args=[pk]),
    )
