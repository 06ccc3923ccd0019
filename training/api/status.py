"""`status/jobs`: how jobs stand, for a phone; read-only, by a token that can do nothing else."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.policy import Permission
from core.errors import Malformed
from core.paging import keyset_page, page_size
from training.models import JobStatus, TrainingJob

COLUMNS = (
    "name",
    "status",
    "progress_percent",
    "current_epoch",
    "total_epochs",
    "estimated_completion",
    "created_at",
    "completed_at",
)


class JobStanding(serializers.Serializer[Any]):
    """How one job stands."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    ai_module = serializers.CharField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    progress_percent = serializers.IntegerField()
    current_epoch = serializers.IntegerField(allow_null=True)
    total_epochs = serializers.IntegerField(allow_null=True)
    estimated_completion = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class JobStandingPage(serializers.Serializer[Any]):
    """A page of jobs."""

    results = JobStanding(many=True)
    next = serializers.CharField(allow_null=True)


class JobsStatus(APIView):
    """The jobs within reach."""

    permission = Permission.VIEW_STATUS

    @extend_schema(
        operation_id="status_jobs_list",
        parameters=[OpenApiParameter("status"), OpenApiParameter("cursor"), OpenApiParameter("page_size")],
        responses=JobStandingPage,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of them, newest first; of one `status` where it is named."""
        asked = request.query_params
        rows = TrainingJob.objects.visible_to(speaker(request))
        if status := asked.get("status"):
            if status not in JobStatus.values:
                raise Malformed(f"There is no status {status[:20]!r}; there are {', '.join(JobStatus.values)}.")
            rows = rows.filter(status=status)
        page = keyset_page(
            rows.select_related("module"), order="-pk", cursor=asked.get("cursor", ""), size=page_size(asked.get("page_size"))
        )
        return Response({"results": [_document(row) for row in page.results], "next": page.next})


def _document(row: TrainingJob) -> dict[str, Any]:
    return {"id": str(row.pk), "ai_module": row.module.slug, **{name: getattr(row, name) for name in COLUMNS}}
