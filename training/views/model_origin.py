"""The pages of where a model comes from and how it does in the field."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.errors import Missing
from core.pages import found
from core.paging import keyset_page
from training import ancestry
from training.models import ModelVersion
from training.views.dataset import is_own, viewer

PAGE = 50


@require_safe
def model_origin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the samples a version learned from, whose decisions they carry, what was erased since, and what came of it."""
    user = viewer(request)
    rows = ModelVersion.objects.visible_to(user).select_related("module", "dataset_version__dataset", "base_version")
    shown = found(rows, pk=pk)
    if not is_own(shown, user):
        raise Missing("What everybody's models were made of is the hub's own.")
    facts = {
        "model": shown,
        "page": keyset_page(ancestry.samples_of(shown), order="sample_id", cursor=request.GET.get("cursor", ""), size=PAGE),
        "decided": ancestry.decided_by(shown),
        "erased": ancestry.erased_from(shown),
        "runs": shown.runs.order_by("attempt"),
        "children": ModelVersion.objects.visible_to(user).filter(base_version=shown).order_by("-created_at")[:PAGE],
        "counted": ancestry.COUNTED,
    }
    return render(request, "training/model_origin.html", facts)


@require_safe
def model_field(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show corrections, empty answers and confidence by city and week, beside the test set."""
    user = viewer(request)
    shown = found(ModelVersion.objects.visible_to(user).select_related("module", "organization"), pk=pk)
    facts = {"model": shown, "rows": ancestry.in_the_field(shown, user), "newest": ancestry.NEWEST, "weeks": ancestry.WEEKS}
    return render(request, "training/model_field.html", facts)
