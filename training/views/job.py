"""Pages of jobs: what runs, how far it is, and what its log says."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed
from core.pages import carry_out, found, page_or_partial
from core.paging import bounded_count, keyset_page
from training.actions import job as job_verbs
from training.forms import JobFilters
from training.models import JobKind, JobStatus, MetricPoint, RunLog, TrainingJob, TrainingRun, VersionState
from training.models.job import ENDED
from training.models.run import ExitReason
from training.views.dataset import is_own, viewer

PAGE = 50
LARGE = (
    "dataset_version__statistics",
    "dataset_version__verification",
    "output_model_version__evaluation",
    "output_model_version__card",
)
"""Documents that the list does not show, and that take longer to read than all the rest of a row."""
LOG_LINES = 200
POINTS = 5_000
GRID = 16


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """List jobs, newest first."""
    user = viewer(request)
    form = JobFilters(request.GET)
    rows = TrainingJob.objects.visible_to(user).filter(**form.chosen)
    joined = rows.select_related("module", "dataset_version__dataset", "output_model_version", "evaluated_version").defer(
        *LARGE
    )
    page = keyset_page(joined, cursor=request.GET.get("cursor", ""), size=PAGE)
    return render(request, "training/job_list.html", {"page": page, "form": form, "count": bounded_count(rows)})


@require_safe
def job(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one job; asked by htmx (each two seconds while it runs), only what moves."""
    user = viewer(request)
    rows = TrainingJob.objects.visible_to(user).select_related(
        "module", "dataset_version__dataset", "output_model_version", "evaluated_version", "base_model_version", "created_by"
    )
    shown = found(rows, pk=pk)
    runs = list(shown.runs.order_by("attempt"))
    latest = runs[-1] if runs else None
    best = _best_earlier(shown, user)
    facts = {
        "job": shown,
        "runs": runs,
        "run": latest,
        "is_moving": shown.status not in ENDED,
        "charts": _charts(latest, best),
        "best": best,
        "compared": _compared(shown, best),
        "grid": _grid(shown, user),
        "ending": _ending(shown, latest),
        "may_repeat": shown.kind == JobKind.TRAIN
        and shown.dataset_version.state == VersionState.FROZEN
        and is_allowed(user, Permission.RUN_JOBS, shown),
        "log": _log_tail(latest),
        "may_take_along": is_allowed(user, Permission.READ_FROZEN, shown),
        "may_cancel": is_allowed(user, Permission.RUN_JOBS, shown) and shown.status not in ENDED,
        "is_own": is_own(shown, user),
    }
    if not request.headers.get("HX-Request"):
        facts["events"] = Event.objects.visible_to(user).about("training.trainingjob", shown.pk).order_by("-id")[:PAGE]
    return page_or_partial(request, "training/job_detail.html", "live", facts)


