"""`learning/review/grid`: pages of samples that one class was predicted for, judged in one go."""

from typing import Any, TypeAlias

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.api.authorise import authorise, read_json, speaker
from accounts.api.openapi import described
from accounts.policy import Permission
from core.errors import Malformed, Missing
from learning.actions import grid
from learning.actions.grid import Held
from learning.api.wire import page_document
from learning.models import AiModule
from learning.models.review import TILES
from learning.slot_handles import handle, slot_of

GRID = inline_serializer(
    "Grid",
    {
        "ai_module": serializers.CharField(),
        "label": serializers.CharField(required=False),
        "size": serializers.IntegerField(required=False, min_value=1, max_value=TILES),
    },
)
Fields: TypeAlias = "dict[str, serializers.Field[Any, Any, Any, Any]]"
LEASE: Fields = {"slot": serializers.IntegerField(min_value=0), "lease_token": serializers.CharField()}
GRID_LEASES = inline_serializer("GridLeases", {"leases": inline_serializer("GridLease", LEASE, many=True)})
CHANGE: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "slot": serializers.IntegerField(min_value=0),
    "lease_token": serializers.CharField(),
    "correction": serializers.DictField(),
}
GRID_DECISION = inline_serializer(
    "GridDecision",
    {
        "page": serializers.UUIDField(),
        "approved": inline_serializer("GridApproved", {**LEASE}, many=True, required=False),
        "changed": inline_serializer("GridChanged", CHANGE, many=True, required=False),
        "marked": inline_serializer("GridMarked", {**LEASE}, many=True, required=False),
        "seconds": serializers.FloatField(required=False),
    },
)


@described("POST", request=GRID, responses=dict)
@require_POST
@authorise(Permission.ANNOTATE)
def lease(request: HttpRequest) -> HttpResponse:
    """Lease a page of a module's queue, or answer the one that is held; without tiles where nothing waits."""
    body = read_json(request)
    module = AiModule.objects.visible_to(speaker(request)).filter(slug=_text(body, "ai_module")).first()
    if module is None:
        raise Missing("There is no such module.")
    size = TILES if body.get("size") is None else body["size"]
    return _answer(page_document(grid.lease_page(module, by=speaker(request), label=_text(body, "label"), size=size)))


@described("POST", request=GRID_DECISION, responses=dict)
@require_POST
@authorise(Permission.ANNOTATE)
def decide(request: HttpRequest) -> HttpResponse:
    """Judge a page; each slot has its own outcome."""
    body = read_json(request)
    outcomes = grid.decide_page(
        _text(body, "page"),
        by=speaker(request),
        approved=_leases(body, "approved"),
        changed=_leases(body, "changed"),
        marked=_leases(body, "marked"),
        seconds=body.get("seconds"),
    )
    return _answer({"outcomes": [{**vars(outcome), "slot": handle(outcome.slot)} for outcome in outcomes]})


@described("POST", request=GRID_LEASES, responses=dict)
@require_POST
@authorise(Permission.ANNOTATE)
def renew(request: HttpRequest) -> HttpResponse:
    """Hold a page for another while; what is missing from the answer was given to somebody else."""
    slots = grid.renew_page(_leases(read_json(request), "leases"), by=speaker(request))
    return _answer({"held": [{"slot": handle(slot.pk), "lease_until": slot.lease_until} for slot in slots]})


@described("POST", request=GRID_LEASES, responses={204: None})
@require_POST
@authorise(Permission.ANNOTATE)
def release(request: HttpRequest) -> HttpResponse:
    """Give a page back."""
    grid.release_page(_leases(read_json(request), "leases"), by=speaker(request))
    return HttpResponse(status=204)


def _leases(body: dict[str, Any], name: str) -> list[Held]:
    rows = body.get(name)
    if rows is None:
        return []
    if not isinstance(rows, list) or len(rows) > TILES or not all(isinstance(row, dict) for row in rows):
        raise Malformed(f"{name} must be a list of at most {TILES} leases.")
    return [Held(_slot(row.get("slot")), _text(row, "lease_token"), row.get("correction")) for row in rows]


def _slot(number: Any) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise Malformed("slot must be the number of a slot.")
    return slot_of(number)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text.")
    return value


def _answer(document: Any) -> HttpResponse:
    return HttpResponse(orjson.dumps(document), content_type="application/json")
