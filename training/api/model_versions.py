"""`training/models`: the registry, its verbs, and what is seen of it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.policy import Permission
from core.errors import Missing
from core.pages import found
from core.paging import keyset_page, page_size
from training import trust
from training.actions import model_version as verbs
from training.actions import withdrawal
from training.api.registry import document
from training.models import DatasetVersion, ModelVersion, Split

FILTERS = {"ai_module": "module__slug", "status": "status", "user_id": "user_id"}
LONGEST_FILTER = 200


class Notes(serializers.Serializer[Any]):
    """What the approver has to say, and where the release gate is red, why it is approved all the same."""

    notes = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")
    against_gate = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")


class ReleaseNotes(serializers.Serializer[Any]):
    """What whoever runs the version should know."""

    release_notes = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")


class Reason(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")


class Evaluation(serializers.Serializer[Any]):
    """On which frozen version and split; by default the version's own test split."""

    dataset_id = serializers.UUIDField(required=False)
    dataset_version = serializers.CharField(max_length=40, required=False)
    split = serializers.ChoiceField(choices=Split.choices, default=Split.TEST)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Insist that a dataset and its version are named together."""
        if ("dataset_id" in attrs) != ("dataset_version" in attrs):
            raise serializers.ValidationError("Name dataset_id and dataset_version together, or neither.")
        return attrs


class ModelVersions(APIView):
    """The versions within reach."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first; filters: ai_module, status, user_id."""
        asked = {column: request.GET[name][:LONGEST_FILTER] for name, column in FILTERS.items() if name in request.GET}
        if any("\x00" in value for value in asked.values()):
            raise Missing("There is nothing of that name.")
        rows = _rows(request).filter(**asked)
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row, speaker(request)) for row in page.results], "next": page.next})


class Approve(APIView):
    """Approve a version in testing."""

    permission = Permission.APPROVE_MODEL

    @extend_schema(request=Notes, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer it; refused (403) to whoever had it trained."""
        row = verbs.approve(found(_rows(request), pk=pk), by=speaker(request), **read_body(Notes, request))
        return Response(document(row, speaker(request)))


class Refuse(APIView):
    """Send a version back to draft."""

    permission = Permission.APPROVE_MODEL

    @extend_schema(request=Reason, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer it; a reason is needed."""
        row = verbs.refuse(found(_rows(request), pk=pk), by=speaker(request), **read_body(Reason, request))
        return Response(document(row, speaker(request)))


class Release(APIView):
    """Release an approved version."""

    permission = Permission.RELEASE_MODEL

    @extend_schema(request=ReleaseNotes, responses={200: dict, 202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Answer the released version, or 202 with how many signatures there are of those it awaits."""
        row = verbs.release(found(_rows(request), pk=pk), by=speaker(request), **read_body(ReleaseNotes, request))
        if row.is_released:
            return Response(document(row, speaker(request)))
        return Response({**document(row, speaker(request)), "awaiting_signatures": str(trust.standing())}, status=202)


class Activate(APIView):
    """Make a released version the active one."""

    permission = Permission.RELEASE_MODEL

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer it; the one before is active no more."""
        return Response(document(verbs.activate(found(_rows(request), pk=pk), by=speaker(request)), speaker(request)))


class Deprecate(APIView):
    """Retire a version."""

    permission = Permission.DEPRECATE_MODEL

    @extend_schema(request=Reason, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer it; no edge is offered it any more."""
        row = verbs.deprecate(found(_rows(request), pk=pk), by=speaker(request), **read_body(Reason, request))
        return Response(document(row, speaker(request)))


class Withdraw(APIView):
    """Take a deprecated version off the signed lists."""

    permission = Permission.DEPRECATE_MODEL

    @extend_schema(request=Reason, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer it; it leaves the lists with the next signatures. A reason is needed."""
        row = withdrawal.withdraw(found(_rows(request), pk=pk), by=speaker(request), **read_body(Reason, request))
        return Response(document(row, speaker(request)))


class Evaluate(APIView):
    """Have a version scored on a frozen split."""

    permission = Permission.EVALUATE_MODEL

    @extend_schema(request=Evaluation, responses={201: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Answer the job that does it."""
        row, asked = found(_rows(request), pk=pk), read_body(Evaluation, request)
        chosen = None
        if "dataset_id" in asked:
            within = DatasetVersion.objects.visible_to(speaker(request)).select_related("dataset")
            chosen = found(within, dataset=asked["dataset_id"], version=asked["dataset_version"])
        job = verbs.evaluate(row, by=speaker(request), dataset_version=chosen, split=asked["split"])
        return Response({"job": job.pk, "status": job.status, "model": row.pk, "split": asked["split"]}, status=201)


def _rows(request: Request) -> Any:
    return ModelVersion.objects.visible_to(speaker(request)).select_related("module", "bundle", "config", "organization")
