"""`training/models/registrations`: models that were trained elsewhere, on their way into the registry."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.models import Organization, User
from accounts.policy import Permission
from core.pages import found
from core.paging import keyset_page, page_size
from learning.models import AiModule
from training.actions import registration as verbs
from training.api.uploads import MD5
from training.models import ModelRegistration

COLUMNS = (
    "id",
    "organization_id",
    "user_id",
    "name",
    "description",
    "source",
    "licence",
    "notes",
    "config",
    "file_name",
    "size",
    "sha256",
    "state",
    "error_message",
    "answers",
    "created_at",
    "expires_at",
    "finished_at",
)


class NewRegistration(serializers.Serializer[Any]):
    """A file to register: a bundle, or with `config` (labels, preprocessing, output, output_options) a bare ONNX file."""

    ai_module = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=120)
    file_name = serializers.CharField(max_length=255)
    size = serializers.IntegerField(min_value=1, max_value=2**62)
    md5 = serializers.RegexField(MD5)
    source = serializers.CharField(max_length=500)  # type: ignore[assignment]  # the word everybody uses
    licence = serializers.CharField(max_length=verbs.TEXT_LIMIT)
    config = serializers.JSONField(required=False)
    version = serializers.CharField(max_length=40, allow_blank=True, default="")
    organization_id = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31)
    user_id = serializers.CharField(max_length=120, allow_blank=True, default="")
    description = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")
    notes = serializers.CharField(max_length=verbs.TEXT_LIMIT, allow_blank=True, default="")


class Registrations(APIView):
    """The registrations within reach."""

    permission = Permission.REGISTER_MODEL

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first."""
        page = keyset_page(
            _rows(speaker(request)), cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size"))
        )
        return Response({"results": [document(row) for row in page.results], "next": page.next})

    @extend_schema(request=NewRegistration, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Begin one, and answer the address to which the file is sent."""
        user, asked = speaker(request), read_body(NewRegistration, request)
        organization = asked.pop("organization_id", None)
        asked["module"] = found(AiModule.objects.visible_to(user), slug=asked.pop("ai_module"))
        if organization is not None:
            asked["organization"] = found(Organization.objects.visible_to(user), pk=organization)
        made = verbs.begin(by=user, **asked)
        return Response(_with_upload(made, user), status=201)


class Registration(APIView):
    """One registration."""

    permission = Permission.REGISTER_MODEL

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it: while its file is awaited, with an address to send it to; ask again until it has ended."""
        user = speaker(request)
        return Response(_with_upload(found(_rows(user), pk=pk), user))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Give it up, before its file was sent."""
        user = speaker(request)
        verbs.cancel(found(_rows(user), pk=pk), by=user)
        return Response(status=204)


class CompleteRegistration(APIView):
    """The end of sending the file."""

    permission = Permission.REGISTER_MODEL

    @extend_schema(request=None, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Have a worker look at the file; ask again until the registration has ended."""
        user = speaker(request)
        return Response(_with_upload(verbs.complete(found(_rows(user), pk=pk), by=user), user), status=202)


def document(row: ModelRegistration) -> dict[str, Any]:
    """Answer a registration as docs/wire spells it."""
    shown = {name: getattr(row, name) for name in COLUMNS}
    return {**shown, "ai_module": row.module.slug, "model_version": row.model_version_id, "created_by": row.created_by_id}


def _with_upload(row: ModelRegistration, user: User) -> dict[str, Any]:
    signed = verbs.upload(row, by=user)
    upload = signed and {
        "method": signed.method,
        "url": signed.url,
        "headers": signed.headers,
        "expires_at": signed.expires_at.isoformat(),
    }
    return {**document(row), "upload": upload}


def _rows(user: User) -> Any:
    return ModelRegistration.objects.visible_to(user).select_related("module", "organization")
