"""The page on which a person walks through a dataset's labeled samples and approves or rejects each, by keys."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.policy import Permission, require
from core.errors import Invalid, Missing, Refusal
from core.pages import carry_out, found
from core.paging import bounded_count
from learning.thumbnails import picture_url
from training.actions import sample as sample_verbs
from training.actions import verdict as verdict_verbs
from training.models import TrainingDataset, TrainingSample
from training.views.dataset import viewer

SCORES = ((1, "0.2"), (2, "0.4"), (3, "0.6"), (4, "0.8"), (5, "1"))
"""Keys of the quality score, and what each stands for."""
REASONS = ("wrong label", "box does not fit", "unreadable", "not of this module", "privacy")


@require_http_methods(["GET", "POST"])
def dataset_verify(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the next sample, or take a verdict and lead on."""
    user = viewer(request)
    require(user, Permission.MANAGE_DATASETS)
    shown = found(TrainingDataset.objects.visible_to(user).with_counts().select_related("module", "organization"), pk=pk)
    if request.method == "POST":
        _decide(request, shown)
        return redirect("training:dataset-verify", pk=pk)
    try:
        claimed = verdict_verbs.claim(shown, by=user)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("training:dataset", pk=pk)
    facts: dict[str, Any] = {
        "dataset": shown,
        "waiting": bounded_count(shown.samples.to_verify()),
        "scores": SCORES,
        "reasons": REASONS,
        "most_required": range(1, verdict_verbs.MOST_REQUIRED + 1),
    }
    if claimed:
        place = claimed[0]
        facts |= {"place": place, "sample": place.sample, "image_url": picture_url(place.sample, user)}
        facts["ahead"] = [url for further in claimed[1:] if (url := picture_url(further.sample, user))]
    return render(request, "training/dataset_verify.html", facts)


@require_POST
def dataset_verify_undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take one's last verdict back."""
    user = viewer(request)
    shown = found(TrainingDataset.objects.visible_to(user), pk=pk)
    return carry_out(
        request,
        lambda: verdict_verbs.undo(shown, by=user),
        done=_("Your last verdict was taken back; its sample is here again."),
        then=reverse("training:dataset-verify", args=[pk]),
    )


@require_POST
def dataset_verify_required(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say how many people must approve a sample."""
    user = viewer(request)
    shown = found(TrainingDataset.objects.visible_to(user), pk=pk)
    text = request.POST.get("required", "")
    required = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0
    return carry_out(
        request,
        lambda: verdict_verbs.ask_for(shown, required, by=user),
        done=_("From now on so many people verify each sample."),
        then=reverse("training:dataset-verify", args=[pk]),
    )


@require_POST
def dataset_verify_leave(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give back what one has claimed."""
    user = viewer(request)
    verdict_verbs.release(found(TrainingDataset.objects.visible_to(user), pk=pk), by=user)
    return redirect("training:dataset", pk=pk)


def _decide(request: HttpRequest, shown: TrainingDataset) -> None:
    user = viewer(request)
    asked = {name: request.POST.get(name, "") for name in ("decision", "reason")}
    try:
        rows = TrainingSample.objects.select_related("dataset__organization", "sample")
        place = found(rows.filter(dataset=shown), pk=_key(request.POST.get("place", "")))
        sample_verbs.verify(place, by=user, quality_score=_score(request.POST.get("quality_score", "")), **asked)
    except Refusal as refusal:
        messages.error(request, refusal.detail)


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Missing("There is no such sample in this dataset.") from error


def _score(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation as error:
        raise Invalid("A quality score is from 0 to 1.", errors={"quality_score": ["is no number"]}) from error
