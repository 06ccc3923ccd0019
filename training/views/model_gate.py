"""The page of a module's release gate: its rules, one row each."""

from typing import Any

from django.forms import formset_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.policy import Permission, is_allowed
from core.pages import carry_out, found
from learning.models import AiModule
from training.actions import gate as verbs
from training.forms import GateRuleForm
from training.gate import MAX_RULES
from training.views.dataset import viewer

Rules: Any = formset_factory(GateRuleForm, extra=3, max_num=MAX_RULES)


@require_http_methods(["GET", "HEAD", "POST"])
def model_gate(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the rules, and replace them."""
    user = viewer(request)
    module = found(AiModule.objects.visible_to(user), slug=slug)
    rules = Rules(request.POST or None, initial=module.release_gate)
    if request.method == "POST" and rules.is_valid():
        kept = [form.rule for form in rules if form.rule]
        here = reverse("training:model-gate", args=[slug])
        return carry_out(
            request, lambda: verbs.set_rules(module, by=user, rules=kept), done=_("The release gate is kept."), then=here
        )
    facts = {"module": module, "rules": rules, "may_set": is_allowed(user, Permission.MANAGE_MODULES)}
    return render(request, "training/model_gate.html", facts)
