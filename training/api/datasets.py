"""`training/datasets`; their versions stand in versions.py."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actions import idempotency
from accounts.api.authorise import read_body, speaker
from accounts.models import Organization, User
from accounts.policy import Permission
from core.errors import Malformed
from core.pages import found
from core.paging import keyset_page, page_size
from learning.models import AiModule
from training.actions import dataset as verbs
from training.actions.verdict import MOST_REQUIRED, ask_for
from training.models import Environment, TrainingDataset

FILTERS = {"ai_module": "module__slug", "status": "status", "environment": "environment"}


class NewDataset(serializers.Serializer[Any]):
    """A dataset to make; `rule` is its dataset_query."""

    name = serializers.CharField(max_length=120)
    ai_module = serializers.CharField(max_length=64)
    description = serializers.CharField(max_length=verbs.MAX_DESCRIPTION, allow_blank=True, default="")
    organization_id = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31)
    rule = serializers.JSONField(default=dict)
    environment = serializers.ChoiceField(choices=Environment.choices, default=Environment.DEV)
    version = serializers.CharField(max_length=40, default="v0.1.0")


class ChangedDataset(serializers.Serializer[Any]):
    """What of a dataset may change; what is not sent stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=verbs.MAX_DESCRIPTION, allow_blank=True, required=False)
    rule = serializers.JSONField(required=False)
    environment = serializers.ChoiceField(choices=Environment.choices, required=False)
    verdicts_required = serializers.IntegerField(min_value=1, max_value=MOST_REQUIRED, required=False)


class Datasets(APIView):
    """The datasets within reach."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first; filters: ai_module, status, environment."""
        rows = narrowed(within_reach(request), request, FILTERS)
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row, speaker(request)) for row in page.results], "next": page.next})

    @extend_schema(request=NewDataset, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Make a dataset; once for each Idempotency-Key."""
        user, asked = speaker(request), read_body(NewDataset, request)
        slug, organization_id = asked.pop("ai_module"), asked.pop("organization_id", None)
        organization = found(Organization.objects.visible_to(user), pk=organization_id) if organization_id else None
        module = found(AiModule.objects.visible_to(user), slug=slug)
        pk = once(request, lambda: verbs.add(by=user, module=module, organization=organization, **asked))
        return Response(document(found(within_reach(request), pk=pk), user), status=201)


class Dataset(APIView):
    """One dataset."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it with its counts."""
        return Response(document(found(within_reach(request), pk=pk), speaker(request)))

    @extend_schema(request=ChangedDataset, responses=dict)
    def put(self, request: Request, pk: str) -> Response:
        """Change what was sent of name, description, rule, environment, verdicts_required."""
        row, user = found(within_reach(request), pk=pk), speaker(request)
        asked = read_body(ChangedDataset, request)
        required = asked.pop("verdicts_required", None)
        verbs.revise(row, by=user, **asked)  # also of nothing: who may not change it is told so
        if required is not None:
            ask_for(row, required, by=user)
        return Response(document(found(within_reach(request), pk=pk), user))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Archive it; nothing that was frozen goes."""
        verbs.archive(found(within_reach(request), pk=pk), by=speaker(request))
        return Response(status=204)


def document(dataset: TrainingDataset, viewer: User) -> dict[str, Any]:
    """Answer a dataset as the seeds spell it; of a global one, organizations see what it is and not what is in it."""
    card = {
        "id": dataset.pk,
        "organization_id": dataset.organization_id,
        "name": dataset.name,
        "description": dataset.description,
        "ai_module": dataset.module.slug,
        "environment": dataset.environment,
        "version": dataset.version,
        "status": dataset.status,
        "created_at": dataset.created_at,
        "updated_at": dataset.updated_at,
    }
    if not is_own(dataset, viewer):
        return card
    counts = {name: getattr(dataset, name) for name in ("sample_count", "labeled_count", "verified_count")}
    counts |= {"verdicts_required": dataset.verdicts_required}
    inside = {"label_schema": dataset.label_schema, "rule": dataset.rule, "created_by": dataset.created_by_id}
    return {**card, **counts, **inside}


def once(request: Request, verb: Callable[[], Model]) -> str:
    """Call a verb that makes a row, once for each Idempotency-Key of the speaker; answers the row's key."""
    key = request.headers.get("Idempotency-Key", "")
    return idempotency.once(key, [request.path.rstrip("/"), request.data], verb, by=speaker(request))


def is_own(row: Any, viewer: User) -> bool:
    """Tell whether the viewer may see what is inside: the hub's people and pipelines, or the organization it belongs to."""
    return viewer.organization_id is None or row.organization_id == viewer.organization_id


def narrowed(rows: Any, request: Request, filters: dict[str, str]) -> Any:
    """Filter by the parameters that were sent; raises Malformed for text that no row can hold."""
    asked = {column: request.GET[name] for name, column in filters.items() if name in request.GET}
    if any("\x00" in value or len(value) > 200 for value in asked.values()):
        raise Malformed("A filter holds text that nothing is named.")
    return rows.filter(**asked)


def within_reach(request: Any) -> Any:
    """Select the datasets that the speaker sees, with their counts."""
    return TrainingDataset.objects.visible_to(speaker(request)).select_related("module", "organization").with_counts()
