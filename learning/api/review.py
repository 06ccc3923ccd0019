"""`learning/review`: the queue, for people with the portal open; plain function views, for people press keys fast."""

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.api.authorise import authorise, read_json, speaker
from accounts.api.openapi import described
from accounts.policy import Permission
from core.errors import Malformed, Missing
from learning.actions import review
from learning.api.wire import decided_document, lease_document
from learning.judgement import DECISIONS, MAX_NOTE, MAX_REASON
from learning.models import AiModule
from learning.models.review import HAND, QUEUES
from learning.slot_handles import handle, slot_of

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
NEXT_SLOT = inline_serializer(
    "NextSlot",
    {
        "ai_module": serializers.CharField(),
        "kind": serializers.ChoiceField(sorted(set(QUEUES.values())), required=False),
        "ahead": serializers.IntegerField(required=False, min_value=0, max_value=HAND - 1),
    },
)
LEASE_TOKEN = inline_serializer("LeaseToken", {"lease_token": serializers.CharField()})
DECISION = inline_serializer(
    "Decision",
    {
        "lease_token": serializers.CharField(),
        "client_uuid": serializers.UUIDField(),
        "decision": serializers.ChoiceField(DECISIONS),
        "correction": serializers.DictField(required=False),
        "reason": serializers.CharField(required=False, max_length=MAX_REASON),
        "note": serializers.CharField(required=False, max_length=MAX_NOTE),
        "seconds": serializers.FloatField(required=False),
        "next": serializers.BooleanField(required=False),
        "ahead": serializers.IntegerField(required=False, min_value=0, max_value=HAND - 1),
    },
)


@described("POST", request=NEXT_SLOT, responses={200: dict, 204: None})
@require_POST
@authorise(Permission.ANNOTATE)
def next_slot(request: HttpRequest) -> HttpResponse:
    """Lease the next sample of a module's queue, and up to two ahead of it; 204 where none waits."""
    body = read_json(request)
    slug = _text(body, "ai_module")
    module = AiModule.objects.visible_to(speaker(request)).filter(slug=slug).first()
    if module is None:
        raise Missing("There is no such module.")
    lease = review.lease_next(module, by=speaker(request), kind=_text(body, "kind") or "judge", ahead=body.get("ahead") or 0)
    return _answer(lease_document(lease)) if lease else HttpResponse(status=204)


@described("POST", request=DECISION, responses=dict)
@require_POST
@authorise(Permission.ANNOTATE)
def decide(request: HttpRequest, slot: str) -> HttpResponse:
    """Judge a leased sample; the answer holds the next one where it was asked for."""
    body = read_json(request)
    decided = review.decide(
        _slot(slot),
        by=speaker(request),
        lease_token=_text(body, "lease_token"),
        client_uuid=_text(body, "client_uuid"),
        decision=_text(body, "decision"),
        correction=body.get("correction"),
        reason=_text(body, "reason"),
        note=_text(body, "note"),
        seconds=body.get("seconds"),
        next=body.get("next") is True,
        ahead=body.get("ahead") or 0,
    )
    return _answer(decided_document(decided))


@described("POST", request=LEASE_TOKEN, responses=dict)
@require_POST
@authorise(Permission.ANNOTATE)
def renew(request: HttpRequest, slot: str) -> HttpResponse:
    """Hold a lease for another while."""
    lease = review.renew_lease(_slot(slot), by=speaker(request), lease_token=_text(read_json(request), "lease_token"))
    return _answer({"slot": handle(lease.slot), "lease_token": lease.token, "lease_until": lease.until})


@described("POST", request=LEASE_TOKEN, responses={204: None})
@require_POST
@authorise(Permission.ANNOTATE)
def release(request: HttpRequest, slot: str) -> HttpResponse:
    """Give a lease back; also as a form with its csrfmiddlewaretoken, which is all a page can send while it is left."""
    body = request.POST.dict() if request.content_type in FORMS else read_json(request)
    review.release_lease(_slot(slot), by=speaker(request), lease_token=_text(body, "lease_token"))
    return HttpResponse(status=204)


@described("POST", request=None, responses=dict)
@require_POST
@authorise(Permission.ANNOTATE)
def undo(request: HttpRequest, slot: str) -> HttpResponse:
    """Take back an own decision; the answer is the sample's lease again."""
    return _answer(lease_document(review.undo(_slot(slot), by=speaker(request))))


def _slot(text: str) -> int:
    slot = slot_of(int(text))
    if not slot:
        raise Missing("There is no such slot.")
    return slot


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text.")
    return value


def _answer(document: Any) -> HttpResponse:
    return HttpResponse(orjson.dumps(document), content_type="application/json")