@require_POST
def job_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask a job to stop."""
    user = viewer(request)
    shown = found(TrainingJob.objects.visible_to(user), pk=pk)
    return carry_out(
        request,
        lambda: job_verbs.cancel(shown, by=user),
        done=_("The job is asked to stop."),
        then=reverse("training:job", args=[pk]),
    )


def _best_earlier(job: TrainingJob, user: User) -> TrainingJob | None:
    """Answer the job that trained the most accurate model on the same dataset version before this one."""
    if job.kind != JobKind.TRAIN:
        return None
    rows = TrainingJob.objects.visible_to(user).filter(kind=JobKind.TRAIN, dataset_version=job.dataset_version_id)
    rows = rows.filter(created_at__lt=job.created_at, output_model_version__accuracy__isnull=False)
    return rows.select_related("output_model_version").order_by("-output_model_version__accuracy", "-created_at").first()


def _compared(job: TrainingJob, best: TrainingJob | None) -> list[tuple[str, float, float | None]]:
    """Answer what the job measured, each number beside that of the best earlier one."""
    earlier = best.metrics if best else {}
    return [
        (name, value, earlier.get(name) if _is_number(earlier.get(name)) else None)
        for name, value in job.metrics.items()
        if _is_number(value)
    ]


def _grid(job: TrainingJob, user: User) -> dict[str, Any] | None:
    """Answer the jobs that were asked for together with this one, best first, with the hyperparameters in which they differ."""
    if job.grid is None or not is_own(job, user):
        return None
    rows = TrainingJob.objects.visible_to(user).filter(grid=job.grid).select_related("output_model_version").order_by("id")
    jobs = sorted(rows[:GRID], key=lambda one: -(one.metrics.get("accuracy") or 0.0))
    differing = [name for name in job.hyperparameters if len({repr(one.hyperparameters.get(name)) for one in jobs}) > 1]
    shown = [(one, [one.hyperparameters.get(name) for name in differing], one.metrics.get("accuracy")) for one in jobs]
    return {"names": differing, "rows": shown}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ending(job: TrainingJob, run: TrainingRun | None) -> tuple[Any, Any] | None:
    """Say why a job ended before it was done, and what to do next."""
    if job.status == JobStatus.COMPLETED or job.status not in ENDED:
        return None
    reason = (
        ExitReason.CANCELLED if job.status == JobStatus.CANCELLED else ExitReason((run and run.exit_reason) or ExitReason.DONE)
    )
    return ENDINGS.get(reason)


ENDINGS = {
    ExitReason.USER_ERROR: (
        _lazy("The trainer stopped with an error."),
        _lazy("The last lines of the log say where. Change the settings, or mend the trainer, and run it again."),
    ),
    ExitReason.OUT_OF_MEMORY: (
        _lazy("It needed more memory than a run may have."),
        _lazy("Run it again with a smaller batch or a smaller model, or on a worker that allows more."),
    ),
    ExitReason.WORKER_LOST: (
        _lazy("The worker fell silent each time it was tried."),
        _lazy("Look whether the worker's machine is up and has room, then run it again."),
    ),
    ExitReason.TIMEOUT: (
        _lazy("It took longer than a run may."),
        _lazy("Run it again with fewer epochs, or from the version it would fine-tune."),
    ),
    ExitReason.CANCELLED: (
        _lazy("A person took it back."),
        _lazy("Nothing was made of it; it can be run again as it was, or with changes."),
    ),
}


def _charts(run: TrainingRun | None, best: TrainingJob | None) -> list[dict[str, Any]]:
    """Answer the run's curves with the scores of the best earlier job, those of losses apart, since their scales differ."""
    curves = _curves(run)
    if not curves:
        return []
    losses = {name: curve for name, curve in curves.items() if "loss" in name}
    scores = {name: curve for name, curve in curves.items() if "loss" not in name}
    earlier = _curves(best.runs.order_by("-attempt").first()) if best else {}
    for name in list(scores)[:1]:
        if name in earlier:
            scores[_("%s of the best earlier job") % name] = earlier[name]
    titled = ((_("Scores by epoch"), scores), (_("Loss by epoch"), losses))
    return [{"caption": caption, "series": series} for caption, series in titled if series]


def _curves(run: TrainingRun | None) -> dict[str, list[tuple[float, float]]]:
    """Answer the curves of a job up to this attempt: what it measured, and before that what the one it went on from did."""
    measured: dict[str, dict[float, float]] = defaultdict(dict)
    if run is None:
        return {}
    points = MetricPoint.objects.filter(run__job=run.job_id, run__attempt__lte=run.attempt).order_by("run__attempt", "step")
    for name, step, value in points.values_list("name", "step", "value")[:POINTS]:
        measured[name][step] = value
    return {name: sorted(steps.items()) for name, steps in sorted(measured.items())}


def _log_tail(run: TrainingRun | None) -> list[RunLog]:
    return [] if run is None else list(RunLog.objects.filter(run=run).order_by("-seq")[:LOG_LINES])[::-1]
