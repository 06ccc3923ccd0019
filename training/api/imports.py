"""`training/datasets/:id/import`: a dataset of another tool comes in, is looked at, and is imported once a person says so."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import BodyTooLarge, read_body, speaker
from accounts.models import User
from accounts.policy import Permission
from core.errors import Malformed, Missing
from core.json_body import JSONBody
from core.pages import found
from core.paging import keyset_page, page_size
from learning.models import City
from training.actions import importing as verbs
from training.api.datasets import is_own, once
from training.formats import FORMATS
from training.import_forms import content_of
from training.models import DatasetImport, Empty, TakenAs, TrainingDataset

FORM_BYTES = 1 << 20
"""What a form may have beside its file."""


class NewImport(serializers.Serializer[Any]):
    """What to import: a `file` in a multipart form, or an `upload` that is stored; and how."""

    file = serializers.FileField(max_length=255, required=False)
    upload = serializers.UUIDField(required=False)
    format = serializers.ChoiceField(choices=sorted(FORMATS), required=False, default="")
    as_ = serializers.ChoiceField(choices=TakenAs.choices, default=TakenAs.TRUTH)
    map = serializers.JSONField(required=False, default=dict)
    empty = serializers.ChoiceField(choices=Empty.choices, default=Empty.VERIFIED)
    city = serializers.CharField(max_length=64, required=False)

    def get_fields(self) -> Any:
        """Name a field by a word that Python keeps for itself."""
        fields = super().get_fields()
        fields["as"] = fields.pop("as_")
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Insist on one source, and read a mapping that came as a field of a form."""
        if ("file" in attrs) == ("upload" in attrs):
            raise serializers.ValidationError("Send one of file and upload.")
        if isinstance(attrs["map"], str):
            try:
                attrs["map"] = json.loads(attrs["map"])
            except (ValueError, RecursionError) as error:
                raise serializers.ValidationError({"map": "is no JSON"}) from error
        return attrs


class Confirmation(serializers.Serializer[Any]):
    """What categories are that the dry run could not tell; null leaves one out."""

    map = serializers.JSONField(required=False, default=dict)


class NewImports(APIView):
    """Bring a dataset of another tool."""

    permission = Permission.MANAGE_DATASETS
    parser_classes = [JSONBody, MultiPartParser]

    @extend_schema(request=NewImport, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Begin with a dry run; ask again until it is checked. A JSON request, once for each Idempotency-Key."""
        dataset, user = _dataset(request, pk), speaker(request)
        if int(request.META.get("CONTENT_LENGTH") or 0) > verbs.DIRECT_BYTES + FORM_BYTES:
            raise BodyTooLarge(f"A file may have {verbs.DIRECT_BYTES:,} bytes at most; send a larger one in parts.")
        asked = read_body(NewImport, request)
        terms = _terms(asked, user)
        if "file" in asked:
            file = asked["file"]
            made = str(verbs.bring(dataset, content_of(file), by=user, file_name=file.name, **terms).pk)
        else:
            made = once(request, lambda: verbs.begin_with_upload(dataset, asked["upload"], by=user, **terms))
        return Response(document(found(_rows(request, dataset), pk=made)), status=202)


class Imports(APIView):
    """The imports into a dataset."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page, newest first."""
        rows = _rows(request, _dataset(request, pk))
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row) for row in page.results], "next": page.next})


class Import(APIView):
    """One import."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, number: str) -> Response:
        """Answer how far it is, what was found, and what came of it."""
        return Response(document(_row(request, pk, number)))


class Confirm(APIView):
    """Import what the dry run found."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=Confirmation, responses={202: dict})
    def post(self, request: Request, pk: str, number: str) -> Response:
        """Answer it, importing; ask again until it is done."""
        asked = read_body(Confirmation, request)
        verbs.confirm(_row(request, pk, number), by=speaker(request), mapping=asked["map"])
        return Response(document(_row(request, pk, number)), status=202)


class Cancel(APIView):
    """Give an import up."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str, number: str) -> Response:
        """Answer it, cancelled; nothing of it stays."""
        verbs.cancel(_row(request, pk, number), by=speaker(request))
        return Response(document(_row(request, pk, number)))


class Errors(APIView):
    """Fetch the list of what was not taken."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str, number: str) -> Response:
        """Answer the address of a CSV (file, line, name, reason, detail), good for a quarter of an hour."""
        signed = verbs.report_link(_row(request, pk, number), by=speaker(request))
        return Response({"url": signed.url, "expires_at": signed.expires_at})


def document(job: DatasetImport) -> dict[str, Any]:
    """Answer an import: how it is done, how far it is, what the dry run found, and what was not taken and why."""
    names = ("id", "dataset_id", "file_name", "format", "empty", "state", "phase", "records", "handled", "counts")
    times = ("created_at", "confirmed_at", "finished_at")
    rate = job.rate
    return {
        **{name: getattr(job, name) for name in (*names, *times)},
        "as": job.taken_as,
        "city": job.city.slug if job.city else None,
        "map": job.mapping,
        "categories": job.categories,
        "undecided": job.undecided,
        "progress_percent": job.percent,
        "records_per_second": round(rate, 1) if rate else None,
        "done_about": job.done_about,
        "error_message": job.error_message,
        "has_errors": job.report is not None and job.report.deleted_at is None,
    }


def _terms(asked: dict[str, Any], user: User) -> dict[str, Any]:
    if not isinstance(asked["map"], dict):
        raise Malformed("map leads from categories to labels, or to null.")
    city = found(City.objects.visible_to(user), slug=asked["city"]) if "city" in asked else None
    return {"format": asked["format"], "taken_as": asked["as"], "mapping": asked["map"], "empty": asked["empty"], "city": city}


def _dataset(request: Request, pk: str) -> TrainingDataset:
    """Answer a dataset whose inside the speaker may see; raises Missing."""
    rows = TrainingDataset.objects.visible_to(speaker(request)).select_related("module", "organization")
    dataset: TrainingDataset = found(rows, pk=pk)
    if not is_own(dataset, speaker(request)):
        raise Missing("There is no such dataset, or it is not within your reach.")
    return dataset


def _rows(request: Request, dataset: TrainingDataset) -> Any:
    shown = DatasetImport.objects.visible_to(speaker(request)).filter(dataset=dataset)
    return shown.select_related("dataset__organization", "dataset__module", "city", "report")


def _row(request: Request, pk: str, number: str) -> DatasetImport:
    row: DatasetImport = found(_rows(request, _dataset(request, pk)), pk=number)
    return row
