"""The page of a module's review policy: its terms in words, what a change would do, and every version with who, when and why."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.policy import Permission, is_allowed, require
from core.errors import Refusal
from core.pages import found, page_or_partial
from learning import policy_effects
from learning.actions import policy as verbs
from learning.models import AiModule, PolicyVersion
from learning.policy_forms import PolicyForm

VERSIONS = 30
SAVE = "save"


@require_http_methods(["GET", "POST"])
def module_policy(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the policy to who settles disputes; let admins change it, seeing first what that does."""
    require(request.user, Permission.ADJUDICATE)
    assert isinstance(request.user, User)
    user = request.user
    if request.method == "POST":
        require(user, Permission.MANAGE_MODULES)
    module = found(AiModule.objects.visible_to(user), slug=slug)
    form = PolicyForm(request.POST) if request.method == "POST" else PolicyForm.of(module.policy, module.policy_version)
    facts: dict[str, Any] = {"module": module, "form": form, "may_manage": is_allowed(user, Permission.MANAGE_MODULES)}
    saves = request.POST.get("act") == SAVE and not request.headers.get("HX-Request")
    if saves and form.is_valid():
        try:
            kept = _change(module, form, user)
        except Refusal as refusal:
            facts["refusal"] = refusal.detail
        else:
            same = kept.version == form.cleaned_data["based_on"]
            messages.success(
                request, _("Nothing differs.") if same else _("Version %d of the policy holds now.") % kept.version
            )
            return redirect("learning:module-policy", module.slug)
    facts |= _preview(module, form, is_bound=request.method == "POST")
    facts["waiting"] = policy_effects.waiting(module)
    facts["history"] = history(module)
    return page_or_partial(request, "learning/module_policy.html", "preview", facts)


def _change(module: AiModule, form: PolicyForm, user: User) -> PolicyVersion:
    """Change only the terms in which the form differs from what it showed, so that others' changes meanwhile stay."""
    shown = module.policies.filter(version=form.cleaned_data["based_on"]).first()
    before = shown.policy.terms if shown else module.policy.terms
    terms = {name: value for name, value in form.terms.items() if before.get(name) != value}
    return verbs.change(module, by=user, terms=terms, reason=form.cleaned_data["reason"])


def _preview(module: AiModule, form: PolicyForm, *, is_bound: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"is_bound": is_bound, "effects": [], "problems": []}
    if is_bound and form.is_valid():
        try:
            facts["effects"] = policy_effects.effects(module, verbs.preview(module, form.terms))
        except Refusal as refusal:
            facts["problems"] = [refusal.detail]
    elif is_bound:
        facts["problems"] = [f"{form[name].label}: {texts[0]}" for name, texts in form.errors.items() if name in form.fields]
    return facts


def history(module: AiModule) -> list[dict[str, Any]]:
    """Answer the newest versions, each with the terms in which it differs from the one before."""
    rows = list(module.policies.select_related("made_by").order_by("-version")[: VERSIONS + 1])
    pairs = list(zip(rows, [*rows[1:], None], strict=True))[:VERSIONS]
    return [{"version": new, "changes": _differences(old, new) if old else []} for new, old in pairs]


def _differences(old: PolicyVersion, new: PolicyVersion) -> list[tuple[str, Any, Any]]:
    before, after = old.policy.terms, new.policy.terms
    flat = {**{name: (before[name], after[name]) for name in after if name != "weights"}}
    flat |= {f"weight_{name}": (before["weights"].get(name), weight) for name, weight in after["weights"].items()}
    labels = PolicyForm.base_fields
    return [(str(labels[name].label), _said(name, was), _said(name, now)) for name, (was, now) in flat.items() if was != now]


def _said(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in PolicyForm.SHARES:
        return f"{100 * value:.4g}"
    choices = dict(getattr(PolicyForm.base_fields[name], "choices", ()))
    return str(choices.get(value, value))
