"""`learning/examples`: labelled features of users, in as a file or by reference, and what is known of their labels."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import scopes_of
from accounts.api.authorise import BodyTooLarge, read_body, speaker
from accounts.models import User
from accounts.policy import Permission, is_allowed
from core.errors import Malformed
from core.json_body import JSONBody
from core.pages import found
from core.paging import keyset_page, page_size
from learning.actions import example as verbs
from learning.actions.example_writing import Facts
from learning.models import AiModule, ExampleStatus, TrainingExample

FILTERS = ("user_id", "modality", "label", "session_id")
MAX_FILTER = 200
FORM_BYTES = 1 << 20
"""What a form may have beside its file."""
SHOWN_PARAMETERS = [OpenApiParameter(name) for name in ("cursor", "page_size", *FILTERS)]
SHOWN_PARAMETERS.append(OpenApiParameter("label_status", enum=ExampleStatus.values))
COLUMNS = [
    "example_id",
    "user_id",
    "session_id",
    "record_id",
    "modality",
    "label",
    "label_status",
    "performer_id",
    "timestamp",
    "features_uri",
    "features_hash",
    "features_format",
    "encoding",
    "dims",
    "consent_given",
    "is_demo",
    "created_at",
]


class NewExample(serializers.Serializer[Any]):
    """An example: `file` (NPZ, in a multipart form) or `features_uri` (an object of the store), and what is said of it."""

    file = serializers.FileField(max_length=255, required=False)
    features_uri = serializers.CharField(max_length=300, required=False)
    modality = serializers.CharField(max_length=64, help_text="slug of a module of the task features")
    user_id = serializers.CharField(max_length=verbs.MAX_ID)
    label = serializers.CharField(max_length=60)  # type: ignore[assignment]  # a field, not the name of one
    label_status = serializers.ChoiceField(choices=ExampleStatus.choices, default=ExampleStatus.UNCONFIRMED)
    session_id = serializers.CharField(max_length=verbs.MAX_ID, required=False, allow_null=True)
    record_id = serializers.UUIDField(required=False, allow_null=True)
    performer_id = serializers.CharField(max_length=verbs.MAX_ID, required=False, allow_null=True)
    timestamp = serializers.DateTimeField(required=False)
    consent_given = serializers.BooleanField(default=False)
    is_demo = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Insist on exactly one way of saying where the features are."""
        if len({"file", "features_uri"} & set(attrs)) != 1:
            raise serializers.ValidationError("Send one of file and features_uri.")
        return attrs


class ExampleVerdict(serializers.Serializer[Any]):
    """What is said of a label: confirm, or correct with the right `label`."""

    decision = serializers.ChoiceField(choices=["confirm", "correct"])
    label = serializers.CharField(max_length=60, required=False)  # type: ignore[assignment]  # a field, not the name of one
    notes = serializers.CharField(max_length=2_000, allow_blank=True, default="")


class ExampleCorrection(serializers.Serializer[Any]):
    """The right label."""

    label = serializers.CharField(max_length=60)  # type: ignore[assignment]  # a field, not the name of one
    notes = serializers.CharField(max_length=2_000, allow_blank=True, default="")


class ConsentToExample(serializers.Serializer[Any]):
    """Whether the user consents to training on this example."""

    consent_given = serializers.BooleanField()


