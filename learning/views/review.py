"""The page on which people judge samples, one after the other, by keyboard."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.policy import Permission, is_allowed, require
from core.pages import found
from core.paging import bounded_count
from learning.actions.grid import why_not
from learning.arrivals import when_more_comes
from learning.desk import beginning, guide
from learning.models import AiModule, ReviewSlot, SlotState
from learning.models.review import QUEUES, queue_key
from learning.own_work import decided_today
from learning.views.review_words import WORDS

JUDGE, DISPUTE, CHECK = "judge", "dispute", "check"
KINDS = frozenset(QUEUES.values())
SENIOR_KINDS = frozenset({DISPUTE, CHECK})
QUEUE_NAMES = {JUDGE: _("To judge"), "returned": _("Returned to you"), CHECK: _("To check"), DISPUTE: _("Disputed")}


@require_safe
def review(request: HttpRequest, module: str = "") -> HttpResponse:
    """Open the queue of `module`, or of the first one in which something waits; the page asks the API for each sample.

    ?kind= names another queue: dispute, check or returned.
    """
    user, kind = _judge(request)
    modules = AiModule.objects.visible_to(user)
    tabs = [{"module": row, "waiting": bounded_count(waiting(row, timezone.now(), kind))} for row in modules.order_by("name")]
    shown = found(modules, slug=module) if module else _first(tabs)
    facts: dict[str, Any] = {"tabs": tabs, "module": shown, "kind": kind, "today": decided_today(user)}
    facts["may_manage"] = is_allowed(user, Permission.MANAGE_MODULES)
    if shown:
        schema = shown.schema
        start = beginning(shown, schema, user, kind)
        facts |= {"start": start, "words": WORDS, "schema": schema, "guide": guide(schema, start["labels"], user)}
        facts["has_grid"] = kind == JUDGE and not why_not(shown)
        facts["queues"] = _queues(shown, user, kind)
    return render(request, "learning/review.html", facts)


@require_safe
def review_more(request: HttpRequest, module: str) -> HttpResponse:
    """Say, as JSON, when more comes to the queue of `module`: a list of sentences."""
    user, kind = _judge(request)
    shown = found(AiModule.objects.visible_to(user), slug=module)
    return JsonResponse({"sentences": when_more_comes(shown, kind, timezone.now())})


def waiting(module: AiModule, at: datetime, kind: str = JUDGE) -> Any:
    """Answer the slots of `module` that somebody could take now."""
    free = Q(state=SlotState.OPEN) | Q(state=SlotState.LEASED, lease_until__lt=at)
    waiting_or_leased = [SlotState.OPEN, SlotState.LEASED]  # the condition of the index, in its own words
    return ReviewSlot.objects.filter(free, queue_key=queue_key(module.pk, kind), state__in=waiting_or_leased)


def _judge(request: HttpRequest) -> tuple[User, str]:
    """Answer who judges, and in which queue; raises Refused."""
    asked = request.GET.get("kind", JUDGE)
    kind = asked if asked in KINDS else JUDGE
    require(request.user, Permission.ADJUDICATE if kind in SENIOR_KINDS else Permission.ANNOTATE)
    assert isinstance(request.user, User)
    return request.user, kind


def _queues(module: AiModule, user: User, current: str) -> list[dict[str, Any]]:
    """Answer the queues of a module in which something waits that `user` may judge, and those that are always offered."""
    rows = []
    for kind, name in QUEUE_NAMES.items():
        if kind in SENIOR_KINDS and not is_allowed(user, Permission.ADJUDICATE):
            continue
        slots = waiting(module, timezone.now(), kind).filter(Q(only_user=None) | Q(only_user=user))
        count = bounded_count(slots)
        if count != "0" or kind in {JUDGE, current}:
            rows.append({"kind": kind, "name": name, "waiting": count})
    return rows


def _first(tabs: list[dict[str, Any]]) -> AiModule | None:
    busy = [tab["module"] for tab in tabs if tab["waiting"] != "0"]
    return next(iter(busy), tabs[0]["module"] if tabs else None)
