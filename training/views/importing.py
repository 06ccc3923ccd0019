"""Pages of imports: what to bring, what a dry run found and how it is mapped, how far it is, and what came of it."""

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
from core.pages import carry_out, first_error, found, page_or_partial
from learning.models import LearningSample, StoredObject
from learning.thumbnails import WITH_PICTURES, address_of, thumbnail_url
from training.actions import importing as verbs
from training.formats import FORMATS
from training.import_forms import ImportForm, MappingForm, content_of
from training.import_records import NOTES, REASONS
from training.models import DatasetImport, ImportState, TrainingDataset
from training.models.exchange import ENDED
from training.views.dataset import is_own, viewer

SHOWN = 30


@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask what to import into a dataset, and begin with a dry run; show past imports."""
    user = viewer(request)
    dataset = _dataset(user, pk)
    data = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = ImportForm(*data, dataset=dataset, user=user, initial={"upload": request.GET.get("upload", "")})
    if request.method == "POST" and form.is_valid():
        try:
            job = _begun(dataset, form, user)
        except Refusal as refusal:
            form.add_error(None, refusal.detail)
        else:
            return redirect("training:import", pk=job.pk)
    rows = DatasetImport.objects.visible_to(user).filter(dataset=dataset).select_related("created_by").order_by("-id")
    facts = {"dataset": dataset, "form": form, "formats": FORMATS, "rows": list(rows[:SHOWN])}
    facts["max_archive_bytes"] = settings.UPLOAD_MAX_ARCHIVE_BYTES
    return page_or_partial(request, "training/imports.html", "live", facts, status=422 if form.is_bound else 200)


@require_safe
def one_import(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one import; asked by htmx (each second while it moves), only what moves."""
    user, job = _import(request, pk)
    known = FORMATS.get(job.format)
    is_checked = job.state == ImportState.CHECKED
    facts = {
        "job": job,
        "dataset": job.dataset,
        "format": known,
        "form": MappingForm(job=job) if is_checked else None,
        "drawn": _drawn(job, user) if is_checked else [],
        "reasons": _told(job.counts.get("reasons"), REASONS),
        "box_reasons": _told(job.counts.get("box_reasons"), REASONS),
        "notes": _told(job.counts.get("notes"), NOTES),
        "left_out": _told(job.counts.get("left_out"), {}),
        "is_moving": job.is_moving,
        "may_cancel": job.state not in ENDED and job.phase != "publishing",
        "has_errors": job.report is not None and job.report.deleted_at is None,
        "mapped": sorted(job.mapping.items()) if job.state in (ImportState.IMPORTING, ImportState.DONE) else [],
    }
    return page_or_partial(request, "training/import_detail.html", "live", facts)


@require_POST
def import_confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have it imported, with the mapping of the form."""
    user, job = _import(request, pk)
    form = MappingForm(request.POST, job=job)
    here = reverse("training:import", args=[pk])
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect(here)
    return carry_out(
        request,
        lambda: verbs.confirm(job, by=user, mapping=form.mapping),
        done=_("It is being imported; you may leave this page."),
        then=here,
    )


@require_POST
def import_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give it up."""
    user, job = _import(request, pk)
    return carry_out(
        request,
        lambda: verbs.cancel(job, by=user),
        done=_("The import was taken back; nothing of it stays."),
        then=reverse("training:import", args=[pk]),
    )


@require_POST
def import_errors(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lead on to the CSV of what was not taken, under an address that is good for a quarter of an hour."""
    user, job = _import(request, pk)
    try:
        return redirect(verbs.report_link(job, by=user).url)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("training:import", pk=pk)


def _begun(dataset: TrainingDataset, form: ImportForm, user: User) -> DatasetImport:
    chosen = form.cleaned_data
    if chosen.get("upload"):
        return verbs.begin_with_upload(dataset, chosen["upload"].pk, by=user, **form.terms)
    file = chosen["file"]
    return verbs.bring(dataset, content_of(file), by=user, file_name=file.name, **form.terms)


def _drawn(job: DatasetImport, user: User) -> list[dict[str, Any]]:
    """Answer what the dry run drew, each with an address of its picture."""
    own = StoredObject.objects.in_bulk([one["object"] for one in job.drawn if one.get("object")])
    objects = {str(key): kept for key, kept in own.items() if kept.deleted_at is None}
    named = [one["sample"] for one in job.drawn if one.get("sample")]
    rows = LearningSample.objects.visible_to(user).filter(sample_id__in=named).select_related("city", *WITH_PICTURES)
    samples = {sample.sample_id: sample for sample in rows}
    shown = []
    for one in job.drawn:
        kept, sample = objects.get(one.get("object", "")), samples.get(one.get("sample", ""))
        url = address_of(kept) if kept else thumbnail_url(sample, user) if sample else ""
        shown.append({**one, "url": url})
    return shown


def _told(counts: Any, sentences: Any) -> list[tuple[str, int]]:
    """Answer counted codes as sentences, the most frequent first."""
    found = sorted((counts or {}).items(), key=lambda pair: (-pair[1], pair[0]))
    return [(sentences.get(code, code.replace("_", " ").capitalize() + "."), count) for code, count in found]


def _dataset(user: User, pk: UUID) -> TrainingDataset:
    dataset = found(TrainingDataset.objects.visible_to(user).select_related("module", "organization"), pk=pk)
    if not is_own(dataset, user):
        raise Missing(_("There is no such dataset, or it is not within your reach."))
    require(user, Permission.MANAGE_DATASETS, dataset)
    return dataset


def _import(request: HttpRequest, pk: UUID) -> tuple[User, DatasetImport]:
    user = viewer(request)
    rows = DatasetImport.objects.visible_to(user)
    relations = ("dataset__organization", "dataset__module", "city", "report", "created_by")
    job = found(rows.select_related(*relations), pk=pk)
    require(user, Permission.MANAGE_DATASETS, job)
    return user, job
