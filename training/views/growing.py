"""The page on which a dataset grows: files are dropped, the rule is looked at before it is applied, progress is watched."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.policy import Permission, require
from core.pages import carry_out, found, page_or_partial
from learning.models import City
from learning.thumbnails import with_thumbnails
from training.actions import growing as verbs
from training.gathered import preview
from training.models import DatasetGrowth, DatasetStatus, GrowthState, TrainingDataset, UploadState
from training.rule import Rule
from training.views.dataset import viewer

SHOWN = 20


@require_safe
def dataset_grow(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how the dataset may grow, and what is under way."""
    user = viewer(request)
    shown = found(TrainingDataset.objects.visible_to(user).select_related("module", "organization"), pk=pk)
    require(user, Permission.MANAGE_DATASETS, shown)
    growths = list(shown.growths.select_related("created_by").order_by("-created_at")[:SHOWN])
    uploads = list(shown.uploads.filter(state__in=[UploadState.OPEN, UploadState.ASSEMBLING]).order_by("-created_at")[:SHOWN])
    at_work = any(growth.state == GrowthState.RUNNING for growth in growths)
    facts = {
        "dataset": shown,
        "growths": growths,
        "uploads": uploads,
        "is_moving": at_work or any(upload.state == UploadState.ASSEMBLING for upload in uploads),
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "max_archive_bytes": settings.UPLOAD_MAX_ARCHIVE_BYTES,
        "is_archived": shown.status == DatasetStatus.ARCHIVED,
    }
    if request.headers.get("HX-Request") != "true":
        seen = preview(shown, Rule.read(shown.rule))
        facts |= {"preview": seen, "samples": with_thumbnails(seen.samples, user)}
        cities = City.objects.visible_to(user).filter(organization=shown.organization_id)
        facts["cities"] = cities.order_by("name") if shown.organization_id else []
    return page_or_partial(request, "training/dataset_grow.html", "live", facts)


@require_POST
def growth_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a growth; what was added stays."""
    user = viewer(request)
    growth = found(DatasetGrowth.objects.visible_to(user).select_related("dataset__organization"), pk=pk)
    return carry_out(
        request,
        lambda: verbs.cancel(growth, by=user),
        done=_("It stops; what was added stays."),
        then=reverse("training:dataset-grow", args=[growth.dataset_id]),
    )