class Examples(APIView):
    """The examples."""

    permission = Permission.VIEW_STORE
    parser_classes = [JSONBody, MultiPartParser]

    @extend_schema(operation_id="learning_examples_list", parameters=SHOWN_PARAMETERS, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of examples, newest first; filters: user_id, modality, label, label_status, session_id."""
        rows = _narrowed(_rows(speaker(request)), request)
        cursor, size = request.GET.get("cursor", ""), page_size(request.GET.get("page_size"))
        page = keyset_page(rows, order="-timestamp", cursor=cursor, size=size)
        return Response({"results": [document(row, speaker(request)) for row in page.results], "next": page.next})

    @extend_schema(request=NewExample, responses={201: dict, 200: dict})
    def post(self, request: Request) -> Response:
        """Bring an example in (201); the same features of the same user are the example that is there (200)."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.UPLOAD_MAX_BYTES + FORM_BYTES:
            raise BodyTooLarge(f"A file may have {settings.UPLOAD_MAX_BYTES:,} bytes at most.")
        asked, user = read_body(NewExample, request), speaker(request)
        module = found(AiModule.objects.visible_to(user), slug=asked.pop("modality"))
        file, reference = asked.pop("file", None), asked.pop("features_uri", "")
        facts = Facts(**asked)
        if file is not None:
            example, is_new = verbs.add(file.read(), by=user, module=module, facts=facts)
        else:
            adopt = "objects:adopt" in scopes_of(request)
            example, is_new = verbs.add_stored(reference, by=user, module=module, facts=facts, adopt=adopt)
        return Response(document(found(_rows(user), pk=example.pk), user), status=201 if is_new else 200)


class Example(APIView):
    """One example."""

    permission = Permission.VIEW_STORE

    @extend_schema(operation_id="learning_examples_retrieve", responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it."""
        return _told(request, pk)


class Verify(APIView):
    """Say whether the label is right."""

    permission = Permission.CURATE_SAMPLES

    @extend_schema(request=ExampleVerdict, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Confirm the label, or correct it; a new judgement of its sample, and saying it twice changes nothing."""
        asked, example = read_body(ExampleVerdict, request), found(_rows(speaker(request)), pk=pk)
        if asked["decision"] == "confirm":
            verbs.confirm(example, by=speaker(request))
        elif "label" not in asked:
            raise Malformed("A correction says the right label.")
        else:
            verbs.correct(example, by=speaker(request), label=asked["label"], notes=asked["notes"])
        return _told(request, pk)


class Confirm(APIView):
    """Say that the label is right."""

    permission = Permission.CURATE_SAMPLES

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Confirm it."""
        verbs.confirm(found(_rows(speaker(request)), pk=pk), by=speaker(request))
        return _told(request, pk)


class Correct(APIView):
    """Say what the label is instead."""

    permission = Permission.CURATE_SAMPLES

    @extend_schema(request=ExampleCorrection, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Correct it."""
        verbs.correct(found(_rows(speaker(request)), pk=pk), by=speaker(request), **read_body(ExampleCorrection, request))
        return _told(request, pk)


class ExampleConsent(APIView):
    """Note whether the user consents."""

    permission = Permission.CURATE_SAMPLES

    @extend_schema(request=ConsentToExample, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Note it; without consent the example is in no version that is frozen from now on."""
        example = found(_rows(speaker(request)), pk=pk)
        given = read_body(ConsentToExample, request)["consent_given"]
        verbs.set_consent(example.user_id, by=speaker(request), given=given, examples=[example.pk])
        return _told(request, pk)


def document(example: TrainingExample, viewer: User) -> dict[str, Any]:
    """Answer an example as the seeds spell it, with its sample; an address of the features only to who may view images."""
    obj = example.sample.object
    may_look = is_allowed(viewer, Permission.VIEW_IMAGES) and obj is not None and obj.deleted_at is None
    return {
        **{name: getattr(example, name) for name in COLUMNS},
        "sample_id": example.sample.sample_id,
        "shape": obj.shape if obj else None,
        "features_url": obj.signed_get().url if may_look and obj else None,
    }


def _rows(user: User) -> QuerySet[TrainingExample]:
    return TrainingExample.objects.visible_to(user).select_related("sample__object", "sample__city", "sample__module")


def _told(request: Request, pk: str) -> Response:
    return Response(document(found(_rows(speaker(request)), pk=pk), speaker(request)))


def _narrowed(rows: Any, request: Request) -> Any:
    for name in FILTERS:
        if value := request.GET.get(name):
            if len(value) > MAX_FILTER or "\0" in value:
                raise Malformed(f"{name} is no such word.")
            rows = rows.filter(**{name: value})
    if status := request.GET.get("label_status"):
        if status not in ExampleStatus.values:
            raise Malformed(f"label_status is one of {', '.join(ExampleStatus.values)}.")
        rows = rows.of_status(status)
    return rows
