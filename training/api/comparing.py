"""`training/models/:id/compare`: versions beside each other on one frozen split."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.policy import Permission
from core.errors import Malformed
from core.pages import found
from training import standing
from training.models import DatasetVersion, ModelVersion

PARAMETERS = [OpenApiParameter(name, required=True) for name in ("with", "dataset_version_id")] + [OpenApiParameter("split")]


class Compare(APIView):
    """A version beside one to five others."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(parameters=PARAMETERS, responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer measures and classes of all of them on one split; for the hub's own people also what each lost and won."""
        user = speaker(request)
        keys = [_uuid(text) for text in [pk, *request.GET.get("with", "").split(",")[: standing.MOST + 1]]]
        rows = ModelVersion.objects.visible_to(user)
        versions = [found(rows, pk=key) for key in keys]
        known = DatasetVersion.objects.visible_to(user).select_related("dataset")
        on = found(known, pk=_uuid(request.GET.get("dataset_version_id", "")))
        told = standing.stand(versions, on, request.GET.get("split", "test"))
        shown: dict[str, Any] = {
            "dataset_version": str(on),
            "split": told.split,
            "models": [{"id": row.pk, "version": row.version} for row in versions],
            "not_evaluated": [row.pk for row in told.missing],
            "measures": dict(told.measures),
            "classes": [{"label": row["label"], "f1": row["values"]} for row in told.classes],
        }
        if user.is_hub_staff:
            swaps = [{"id": swap["version"].pk, "lost": swap["lost"], "won": swap["won"]} for swap in told.swaps()]
            shown["swaps"] = swaps
        return Response(shown)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Malformed("Name versions by their ids: with=ID,ID and dataset_version_id=ID.") from error
