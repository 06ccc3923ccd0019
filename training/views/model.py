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
from training import gate, trust
from training.actions import model_version as verbs
from training.actions import suspects, withdrawal
from training.forms import ModelFilters, ReasonForm
from training.models import DatasetVersion, ModelStatus, ModelVersion, Split, VersionState
from training.models.job import ENDED
from training.views.dataset import is_own, viewer
from training.views.model_compare import ground
from training.views.model_standing import standing_facts
from training.views.scores import shown_scores, suspected

PAGE, GROUNDS = 50, 12
LARGE = ("evaluation", "card", "dataset_version__statistics", "dataset_version__verification", "dataset_version__dataset__rule")
"""Documents that no list shows, and that take longer to read than all the rest of a row."""
JOINED = ("module", "organization", "dataset_version__dataset", "base_version", "training_job", "bundle")


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """List model versions, newest first."""
    user = viewer(request)
    form = ModelFilters(request.GET)
    rows = ModelVersion.objects.visible_to(user).filter(**form.chosen)
    joined = rows.select_related("module", "dataset_version__dataset").defer(*LARGE)
    page = keyset_page(joined, cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {"page": page, "form": form, "count": bounded_count(rows)}
    facts["may_register"] = is_allowed(user, Permission.REGISTER_MODEL)
    return render(request, "training/model_list.html", facts)


@require_safe
def model(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one version: metrics, lineage, who asked and who approved, and what may be done next."""
    user = viewer(request)
    people = ("requested_by", "approved_by", "release_requested_by")
    shown = found(ModelVersion.objects.visible_to(user).select_related(*JOINED, *people), pk=pk)
    if request.headers.get("HX-Request"):
        return _followed(shown)
    own = is_own(shown, user)
    siblings = ModelVersion.objects.visible_to(user).filter(
        module=shown.module, organization=shown.organization, user_id=shown.user_id
    )
    active = siblings.active().exclude(pk=shown.pk).first()
    evaluations = list(shown.evaluations.select_related("dataset_version__dataset").order_by("-created_at")[:PAGE])
    facts = {
        "model": shown,
        "active": active,
        "metrics": _metrics(shown, active),
        **_judged(shown, user),
        "evaluations": evaluations,
        "is_evaluating": any(job.status not in ENDED for job in evaluations),
        "is_own": own,
        **(standing_facts(shown) if own else {}),
        "may": _allowed(shown, user),
        "steps": _steps(shown),
        "signatures": trust.standing() if shown.release_requested_at and shown.status == ModelStatus.APPROVED else "",
        "run": shown.runs.order_by("-attempt").first(),
        "children": ModelVersion.objects.visible_to(user).filter(base_version=shown).order_by("-created_at")[:PAGE],
        "events": Event.objects.visible_to(user).about("training.modelversion", shown.pk).order_by("-id")[:PAGE],
    }
    return render(request, "training/model_detail.html", facts)


def _followed(version: ModelVersion) -> HttpResponse:
    """Answer a page that waits for an evaluation: once that has ended, it is to be loaded anew."""
    is_over = not version.evaluations.exclude(status__in=ENDED).exists()
    return HttpResponse(status=204, headers={"HX-Refresh": "true"} if is_over else {})


@require_POST
def model_evaluate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have it scored on its test split, or on another frozen one."""
    user, named = viewer(request), request.POST.get("on", "")
    chosen = ground(named, user)
    if named and chosen is None:
        messages.error(request, _("There is no such frozen split."))
        return redirect("training:model", pk=pk)
    on, split = chosen or (None, Split.TEST)
    done = _("The evaluation waits for a worker.")
    return _decide(request, pk, lambda shown, by, text: verbs.evaluate(shown, by=by, dataset_version=on, split=split), done)


@require_POST
def model_suspects(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put the labels that are suspected to be wrong before all others in review."""
    return _decide(request, pk, lambda shown, by, text: suspects.queue_first(shown, by=by), _said_of_queue)


@require_POST
def model_approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve it; against a red gate with a reason."""
    done, against = _("Approved. It can be released now."), request.POST.get("against_gate", "")
    return _decide(request, pk, lambda shown, by, text: verbs.approve(shown, by=by, notes=text, against_gate=against), done)


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


@require_POST
def model_withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a deprecated one off the signed lists; its number must be typed."""

    def withdraw(shown: ModelVersion, by: User, text: str) -> ModelVersion:
        return withdrawal.withdraw(shown, by=by, reason=text)

    return _decide(request, pk, withdraw, _said_of_withdrawal, is_confirmed_by_number=True)


def _said_of_withdrawal(version: ModelVersion) -> str:
    if version.withdrawn_at:
        return _("Withdrawn: no edge can install it any more.")
    return _("It leaves the list of released files with the next signatures.")


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


def _said_of_queue(counts: tuple[int, int]) -> str:
    queued, left = counts
    facts = {"n": queued, "left": left}
    return _("%(n)d wait first in review; %(left)d were let be: they wait already, or have no image.") % facts


def _judged(shown: ModelVersion, user: User) -> dict[str, Any]:
    """Answer the gate, with what it said at the approval where there was one, the newest scores, and suspected labels."""
    judgement = gate.judge(shown)
    kept = shown.gate.get("verdicts") if shown.is_approved else None
    frozen = DatasetVersion.objects.visible_to(user).filter(dataset__module=shown.module_id, state=VersionState.FROZEN)
    own = is_own(shown, user)
    return {
        "gate": {"verdicts": kept} if kept else judgement if judgement.verdicts else None,
        "gate_is_red": not judgement.is_green,
        "gate_reason": shown.gate.get("reason", ""),
        "may_set_gate": is_allowed(user, Permission.MANAGE_MODULES),
        "may_queue": is_allowed(user, Permission.ADJUDICATE),
        "grounds": [
            (f"{row.pk}:{split}", f"{row} ({split})")
            for row in frozen.select_related("dataset").order_by("-frozen_at")[:GROUNDS]
            for split in (Split.TEST, Split.VALIDATION)
            if row.statistics.get("by_split", {}).get(split)
        ],
        **shown_scores(judgement.evidence),
        **(suspected(shown, user) if own else {}),
    }


def _allowed(shown: ModelVersion, user: User) -> dict[str, Any]:
    """Tell which acts this page offers to `user`; the verbs ask again."""
    may = {name: is_allowed(user, permission, shown) for name, permission in ACTS.items()}
    is_requester = settings.APPROVAL_FOUR_EYES and shown.requested_by_id == user.pk
    is_asked = shown.release_requested_at is not None
    return {
        "evaluate": may["evaluate"] and shown.dataset_version_id and shown.status in (ModelStatus.DRAFT, ModelStatus.TESTING),
        "score": may["evaluate"] and shown.status != ModelStatus.DEPRECATED,
        "approve": may["approve"] and shown.status == ModelStatus.TESTING and not is_requester,
        "ask_other": may["approve"] and shown.status == ModelStatus.TESTING and is_requester,
        "refuse": may["approve"] and shown.status in (ModelStatus.TESTING, ModelStatus.APPROVED),
        "release": may["release"] and shown.status == ModelStatus.APPROVED and not is_asked,
        "activate": may["release"] and shown.status == ModelStatus.RELEASED and not shown.is_active,
        "deprecate": may["deprecate"] and shown.can_move(ModelStatus.DEPRECATED),
        "withdraw": may["deprecate"] and shown.is_withdrawable,
        "register": may["register"],
        "deploy": may["deploy"] and shown.status == ModelStatus.RELEASED,
    }


ACTS = {
    "register": Permission.REGISTER_MODEL,
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
    names = [_("Trained") if shown.training_job_id else _("Registered"), _("Tested"), _("Approved"), _("Released")]
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
