"""The page of retention: the rules in words, what goes when, what is held and why, and the last runs."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.pages import carry_out, first_error, found
from learning.actions import hold, lifecycle, retention
from learning.erasure_forms import HoldForm, RulesForm
from learning.models import AiModule, Camera, LearningSample, LegalHold, LifecycleRun, StoredObject
from learning.models.object import MARKED, TO_MARK
from learning.models.retention import GRACE

SHOWN = 14
HELD = 100
RUNS = 7


@require_safe
def retention_page(request: HttpRequest) -> HttpResponse:
    """Show what is kept how long, what goes next and why, what is held, and what was done last."""
    _viewer(request)
    facts = {
        "rules": [_rules(module) for module in AiModule.objects.order_by("name")],
        "coming": _by_day(StoredObject.objects.filter(TO_MARK, kind__in=lifecycle.SUBJECT_TO_RULES), "delete_at"),
        "marked": _by_day(StoredObject.objects.filter(MARKED, kind__in=lifecycle.SUBJECT_TO_RULES), "marked_for_deletion_at"),
        "grace_days": GRACE.days,
        "holds": LegalHold.objects.standing().select_related("city", "camera", "sample", "put_by").order_by("-put_at")[:HELD],
        "hold_form": HoldForm(),
        "runs": LifecycleRun.objects.order_by("-id")[:RUNS],
    }
    return render(request, "learning/retention.html", facts)


@require_POST
def retention_rules(request: HttpRequest, module: str) -> HttpResponse:
    """Set a module's rules."""
    user, shown = _viewer(request), found(AiModule.objects.all(), slug=module)
    form = RulesForm(request.POST, prefix=shown.slug)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect("learning:retention")
    return carry_out(
        request,
        lambda: retention.set_rules(shown, by=user, rules=form.cleaned_data),
        done=_("The rules are set; a worker puts them on the images that are there."),
        then=reverse("learning:retention"),
    )


@require_POST
def hold_put(request: HttpRequest) -> HttpResponse:
    """Put a legal hold."""
    user, form = _viewer(request), HoldForm(request.POST)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect("learning:retention")
    given = form.cleaned_data

    def put() -> Any:
        if names := given["samples"].split():
            samples = LearningSample.objects.select_related("city").filter(
                city=given["city"], sample_id__in=names[: hold.MAX_SAMPLES]
            )
            return hold.put_on_samples(list(samples), by=user, reason=given["reason"])
        named = given["camera_id"]
        camera = found(Camera.objects.all(), city=given["city"], camera_id=named) if named else None
        times = {"since": given["since"], "until": given["until"]}
        return hold.put(given["city"], by=user, reason=given["reason"], camera=camera, **times)

    return carry_out(request, put, done=_("It is held: nothing of it is deleted."), then=reverse("learning:retention"))


@require_POST
def hold_lift(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lift a legal hold."""
    user, shown = _viewer(request), found(LegalHold.objects.select_related("city"), pk=pk)
    return carry_out(
        request,
        lambda: hold.lift(shown, by=user, reason=request.POST.get("reason", "")),
        done=_("The hold is lifted."),
        then=reverse("learning:retention"),
    )


def _rules(module: AiModule) -> dict[str, Any]:
    policy = retention.policy_of(module)
    return {"module": module, "policy": policy, "form": RulesForm.of(module, policy)}


def _by_day(rows: Any, column: str) -> list[dict[str, Any]]:
    """Count images and bytes by the day of a moment, by module and by what people said: that is the rule that takes them."""
    named = {"day": TruncDate(column), "module": F("samples__module__name"), "label": F("samples__label_status")}
    days = rows.annotate(**named).values(*named).annotate(objects=Count("pk"), bytes=Sum("size"))
    return list(days.order_by(*named)[:SHOWN])


def _viewer(request: HttpRequest) -> User:
    require(request.user, Permission.MANAGE_RETENTION)
    assert isinstance(request.user, User)
    return request.user
