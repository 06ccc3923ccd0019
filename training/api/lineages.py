"""`training/models/:id/lineage`, `field` and `gate`: where a version comes from, what came of it, how it does, what its gate says."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.policy import Permission, require
from core.errors import Missing
from core.pages import found
from core.paging import keyset_page, page_size
from learning.models import AiModule
from learning.proportion import Proportion
from training import ancestry, gate
from training.actions import gate as gate_verbs
from training.api.datasets import is_own
from training.models import ModelRegistration, ModelVersion

CHILDREN = 100
ORIGIN = ("id", "source", "licence", "notes", "file_name", "sha256", "created_by_id", "created_at")


class Lineage(APIView):
    """Where a version comes from, and what came of it."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer its forebears, runs, samples (a page) and whose decisions they carry, those erased since, and its offspring."""
        user = speaker(request)
        row = found(ModelVersion.objects.visible_to(user).select_related("module", "dataset_version__dataset"), pk=pk)
        if not is_own(row, user):
            raise Missing("What everybody's models were made of is the hub's own.")
        page = keyset_page(
            ancestry.samples_of(row),
            order="sample_id",
            cursor=request.GET.get("cursor", ""),
            size=page_size(request.GET.get("page_size")),
        )
        born = ModelVersion.objects.visible_to(user).filter(base_version=row).order_by("-created_at")[:CHILDREN]
        origin = ModelRegistration.objects.filter(model_version=row).values(*ORIGIN).first()
        return Response(
            {
                **_brief(row),
                "origin": {"kind": "external", **origin} if origin else {"kind": "training"},
                "dataset_version": str(row.dataset_version) if row.dataset_version else None,
                "dataset_version_id": row.dataset_version_id,
                "training_job_id": row.training_job_id,
                "runs": list(row.runs.order_by("attempt").values("id", "attempt", "seed", "examples_hash", "code_version")),
                "forebears": [_brief(one) for one in ancestry.forebears(row)],
                "offspring": [_brief(one) for one in born],
                "decided_by": ancestry.decided_by(row),
                "erased": ancestry.erased_from(row),
                "samples": [_member(member) for member in page.results],
                "next": page.next,
            }
        )


class Field(APIView):
    """How a version does where it runs."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer corrections, empty answers and confidence by city and week, the newest week first."""
        user = speaker(request)
        row = found(ModelVersion.objects.visible_to(user).select_related("module", "organization"), pk=pk)
        told = [
            {
                "city": one.city.slug,
                "week": one.week,
                "corrected": _share(one.corrected),
                "empty": _share(one.empty),
                "confidence": one.confidence,
            }
            for one in ancestry.in_the_field(row, user)
        ]
        return Response({**_brief(row), "test": {"accuracy": row.accuracy, "f1": row.f1_score}, "field": told})


class Judgement(APIView):
    """What the release gate says of a version."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer each rule with what was found; of an approved version also what the gate said then."""
        user = speaker(request)
        row = found(ModelVersion.objects.visible_to(user).select_related("module"), pk=pk)
        at_approval = row.gate if row.is_approved and is_own(row, user) else None
        return Response({**_brief(row), **gate.judge(row).as_document(), "at_approval": at_approval})


class GateRules(serializers.Serializer[Any]):
    """All rules of a module's release gate: each {measure, kind, value}."""

    rules = serializers.JSONField()


class Gate(APIView):
    """The release gate of a module."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, slug: str) -> Response:
        """Answer its rules."""
        return Response(_rules(found(AiModule.objects.visible_to(speaker(request)), slug=slug)))

    @extend_schema(request=GateRules, responses=dict)
    def put(self, request: Request, slug: str) -> Response:
        """Replace its rules; what was approved stays so."""
        user = speaker(request)
        require(user, Permission.MANAGE_MODULES)  # before the body is looked at
        module = found(AiModule.objects.visible_to(user), slug=slug)
        return Response(_rules(gate_verbs.set_rules(module, by=user, rules=read_body(GateRules, request)["rules"])))


def _rules(module: AiModule) -> dict[str, Any]:
    return {"ai_module": module.slug, "rules": module.release_gate or []}


def _brief(row: ModelVersion) -> dict[str, Any]:
    return {"id": row.pk, "version": row.version, "name": row.name, "status": row.status, "is_active": row.is_active}


def _member(member: Any) -> dict[str, Any]:
    sample = member.sample
    return {"sample_id": sample.sample_id, "city": sample.city.slug, "split": member.split, "erased_at": member.erased_at}


def _share(told: Proportion) -> dict[str, Any]:
    return {"hits": told.hits, "n": told.n, "share": told.share, "interval": list(told.interval)}
