"""Pages of model versions: what they measure, where they come from, and what a person decides about them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed
from core.pages import carry_out, first_error, found
from core.paging import bounded_count, keyset_page
from training import trust
from training.actions import model_version as verbs
from training.forms import ModelFilters, ReasonForm
from training.models import ModelStatus, ModelVersion
from training.models.job import ENDED
from training.views.dataset import is_own, viewer

PAGE = 50
JOINED = ("module", "organization", "dataset_version__dataset", "base_version", "training_job", "bundle")


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """List model versions, newest first."""
    user = viewer(request)
    form = ModelFilters(request.GET)
    rows = ModelVersion.objects.visible_to(user).filter(**form.chosen)
    joined = rows.select_related("module", "dataset_version__dataset")
    page = keyset_page(joined, cursor=request.GET.get("cursor", ""), size=PAGE)
    return render(request, "training/model_list.html", {"page": page, "form": form, "count": bounded_count(rows)})


@require_safe
def model(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one version: metrics, lineage, who asked and who approved, and what may be done next."""
    user = viewer(request)
    people = ("requested_by", "approved_by", "release_requested_by")
    shown = found(ModelVersion.objects.visible_to(user).select_related(*JOINED, *people), pk=pk)
    siblings = ModelVersion.objects.visible_to(user).filter(
        module=shown.module, organization=shown.organization, user_id=shown.user_id
    )
    active = siblings.active().exclude(pk=shown.pk).first()
    facts = {
        "model": shown,
        "active": active,
        "metrics": _metrics(shown, active),
        "evaluations": shown.evaluations.select_related("dataset_version__dataset").order_by("-created_at")[:PAGE],
        "is_evaluating": shown.evaluations.exclude(status__in=ENDED).exists(),
        "is_own": is_own(shown, user),
        "may": _allowed(shown, user),
        "steps": _steps(shown),
        "signatures": trust.standing() if shown.release_requested_at and shown.status == ModelStatus.APPROVED else "",
        "run": shown.runs.order_by("-attempt").first(),
        "children": ModelVersion.objects.visible_to(user).filter(base_version=shown).order_by("-created_at")[:PAGE],
        "events": Event.objects.visible_to(user).about("training.modelversion", shown.pk).order_by("-id")[:PAGE],
    }
    return render(request, "training/model_detail.html", facts)


@require_POST
def model_evaluate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have it scored on its test split."""
    return _decide(request, pk, lambda shown, by, text: verbs.evaluate(shown, by=by), _("The evaluation waits for a worker."))


@require_POST
def model_approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve it."""
    done = _("Approved. It can be released now.")
    return _decide(request, pk, lambda shown, by, text: verbs.approve(shown, by=by, notes=text), done)


@require_POST
def model_refuse(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send it back, with a reason."""
    done = _("Sent back to draft.")
    return _decide(request, pk, lambda shown, by, text: verbs.refuse(shown, by=by, reason=text), done)


@require_POST
def model_release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Release it; it is active once the signatures are there."""
    return _decide(request, pk, lambda shown, by, text: verbs.release(shown, by=by, release_notes=text), _said_of_release)


@require_POST
def model_activate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a released one the active one."""
    done = _("This is the active version now.")
    return _decide(request, pk, lambda shown, by, text: verbs.activate(shown, by=by), done)


@require_POST
def model_deprecate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Retire it; its number must be typed."""
    done = _("Deprecated: it is offered to no edge any more.")
    return _decide(
        request, pk, lambda shown, by, text: verbs.deprecate(shown, by=by, reason=text), done, is_confirmed_by_number=True
    )


def _decide(
    request: HttpRequest,
    pk: UUID,
    verb: Callable[[ModelVersion, User, str], Any],
    done: str | Callable[[Any], str],
    *,
    is_confirmed_by_number: bool = False,
) -> HttpResponse:
    """Do one act on the version that the form is about, with the form's sentence."""
    user = viewer(request)
    shown = found(ModelVersion.objects.visible_to(user).select_related(*JOINED), pk=pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, first_error(form))
    elif is_confirmed_by_number and request.POST.get("confirmation", "").strip() != shown.version:
        messages.error(request, _("Nothing was done: type %(number)s to confirm.") % {"number": shown.version})
    else:
        text = form.cleaned_data["text"]
        return carry_out(request, lambda: verb(shown, user, text), done=done, then=reverse("training:model", args=[pk]))
    return redirect("training:model", pk=pk)


def _said_of_release(version: ModelVersion) -> str:
    if version.status == ModelStatus.RELEASED:
        return _("Released and active. It can be rolled out now.")
    return _("The release was asked for; it awaits signatures.")


def _allowed(shown: ModelVersion, user: User) -> dict[str, bool]:
    """Tell which acts this page offers to `user`; the verbs ask again."""
    may = {name: is_allowed(user, permission, shown) for name, permission in ACTS.items()}
    is_requester = settings.APPROVAL_FOUR_EYES and shown.requested_by_id == user.pk
    is_asked = shown.release_requested_at is not None
    return {
        "evaluate": may["evaluate"] and shown.status in (ModelStatus.DRAFT, ModelStatus.TESTING),
        "approve": may["approve"] and shown.status == ModelStatus.TESTING and not is_requester,
        "ask_other": may["approve"] and shown.status == ModelStatus.TESTING and is_requester,
        "refuse": may["approve"] and shown.status in (ModelStatus.TESTING, ModelStatus.APPROVED),
        "release": may["release"] and shown.status == ModelStatus.APPROVED and not is_asked,
        "activate": may["release"] and shown.status == ModelStatus.RELEASED and not shown.is_active,
        "deprecate": may["deprecate"] and shown.can_move(ModelStatus.DEPRECATED),
        "deploy": may["deploy"] and shown.status == ModelStatus.RELEASED,
    }


ACTS = {
    "evaluate": Permission.EVALUATE_MODEL,
    "approve": Permission.APPROVE_MODEL,
    "release": Permission.RELEASE_MODEL,
    "deprecate": Permission.DEPRECATE_MODEL,
    "deploy": Permission.DEPLOY,
}


def _metrics(shown: ModelVersion, other: ModelVersion | None) -> list[dict[str, Any]]:
    """Answer the measured columns beside those of the version that is active now."""
    names = {
        "accuracy": _("Accuracy"),
        "precision_score": _("Precision"),
        "recall_score": _("Recall"),
        "f1_score": _("F1"),
    }
    return [
        {"name": name, "value": getattr(shown, column), "active": getattr(other, column) if other else None}
        for column, name in names.items()
    ]


def _steps(shown: ModelVersion) -> list[dict[str, Any]]:
    """Answer the way from draft to the edge: what is behind (good), what is now (waiting), what is to come (over)."""
    order = [ModelStatus.DRAFT, ModelStatus.TESTING, ModelStatus.APPROVED, ModelStatus.RELEASED]
    names = [_("Trained"), _("Tested"), _("Approved"), _("Released")]
    moments = [shown.trained_at, None, shown.approved_at, shown.released_at]
    reached = order.index(ModelStatus(shown.status)) if shown.status in order else 3 if shown.released_at else 0
    is_testing = shown.status == ModelStatus.TESTING
    rows: list[dict[str, Any]] = [
        {"name": name, "at": at if place <= reached else None, "tone": "good" if place <= reached else "over"}
        for place, (name, at) in enumerate(zip(names, moments, strict=True))
    ]
    if is_testing:
        rows[1] |= {"tone": "waiting", "note": _("waits for approval"), "is_now": True}
    rows.append({"name": _("Active"), "tone": "good" if shown.is_active else "over"})
    return rows
