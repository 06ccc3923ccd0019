"""Page of a dataset version: what was fixed, and what was made of it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed
from core.pages import carry_out, first_error, found, page_or_partial
from core.paging import bounded_count
from training.actions import job as job_verbs
from training.actions import version as version_verbs
from training.forms import TrainForm
from training.models import DatasetVersion, JobKind, Split, TrainingJob, VersionState
from training.views.dataset import is_own, viewer

SHOWN = 24


@require_safe
def version(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one version; asked by htmx, only whether it is frozen by now."""
    user = viewer(request)
    rows = DatasetVersion.objects.visible_to(user).select_related("dataset__module", "dataset__organization")
    shown = found(rows, pk=pk)
    like = _job_to_repeat(request.GET.get("again", ""), user)
    facts = {
        "version": shown,
        "like": like,
        "is_own": is_own(shown, user),
        "reopened": bounded_count(shown.reopened) if is_own(shown, user) else "0",
        "changed": bounded_count(shown.changed) if is_own(shown, user) else "0",
        "splits": [(split, shown.statistics.get("by_split", {}).get(split, 0)) for split in Split.values],
        "may_freeze": is_allowed(user, Permission.FREEZE_VERSION, shown),
        "may_train": is_allowed(user, Permission.RUN_JOBS, shown) and shown.state == VersionState.FROZEN,
        "train_form": TrainForm(version=shown, user=user, like=like),
        "jobs": shown.jobs.visible_to(user)
        .filter(kind=JobKind.TRAIN)
        .select_related("output_model_version")
        .order_by("-created_at")[:SHOWN],
        "events": Event.objects.visible_to(user).about("training.datasetversion", shown.pk).order_by("-id")[:SHOWN],
    }
    return page_or_partial(request, "training/version_detail.html", "live", facts)


@require_POST
def version_train(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Queue a training job on this version."""
    user = viewer(request)
    shown = found(DatasetVersion.objects.visible_to(user).select_related("dataset__module", "dataset__organization"), pk=pk)
    form = TrainForm(request.POST, version=shown, user=user)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect("training:version", pk=pk)
    return carry_out(
        request,
        lambda: job_verbs.create(
            by=user,
            module=shown.dataset.module,
            dataset_version=shown,
            organization=shown.dataset.organization,
            **form.asked,
        ),
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
    user = viewer(request)
    shown = found(DatasetVersion.objects.visible_to(user).select_related("dataset"), pk=pk)
    return carry_out(
        request,
        lambda: version_verbs.archive(shown, by=user),
        done=_("The version was archived; no new job may use it."),
        then=reverse("training:version", args=[pk]),
    )
