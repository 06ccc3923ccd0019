"""`training/datasets/:id/uploads`: large files in parts, under signed addresses, straight into the store."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.policy import Permission
from core.pages import found
from core.paging import keyset_page, page_size
from core.storage import SignedRequest
from learning.models import City
from training.actions import upload as verbs
from training.api.samples import own_dataset
from training.models import DatasetUpload, UploadPurpose

MD5 = r"^[0-9a-f]{32}\Z"
SHA256 = r"^[0-9a-f]{64}\Z"


class NewUpload(serializers.Serializer[Any]):
    """A file to bring: what for, its name and its size in bytes. `client_key` finds the same upload again."""

    purpose = serializers.ChoiceField(choices=UploadPurpose.choices)
    file_name = serializers.CharField(max_length=255)
    size = serializers.IntegerField(min_value=1, max_value=2**62)
    media_type = serializers.CharField(max_length=80, allow_blank=True, default="")
    client_key = serializers.CharField(max_length=200, allow_blank=True, default="")
    city = serializers.CharField(max_length=64, required=False)
    every_seconds = serializers.FloatField(required=False, min_value=0.04, max_value=3_600)
    captured_at = serializers.DateTimeField(required=False)


class PartToSign(serializers.Serializer[Any]):
    """One part: its number from 1, and the hex MD5 of its content."""

    number = serializers.IntegerField(min_value=1, max_value=10_000)
    md5 = serializers.RegexField(MD5)


class PartsToSign(serializers.Serializer[Any]):
    """The next parts to be sent."""

    parts = PartToSign(many=True, max_length=verbs.MOST_SIGNED)  # type: ignore[call-arg]


class Completion(serializers.Serializer[Any]):
    """What the whole file must be, where its sender knows."""

    sha256 = serializers.RegexField(SHA256, required=False, default="")


class Uploads(APIView):
    """The uploads into a dataset."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page, newest first."""
        rows = own_dataset(request, pk).uploads.all()
        page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
        return Response({"results": [document(row) for row in page.results], "next": page.next})

    @extend_schema(request=NewUpload, responses={201: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Begin one (201), or go on with the one of this client_key (200): what arrived need not be sent again."""
        dataset, user, asked = own_dataset(request, pk), speaker(request), read_body(NewUpload, request)
        city = found(City.objects.visible_to(user), slug=asked.pop("city")) if "city" in asked else None
        options: dict[str, Any] = {name: asked.pop(name) for name in ("every_seconds", "captured_at") if name in asked}
        if "captured_at" in options:
            options["captured_at"] = options["captured_at"].isoformat()
        upload, is_new = verbs.begin(dataset, by=user, city=city, options=options, **asked)
        return Response(with_parts(upload), status=201 if is_new else 200)


class Upload(APIView):
    """One upload."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, upload: str) -> Response:
        """Answer it, with the parts that arrived."""
        return Response(with_parts(_upload(request, pk, upload)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str, upload: str) -> Response:
        """Give it up; its parts go."""
        verbs.abort(_upload(request, pk, upload), by=speaker(request))
        return Response(status=204)


class Parts(APIView):
    """The parts of an upload."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=PartsToSign, responses=dict)
    def post(self, request: Request, pk: str, upload: str) -> Response:
        """Answer a signed PUT for each."""
        asked = [(part["number"], part["md5"]) for part in read_body(PartsToSign, request)["parts"]]
        signed = verbs.sign(_upload(request, pk, upload), asked, by=speaker(request))
        results = [{"number": number, "upload": _spelled(one)} for (number, _), one in zip(asked, signed, strict=True)]
        return Response({"results": results})


class Complete(APIView):
    """The end of an upload."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=Completion, responses={202: dict})
    def post(self, request: Request, pk: str, upload: str) -> Response:
        """Have a worker put the parts together; ask again until the upload is stored."""
        done = verbs.complete(_upload(request, pk, upload), by=speaker(request), **read_body(Completion, request))
        return Response(with_parts(done), status=202)


def document(upload: DatasetUpload) -> dict[str, Any]:
    """Answer an upload as docs/wire spells it."""
    names = ("id", "dataset_id", "purpose", "file_name", "size", "part_size", "parts", "state", "sha256", "client_key")
    facts = {name: getattr(upload, name) for name in (*names, "error_message", "created_at", "expires_at", "finished_at")}
    return {**facts, "object_id": upload.object_id}


def with_parts(upload: DatasetUpload) -> dict[str, Any]:
    """Answer an upload with the parts that arrived; an etag is the MD5 of its part on most stores."""
    there = verbs.arrived(upload)
    return {**document(upload), "arrived": [{"number": part.number, "etag": part.etag} for part in there]}


def _spelled(signed: SignedRequest) -> dict[str, Any]:
    return {
        "method": signed.method,
        "url": signed.url,
        "headers": signed.headers,
        "expires_at": signed.expires_at.isoformat(),
    }


def _upload(request: Request, pk: str, upload: str) -> DatasetUpload:
    rows = DatasetUpload.objects.filter(dataset=own_dataset(request, pk)).select_related("dataset__organization", "object")
    row: DatasetUpload = found(rows, pk=upload)
    return row
