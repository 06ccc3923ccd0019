"""The page on which people judge samples, one after the other, by keyboard."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.pages import found
from core.paging import bounded_count
from learning.models import AiModule, HitlLabel, ReviewSlot, SampleState, SlotState, Task
from learning.models.label import LabelSource
from learning.models.review import queue_key

JUDGE, DISPUTE = "judge", "dispute"
SHORTCUTS = "123456789"
RESERVED = frozenset("unsrz")
RECENT, LOOKED_AT = 10, 50
REASONS_TO_REJECT = ["unreadable", "wrong_crop", "privacy", "duplicate"]
"""Offered where a module names no reasons of its own; a rejection needs one."""


@require_safe
def review(request: HttpRequest, module: str = "") -> HttpResponse:
    """Open the queue of `module`, or of the first one in which something waits; the page asks the API for each sample.

    With ?kind=dispute it is the queue of samples about which people do not agree.
    """
    kind = DISPUTE if request.GET.get("kind") == DISPUTE else JUDGE
    require(request.user, Permission.ADJUDICATE if kind == DISPUTE else Permission.ANNOTATE)
    assert isinstance(request.user, User)
    modules = AiModule.objects.visible_to(request.user)
    tabs = [{"module": row, "waiting": bounded_count(waiting(row, timezone.now(), kind))} for row in modules.order_by("name")]
    shown = found(modules, slug=module) if module else _first(tabs)
    facts: dict[str, Any] = {"tabs": tabs, "module": shown, "kind": kind, "today": decided_today(request.user)}
    if shown:
        facts["start"] = {**_start(shown, request.user), "kind": kind}
    return render(request, "learning/review.html", facts)


def waiting(module: AiModule, at: datetime, kind: str = JUDGE) -> Any:
    """Answer the slots of `module` that somebody could take now."""
    free = Q(state=SlotState.OPEN) | Q(state=SlotState.LEASED, lease_until__lt=at)
    waiting_or_leased = [SlotState.OPEN, SlotState.LEASED]  # the condition of the index, in its own words
    return ReviewSlot.objects.filter(free, queue_key=queue_key(module.pk, kind), state__in=waiting_or_leased)


def decided_today(user: User) -> int:
    """Count the judgements of `user` since midnight (UTC)."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return HitlLabel.objects.standing().filter(annotator=user, created_at__gte=midnight).count()


def _first(tabs: list[dict[str, Any]]) -> AiModule | None:
    busy = [tab["module"] for tab in tabs if tab["waiting"] != "0"]
    return next(iter(busy), tabs[0]["module"] if tabs else None)


def _start(module: AiModule, user: User) -> dict[str, Any]:
    """Answer what the page's script needs to begin: the schema, a key for each label, where to ask, the own last decisions."""
    schema = module.schema
    return {
        "module": module.slug,
        "task": module.task,
        "labels": _with_keys(schema.labels) if module.task == Task.CLASSIFICATION else [],
        "reasons": schema.reasons or REASONS_TO_REJECT,
        "asksReason": bool(schema.reasons),
        "max_length": schema.text.get("max_length"),
        "api": "/api/v1/learning/review/",
        "person": user.pk,
        "recent": [_told(label) for label in _last_decisions(module, user)],
    }


def _last_decisions(module: AiModule, user: User) -> list[HitlLabel]:
    """Answer the own last standing judgements in this module, newest first."""
    own = HitlLabel.objects.standing().filter(annotator=user, label_source=LabelSource.REVIEW)
    newest = own.select_related("sample", "slot").order_by("-id")[:LOOKED_AT]
    return [label for label in newest if label.sample.module_id == module.pk][:RECENT]


def _told(label: HitlLabel) -> dict[str, Any]:
    """Answer a decision, and what became of its sample since."""
    slot = getattr(label, "slot", None)
    state = label.sample.state
    return {
        "slot": slot.pk if slot else None,
        "decision": label.decision,
        "prediction": label.prediction,
        "correction": label.correction,
        "reason": label.reason,
        "outcome": {"state": state, "word": str(OUTCOMES.get(SampleState(state), ""))},
    }


OUTCOMES = {
    SampleState.PENDING: _("waits for others"),
    SampleState.SETTLED: _("settled"),
    SampleState.DISPUTED: _("disputed"),
    SampleState.EXCLUDED: _("left out"),
}


def _with_keys(labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each label the shortcut of its schema, else the next free digit; a taken or reserved key is not given twice."""
    taken = set(RESERVED)
    rows = []
    for label in labels:
        if label.get("retired"):
            continue
        own = str(label.get("shortcut") or "").lower()
        key = own if len(own) == 1 and own not in taken else ""
        taken.add(key)
        rows.append({"name": label["name"], "color": label.get("color", ""), "key": key})
    for row in rows:
        if not row["key"]:
            row["key"] = next((digit for digit in SHORTCUTS if digit not in taken), "")
            taken.add(row["key"])
    return rows
