"""`training/models`: the registry, its verbs, and what is seen of it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.models import User
from accounts.policy import Permission
from core.errors import Missing
from core.pages import found
from core.paging import keyset_page, page_size
from training import trust
from training.actions import model_version as verbs
from training.models import DatasetVersion, ModelVersion, Split

FILTERS = {"ai_module": "module__slug", "status": "status", "user_id": "user_id"}
LONGEST_FILTER = 200


class Notes(serializers.Serializer[Any]):
    """What the approver has to say."""

    notes = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")


class ReleaseNotes(serializers.Serializer[Any]):
    """What whoever runs the version should know."""

    release_notes = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")


class Changed(serializers.Serializer[Any]):
    """What of a version may change: words. What is not sent stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, required=False)
    notes = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, required=False)
    release_notes = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, required=False)


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


class ModelVersionView(APIView):
    """One version."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it, with card, evaluation and lineage."""
        row = found(_rows(request), pk=pk)
        return Response({**document(row, speaker(request)), "card": row.card, "evaluation": row.evaluation})

    @extend_schema(request=Changed, responses=dict)
    def put(self, request: Request, pk: str) -> Response:
        """Change what was sent of name, description, notes, release_notes; all else of a version never changes."""
        row = verbs.revise(found(_rows(request), pk=pk), by=speaker(request), **read_body(Changed, request))
        return Response(document(row, speaker(request)))


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


def document(version: ModelVersion, viewer: User) -> dict[str, Any]:
    """Answer a version as the seeds spell it; its files, who did what, and their notes, are for the hub's own people."""
    made_by_hub = {
        "model_file_url": version.bundle.signed_get().url,
        "config_file_url": version.config.signed_get().url if version.config else None,
        "requested_by": version.requested_by_id,
        "approved_by": version.approved_by_id,
        "approval_notes": version.approval_notes,
        "training_job_id": version.training_job_id,
        "dataset_version_id": version.dataset_version_id,
        "deprecation_reason": version.deprecation_reason,
        "notes": version.notes,
    }
    return {
        "id": version.pk,
        "ai_module": version.module.slug,
        "organization": version.organization_id,
        "user_id": version.user_id,
        "version": version.version,
        "name": version.name,
        "description": version.description,
        "base_version_id": version.base_version_id,
        "trainer": version.trainer_name,
        "model_file_size": version.bundle.size,
        "model_file_sha256": version.bundle.sha256,
        "target_path": version.file_name,
        "accuracy": version.accuracy,
        "precision_score": version.precision_score,
        "recall_score": version.recall_score,
        "f1_score": version.f1_score,
        "inference_time_ms": version.inference_time_ms,
        "min_edge_version": version.min_edge_version,
        "supported_platforms": version.supported_platforms,
        "status": version.status,
        "standing": version.standing,
        "is_active": version.is_active,
        "is_approved": version.is_approved,
        "approved_at": version.approved_at,
        "is_released": version.is_released,
        "released_at": version.released_at,
        "release_notes": version.release_notes,
        "trained_at": version.trained_at,
        "created_at": version.created_at,
        **(made_by_hub if viewer.is_hub_staff else {}),
    }


def _rows(request: Request) -> Any:
    return ModelVersion.objects.visible_to(speaker(request)).select_related("module", "bundle", "config", "organization")
