"""The page of gold: what is known of which class, how often it was shown, and what can become gold."""

from typing import Any

from django.db.models import Count, Max, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.pages import carry_out, found
from core.paging import SCAN, bounded_count, keyset_page
from learning.actions import gold as verbs
from learning.models import AiModule, GoldAnswer, LearningSample, ReviewSlot, SampleState, SlotKind, SlotState
from learning.proportion import Proportion
from learning.quality_forms import GoldFilters, PromoteForm, reason_of
from learning.thumbnails import WITH_PICTURES, with_thumbnails

PAGE = 50
OFFERED = 12
LOOKED_AT = 200
FEW = 5
"""Fewer gold samples of a class than this, and a person's score says little about it."""


@require_safe
def gold(request: HttpRequest) -> HttpResponse:
    """Show the gold of one module: its classes, its samples, and samples that could become gold."""
    user, form = reviewer(request), GoldFilters(request.GET)
    module = form.module_shown
    if module is None:
        return render(request, "learning/gold.html", {"form": form, "module": None})
    rows = GoldAnswer.objects.filter(module=module)
    listed = rows.filter(retired_at__isnull=form.chosen.get("state") != "retired")
    shown = listed.select_related("sample__city", "promoted_by", "retired_by")
    page = keyset_page(shown, order="-id", cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {
        "form": form,
        "module": module,
        "policy": module.policy,
        "page": page,
        "answers": [{"answer": row, "rate": Proportion(row.right_answers, row.showings)} for row in page.results],
        "count": bounded_count(listed),
        "classes": coverage(module),
        "few": FEW,
        "offered": with_thumbnails(_offered(module), user),
    }
    return render(request, "learning/gold.html", facts)


@require_POST
def gold_promote(request: HttpRequest) -> HttpResponse:
    """Make one sample gold."""
    user, form = reviewer(request), PromoteForm(request.POST)
    name = form.cleaned_data["sample"] if form.is_valid() else ""
    sample = found(LearningSample.objects.visible_to(user).select_related("module"), sample_id=name)
    return carry_out(
        request,
        lambda: verbs.promote(sample, by=user),
        done=_("It is gold now: others will meet it among their samples."),
        then=f"{reverse('learning:gold')}?module={sample.module.slug}",
    )


@require_POST
def gold_retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one gold sample no more."""
    user, answer = reviewer(request), found(GoldAnswer.objects.select_related("module"), pk=pk)
    return carry_out(
        request,
        lambda: verbs.retire(answer, by=user, reason=reason_of(request.POST)),
        done=_("It is retired; from now on it may be trained on."),
        then=f"{reverse('learning:gold')}?module={answer.module.slug}",
    )


def coverage(module: AiModule) -> list[dict[str, Any]]:
    """Answer each class with how much gold it has, how often that was shown, and how often it was judged right."""
    counted = GoldAnswer.objects.filter(module=module).order_by().values("category")
    in_use = Q(retired_at__isnull=True)
    sums = counted.annotate(
        active=Count("pk", filter=in_use),
        retired=Count("pk", filter=~in_use),
        shown=Sum("showings"),
        right=Sum("right_answers"),
    )
    known = {row["category"]: row for row in sums}
    names = [*(module.schema.names if module.schemas.exists() else ()), *sorted(known)]
    empty = {"active": 0, "retired": 0, "shown": 0, "right": 0}
    rows = [{**empty, **known.get(name, {}), "name": name} for name in dict.fromkeys(names)]
    return [{**row, "rate": Proportion(row["right"], row["shown"]), "is_few": row["active"] < FEW} for row in rows]


def _offered(module: AiModule) -> list[LearningSample]:
    """Answer some of the newest samples that several people judged and that are settled."""
    newest = ReviewSlot.objects.aggregate(last=Max("pk"))["last"] or 0
    done = ReviewSlot.objects.filter(pk__gt=newest - SCAN, module=module, state=SlotState.DONE, slot_no__gte=2)
    keys = done.filter(kind=SlotKind.NORMAL).order_by("-pk").values_list("sample", flat=True)[:LOOKED_AT]
    settled = LearningSample.objects.filter(pk__in=list(keys), state=SampleState.SETTLED, is_gold=False, object__isnull=False)
    return list(settled.select_related("city", *WITH_PICTURES).order_by("-pk")[:OFFERED])


def reviewer(request: HttpRequest) -> User:
    """Answer who looks; raises Refused for those who may not see how others judge."""
    require(request.user, Permission.ADJUDICATE)
    assert isinstance(request.user, User)
    return request.user
