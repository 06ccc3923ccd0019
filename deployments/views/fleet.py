"""Acts on the fleet as a whole, and on how an edge is kept."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.pages import carry_out, first_error, found
from deployments.actions import fleet as verbs
from deployments.forms import DescriptionForm
from deployments.models import EdgeServer
from deployments.views.rollout import viewer

THERE = "deployments:rollouts"


@require_POST
def freeze(request: HttpRequest) -> HttpResponse:
    """Offer nothing to any edge until it is lifted."""
    user, reason = viewer(request), request.POST.get("reason", "")
    done = _("The fleet is frozen: no edge is offered anything. Ways back stay open.")
    return carry_out(request, lambda: verbs.freeze(None, by=user, reason=reason), done=done, then=reverse(THERE))


@require_POST
def lift_freeze(request: HttpRequest) -> HttpResponse:
    """Let rollouts go on."""
    user = viewer(request)
    done = _("The freeze is lifted; rollouts go on.")
    return carry_out(request, lambda: verbs.lift_freeze(None, by=user), done=done, then=reverse(THERE))


@require_POST
def describe(request: HttpRequest, pk: int) -> HttpResponse:
    """Say an edge's group and maintenance window."""
    user = viewer(request)
    edge = found(EdgeServer.objects.visible_to(user), pk=pk)
    form = DescriptionForm(request.POST)
    here = reverse("deployments:edge", args=[pk])
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect(here)
    facts: dict[str, Any] = {"group": form.cleaned_data["group"], "window": form.window}
    return carry_out(request, lambda: verbs.describe(edge, by=user, **facts), done=_("Kept."), then=here)


@require_POST
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an edge out of service."""
    user = viewer(request)
    edge = found(EdgeServer.objects.visible_to(user), pk=pk)
    done = _("Retired: its keys have ended, and nothing is offered to it.")
    return carry_out(request, lambda: verbs.retire(edge, by=user), done=done, then=reverse("deployments:edge", args=[pk]))


@require_POST
def replace_hardware(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a new machine be this edge; its code is shown this once."""
    user = viewer(request)
    edge = found(EdgeServer.objects.visible_to(user), pk=pk)
    here = reverse("deployments:edge", args=[pk])

    def said(answer: tuple[EdgeServer, str]) -> str:
        facts = {"code": answer[1]}
        return (
            _(
                "The old machine's key has ended. On the new one: cc-edge enrol --code %(code)s (good for a day, shown this once)."
            )
            % facts
        )

    return carry_out(request, lambda: verbs.replace_hardware(edge, by=user), done=said, then=here)
