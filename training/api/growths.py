"""How a dataset grows: by its rule, looked at before it is applied, and by what a worker brings in."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.policy import Permission, require
from core.pages import found
from core.paging import keyset_page, page_size
from learning.thumbnails import thumbnail_url
from training.actions import growing
from training.api.datasets import document, within_reach
from training.gathered import preview
from training.models import DatasetGrowth
from training.rule import Rule


class Refresh(APIView):
    """Apply the rule of a dataset."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer how many samples were added (200), or by which growth a worker adds them where they are many (202)."""
        came = growing.refresh(found(within_reach(request), pk=pk), by=speaker(request))
        dataset = document(found(within_reach(request), pk=pk), speaker(request))
        if isinstance(came, DatasetGrowth):
            return Response({"added": None, "growth": as_wire(came), **dataset}, status=202)
        return Response({"added": came, "growth": None, **dataset})


class PreviewRule(serializers.Serializer[Any]):
    """A rule to look at; without one, the dataset's own."""

    rule = serializers.JSONField(required=False, allow_null=True, default=None)


class Preview(APIView):
    """What a rule would bring into a dataset."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=PreviewRule, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer how many samples it selects, how many of them are new ("37", "1,000+"), and the newest of these."""
        dataset, user = found(within_reach(request), pk=pk), speaker(request)
        require(user, Permission.MANAGE_DATASETS, dataset)
        asked = read_body(PreviewRule, request)["rule"]
        seen = preview(dataset, Rule.read(dataset.rule if asked is None else asked))
        samples = [{"sample_id": row.sample_id, "thumbnail_url": thumbnail_url(row, user) or None} for row in seen.samples]
        return Response({"matching": seen.matching, "new": seen.new, "samples": samples})


class Growths(APIView):
    """How a dataset grew by much at once."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page, newest first."""
        rows = _growths(request).filter(dataset=found(within_reach(request), pk=pk))
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [as_wire(row) for row in page.results], "next": page.next})


class Growth(APIView):
    """One growth."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, growth: str) -> Response:
        """Answer how far it is."""
        return Response(as_wire(found(_growths(request), dataset=pk, pk=growth)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str, growth: str) -> Response:
        """Stop it; what was added stays."""
        growing.cancel(found(_growths(request), dataset=pk, pk=growth), by=speaker(request))
        return Response(status=204)


def as_wire(growth: DatasetGrowth) -> dict[str, Any]:
    """Answer a growth as docs/wire spells it."""
    names = ("id", "dataset_id", "kind", "source_name", "state", "total", "seen", "added", "known", "refused", "refusals")
    facts = {name: getattr(growth, name) for name in (*names, "error_message", "created_at", "finished_at")}
    return {**facts, "progress_percent": growth.percent}


def _growths(request: Any) -> Any:
    return DatasetGrowth.objects.visible_to(speaker(request)).select_related("dataset__organization")
