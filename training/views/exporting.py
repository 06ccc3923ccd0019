"""Page of a dataset's exports: the form, what each format cannot carry, how far each is, and until when it can be fetched."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Missing, Refusal
from core.pages import carry_out, found, page_or_partial
from training.actions import exporting as verbs
from training.actions.exporting_file import NOTES
from training.export_forms import ExportForm
from training.formats import FORMATS
from training.models import DatasetExport, TrainingDataset
from training.views.dataset import is_own, viewer

SHOWN = 30


@require_http_methods(["GET", "POST"])
def exports(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask how to export a dataset and begin it; show past exports; asked by htmx, only how far they are."""
    user = viewer(request)
    dataset = _dataset(user, pk)
    form = ExportForm(
        request.POST if request.method == "POST" else None,
        dataset=dataset,
        initial={"version": request.GET.get("version", "")},
    )
    if request.method == "POST" and form.is_valid():
        return carry_out(
            request,
            lambda: verbs.ask(dataset, by=user, **form.asked),
            done=_("The export was begun; it stands first in the list."),
            then=reverse("training:exports", args=[pk]),
        )
    rows = DatasetExport.objects.visible_to(user).filter(dataset=dataset).order_by("-id")
    shown = list(rows.select_related("dataset", "version__dataset", "object", "created_by")[:SHOWN])
    facts = {
        "dataset": dataset,
        "form": form,
        "formats": FORMATS.values(),
        "days": settings.EXPORT_DAYS,
        "rows": [_row(export) for export in shown],
        "is_moving": any(export.is_unfinished for export in shown),
    }
    status = 422 if form.is_bound else 200
    return page_or_partial(request, "training/exports.html", "live", facts, status=status)


@require_safe
def one_export(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lead on to the dataset's exports, at this one."""
    _user, export = _export(request, pk)
    return redirect(f"{reverse('training:exports', args=[export.dataset_id])}#export-{export.pk}")


@require_POST
def export_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take an export back."""
    user, export = _export(request, pk)
    return carry_out(
        request,
        lambda: verbs.cancel(export, by=user),
        done=_("The export was taken back; nothing of it is kept."),
        then=reverse("training:exports", args=[export.dataset_id]),
    )


@require_POST
def export_download(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lead on to the file, under an address that is good for a quarter of an hour."""
    user, export = _export(request, pk)
    try:
        return redirect(verbs.link(export, by=user).url)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("training:exports", pk=export.dataset_id)


def _row(export: DatasetExport) -> dict[str, Any]:
    notes = [(NOTES.get(code, code.replace("_", " ")), count) for code, count in sorted(export.notes.items())]
    known = FORMATS.get(export.format)
    return {"export": export, "title": known.title if known else export.format, "notes": notes}


def _dataset(user: User, pk: UUID) -> TrainingDataset:
    dataset = found(TrainingDataset.objects.visible_to(user).select_related("module", "organization"), pk=pk)
    if not is_own(dataset, user):
        raise Missing(_("There is no such dataset, or it is not within your reach."))
    require(user, Permission.MANAGE_DATASETS, dataset)
    return dataset


def _export(request: HttpRequest, pk: UUID) -> tuple[User, DatasetExport]:
    user = viewer(request)
    rows = DatasetExport.objects.visible_to(user).select_related("dataset", "version__dataset", "object")
    return user, found(rows, pk=pk)
