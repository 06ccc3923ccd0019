"""`learning/review/reopen`: open samples for another round of review, after a look at how many they are."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.api.authorise import authorise, read_json, speaker
from accounts.api.openapi import described
from accounts.models import User
from accounts.policy import Permission
from core.errors import Invalid, Malformed
from core.pages import found
from learning.actions import selection as selections
from learning.acts import act_named
from learning.models import Selection, SelectionState
from learning.sample_filters import SampleFilters

ACT = "reopen"
REOPEN = inline_serializer(
    "Reopen",
    {
        "samples": serializers.ListField(child=serializers.CharField(), required=False),
        "filter": serializers.DictField(child=serializers.CharField(), required=False),
        "selection": serializers.UUIDField(required=False),
        "reason": serializers.CharField(required=False, min_length=3, max_length=60),
    },
)


@described("POST", request=REOPEN, responses={200: dict, 201: dict, 202: dict})
@require_POST
@authorise(Permission.ADJUDICATE)
def reopen(request: HttpRequest) -> HttpResponse:
    """Choose samples, by id or by the filters of the samples page, and with a reason open them for another round.

    Without a reason nothing is opened: the answer (201) says how many they are, or null while a large result is counted. Sent
    again with that `selection` and a reason, it begins (202); once begun, it is answered as it stands (200).
    """
    body, by = read_json(request), speaker(request)
    shown = found(_own(by), pk=_text(body, "selection")) if body.get("selection") else _chosen(body, by)
    if body.get("reason") is None or shown.state != SelectionState.DRAFT or shown.total is None:
        return _answer(shown, 200 if body.get("selection") else 201)
    form = act_named(ACT).form({"reason": _text(body, "reason")}, user=by)
    if not form.is_valid():
        sentences = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        raise Invalid("Say why in 3 to 60 characters.", errors=sentences)
    return _answer(selections.begin(shown, by=by, facts=form.facts), 202)


@described("GET", responses=dict)
@require_safe
@authorise(Permission.ADJUDICATE)
def reopened(request: HttpRequest, pk: str) -> HttpResponse:
    """Say how far it is."""
    return _answer(found(_own(speaker(request)), pk=pk), 200)


def _own(by: User) -> Any:
    return Selection.objects.visible_to(by).filter(act=ACT)


def _chosen(body: Mapping[str, Any], by: User) -> Selection:
    samples, query = body.get("samples"), body.get("filter")
    if (samples is None) == (query is None):
        raise Malformed("Name either samples or a filter.")
    if samples is not None:
        if not isinstance(samples, list) or not all(isinstance(each, str) for each in samples):
            raise Malformed("samples must be a list of sample ids.")
        return selections.choose(ACT, by=by, ticked=samples)
    if not isinstance(query, dict) or not all(isinstance(value, str) for value in query.values()):
        raise Malformed("filter must name texts.")
    if unknown := sorted(set(query) - set(SampleFilters.base_fields)):  # let be, they would widen the result
        raise Invalid(f"There is no filter {', '.join(unknown)[:200]}; there are {', '.join(SampleFilters.base_fields)}.")
    if not any(value.strip() for value in query.values()):
        raise Invalid("Name at least one filter: all samples of the hub are hardly meant.")
    return selections.choose(ACT, by=by, query=query)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text.")
    return value


def _answer(shown: Selection, status: int) -> HttpResponse:
    document = {
        "selection": shown.pk,
        "state": shown.state,
        "total": shown.total,
        "seen": shown.seen,
        "reopened": shown.changed,
        "skipped": shown.skipped,
        "error": shown.error,
    }
    return HttpResponse(orjson.dumps(document), status=status, content_type="application/json")
