"""`training/datasets/:id/samples`: the samples of a dataset; an image comes in as a file, or is named where the hub has it."""

from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
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
from core.paging import page_size
from learning.models import City
from learning.thumbnails import picture_url
from training.actions import sample as verbs
from training.actions import verdict as verdicts
from training.api.datasets import is_own
from training.api.sample_list import page_of
from training.models import TrainingDataset, TrainingSample

FLAGS = ("is_labeled", "is_verified")
SWITCH = {"true": True, "false": False}
FORM_BYTES = 1 << 20
"""What a form may have beside its image."""


class NewSamples(serializers.Serializer[Any]):
    """Samples the hub has (`sample_id` or `sample_ids`), or one image (`file`, in a multipart form) with what is known of it."""

    sample_id = serializers.CharField(max_length=200, required=False)
    sample_ids = serializers.ListField(child=serializers.CharField(max_length=200), max_length=verbs.MAX_IDS, required=False)
    file = serializers.FileField(max_length=255, required=False)
    annotations = serializers.JSONField(required=False, allow_null=True, default=None)
    city = serializers.CharField(max_length=64, required=False)
    captured_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    metadata = serializers.JSONField(required=False, default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Insist on exactly one way of saying which sample is meant."""
        if len({"sample_id", "sample_ids", "file"} & set(attrs)) != 1:
            raise serializers.ValidationError("Send one of sample_id, sample_ids and file.")
        return attrs


class ChangedSample(serializers.Serializer[Any]):
    """What of a sample may change; what is not sent stays. `annotations` is an annotation value, and becomes a new label."""

    annotations = serializers.JSONField(required=False, allow_null=True, default=None)
    metadata = serializers.JSONField(required=False, allow_null=True, default=None)
    notes = serializers.CharField(max_length=2_000, allow_blank=True, default="")


class Verdict(serializers.Serializer[Any]):
    """Whether a sample is good enough to learn from."""

    decision = serializers.ChoiceField(choices=verbs.DECISIONS)
    reason = serializers.CharField(max_length=verbs.MAX_REASON, allow_blank=True, default="")
    quality_score = serializers.DecimalField(
        max_digits=4, decimal_places=3, min_value=0, max_value=1, required=False, allow_null=True, default=None
    )


class Samples(APIView):
    """The samples of a dataset."""

    permission = Permission.VIEW_TRAINING
    parser_classes = [JSONBody, MultiPartParser]

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> HttpResponse:
        """Answer a page, newest first; filters: is_labeled, is_verified. Plain rows: a dataset may have a million."""
        cursor, size = request.GET.get("cursor", ""), page_size(request.GET.get("page_size"))
        dataset = own_dataset(request, pk)
        page = page_of(dataset, speaker(request), flags=_switches(request), cursor=cursor, size=size)
        return HttpResponse(orjson.dumps({"results": page.results, "next": page.next}), content_type="application/json")

    @extend_schema(request=NewSamples, responses={201: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Bring samples in, and answer them; what is in the dataset already is answered as it is."""
        dataset, user = own_dataset(request, pk), speaker(request)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.UPLOAD_MAX_BYTES + FORM_BYTES:
            raise BodyTooLarge(f"An image may have {settings.UPLOAD_MAX_BYTES:,} bytes at most.")
        asked = read_body(NewSamples, request)
        if "file" in asked:
            place = verbs.upload(dataset, by=user, **_file_of(asked, user))
        elif "sample_id" in asked:
            [place] = verbs.add_known(dataset, [asked["sample_id"]], by=user)
        else:
            rows = verbs.add_known(dataset, asked["sample_ids"], by=user)
            shown = _places(dataset).filter(pk__in=[row.pk for row in rows]).order_by("sample_id")
            return Response({"results": [document(row, user) for row in shown]}, status=201)
        return Response(document(found(_places(dataset), pk=place.pk), user), status=201)


class Sample(APIView):
    """One sample of a dataset."""

    permission = Permission.VIEW_TRAINING

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str, sample: str) -> Response:
        """Answer it."""
        return Response(document(_place(request, pk, sample), speaker(request)))

    @extend_schema(request=ChangedSample, responses=dict)
    def put(self, request: Request, pk: str, sample: str) -> Response:
        """Correct its annotations, by a new label, or change its metadata; frozen versions keep what they have."""
        verbs.revise(_place(request, pk, sample), by=speaker(request), **read_body(ChangedSample, request))
        return Response(document(_place(request, pk, sample), speaker(request)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str, sample: str) -> Response:
        """Take it out of the dataset; the store and frozen versions keep it."""
        verbs.remove(_place(request, pk, sample), by=speaker(request))
        return Response(status=204)


class Verify(APIView):
    """Judge whether a sample may be learned from."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=Verdict, responses=dict)
    def post(self, request: Request, pk: str, sample: str) -> Response:
        """Approve it, or reject it with a reason, and score its quality."""
        verbs.verify(_place(request, pk, sample), by=speaker(request), **read_body(Verdict, request))
        return Response(document(_place(request, pk, sample), speaker(request)))


class Next(APIView):
    """The queue of samples to be verified."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Claim the next samples for some minutes (one to judge, one to fetch ahead); none where nothing is left."""
        dataset, user = own_dataset(request, pk), speaker(request)
        claimed = verdicts.claim(dataset, by=user)
        return Response({"results": [{**document(row, user), "claimed_until": row.claimed_until} for row in claimed]})


class Undo(APIView):
    """Taking back."""

    permission = Permission.MANAGE_DATASETS

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Take back one's last verdict of the last hour, and answer its sample, claimed again."""
        place = verdicts.undo(own_dataset(request, pk), by=speaker(request))
        return Response(document(found(_places(place.dataset), pk=place.pk), speaker(request)))


def document(place: TrainingSample, viewer: User) -> dict[str, Any]:
    """Answer a sample as the seeds spell it; who labeled and verified it is for the hub's own people."""
    shown = ("file_type", "file_size", "labels", "annotations", "source_camera_id", "captured_at", "metadata")
    standing = ("is_labeled", "is_verified", "quality_score", "rejection_reason", "created_at")
    people = {"labeled_by": place.labeled_by_id, "verified_by": place.verified_by_id}
    return {
        "id": place.pk,
        "dataset_id": place.dataset_id,
        "sample_id": place.sample.sample_id,
        "file_url": picture_url(place.sample, viewer) or None,
        **{name: getattr(place, name) for name in (*shown, *standing)},
        **(people if viewer.is_hub_staff else {}),
    }


def own_dataset(request: Request, pk: str) -> TrainingDataset:
    """Answer a dataset whose inside the speaker may see; raises Missing."""
    rows = TrainingDataset.objects.visible_to(speaker(request)).select_related("module", "organization")
    dataset: TrainingDataset = found(rows, pk=pk)
    if not is_own(dataset, speaker(request)):
        raise Missing("There is no such dataset, or it is not within your reach.")
    return dataset


def _places(dataset: TrainingDataset) -> Any:
    return dataset.samples.select_related("dataset__organization", "sample__object", "sample__city")


def _place(request: Request, pk: str, sample: str) -> TrainingSample:
    place: TrainingSample = found(_places(own_dataset(request, pk)), pk=sample)
    return place


def _file_of(asked: dict[str, Any], user: User) -> dict[str, Any]:
    """Answer what the form says of its image, in the verb's words."""
    if asked["file"].size > settings.UPLOAD_MAX_BYTES:
        raise BodyTooLarge(f"An image may have {settings.UPLOAD_MAX_BYTES:,} bytes at most.")
    return {
        "content": asked["file"].read(),
        "source_name": asked["file"].name[:255],
        "city": found(City.objects.visible_to(user), slug=asked["city"]) if "city" in asked else None,
        **{name: asked[name] for name in ("annotations", "captured_at", "metadata")},
    }


def _switches(request: Request) -> dict[str, bool]:
    asked = {name: request.GET[name] for name in FLAGS if name in request.GET}
    if not set(asked.values()) <= set(SWITCH):
        raise Malformed(f"{' and '.join(FLAGS)} are true or false.")
    return {name: SWITCH[text] for name, text in asked.items()}
