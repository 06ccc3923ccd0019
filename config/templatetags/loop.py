"""What pages of a lower app show of the apps above it: a sample's history, and where a model runs."""

from typing import Any

from django import template
from django.db.models import Count, Q
from django.template import Context
from django.utils.translation import gettext

from accounts.policy import Permission, is_allowed
from config.history import history_of, shown_of, slots_running
from deployments.models import EdgeServer, EdgeSlot
from learning.models import LearningSample
from training.actions.registering import TRAINER as EXTERNAL
from training.models import ModelVersion
from training.trainers.registry import trainers

register = template.Library()

SHOWN = 12


@register.filter
def trainer(name: str) -> str:
    """Say a trainer by its title; one that is not installed any more by its name."""
    found = trainers().get(name)
    return found.title if found else gettext("made elsewhere") if name == EXTERNAL else name.replace("_", " ")


@register.inclusion_tag("components/history.html", takes_context=True)
def sample_history(context: Context, sample: LearningSample) -> dict[str, Any]:
    """Show a sample's stations as a time line."""
    return {"stations": history_of(sample, context["user"]), "zone": sample.city.zone}


@register.inclusion_tag("components/fleet.html", takes_context=True)
def fleet_of(context: Context, model: ModelVersion) -> dict[str, Any]:
    """Show which edges run a model version now, what share of its module's edges that is, and the way back."""
    user = context["user"]
    if not is_allowed(user, Permission.VIEW_FLEET):
        return {"may_look": False}
    edges = EdgeServer.objects.visible_to(user).in_service()
    every = EdgeSlot.objects.filter(edge_server__in=edges, module=model.module_id)
    if model.organization_id:
        every = every.filter(edge_server__organization=model.organization_id)
    shall = Q(desired=model)
    runs = shall & Q(active_version=model.version)
    counts = every.aggregate(total=Count("pk"), assigned=Count("pk", filter=shall), running_count=Count("pk", filter=runs))
    return {
        "may_look": True,
        "model": model,
        "running": shown_of(slots_running([model], user), SHOWN),
        **counts,
        "rollouts": model.rollouts.visible_to(user).order_by("-created_at")[:SHOWN],
        "may_roll_back": counts["assigned"] > 0 and is_allowed(user, Permission.ROLL_BACK, model),
        "csrf_token": context.get("csrf_token"),
    }
