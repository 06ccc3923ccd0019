"""`learning/labels`, `learning/objects/:id/url`: each judgement as it was made, and an image by its id."""

from typing import Any
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.models import User
from accounts.policy import Permission
from core.errors import Malformed
from core.pages import found
from core.paging import page_size, scanned_page
from learning.api.wire import label_document
from learning.models import AiModule, City, HitlLabel, LearningSample, StoredObject
from learning.models.label import Decision, LabelSource, LabelStatus
from learning.viewing import handed

WORDS = {"label_status": LabelStatus, "decision": Decision, "label_source": LabelSource}
NAMED = ("sample_id", "ai_module", "city")


class Labels(APIView):
    """All judgements within reach, also those that another replaced or that were taken back."""

    permission = Permission.VIEW_STORE

    @extend_schema(parameters=[OpenApiParameter(name) for name in ("cursor", "page_size", *NAMED, *WORDS)], responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first; where no sample is named a page may be short, and have a next one all the same."""
        user, asked = speaker(request), request.query_params
        rows = HitlLabel.objects.select_related("sample__module", "city")
        if name := asked.get("sample_id"):
            rows = rows.filter(sample=found(LearningSample.objects.visible_to(user), sample_id=name))
        size = page_size(asked.get("page_size"))
        page = scanned_page(rows, _narrowed(user, asked), cursor=asked.get("cursor", ""), size=size)
        return Response({"results": [_document(row) for row in page.results], "next": page.next})


class ObjectUrl(APIView):
    """The image of a sample, by the object's id."""

    permission = Permission.VIEW_IMAGES

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: UUID) -> Response:
        """Answer an address that is good until `expires_at`."""
        seen = LearningSample.objects.visible_to(speaker(request)).verified().filter(object_id=pk)
        picture = found(StoredObject.objects.filter(pk__in=seen.values("object")), pk=pk)
        handed(picture.name)
        signed = picture.signed_get()
        return Response({"url": signed.url, "expires_at": signed.expires_at})


def _narrowed(user: User, asked: Any) -> Q:
    """Answer what `asked` leaves of the labels of samples that `user` is shown; raises Malformed, Missing."""
    narrow = Q(sample__in=LearningSample.objects.visible_to(user).verified())
    if slug := asked.get("ai_module"):
        narrow &= Q(sample__module=found(AiModule.objects.all(), slug=slug))
    if slug := asked.get("city"):
        narrow &= Q(city=found(City.objects.visible_to(user), slug=slug))
    for name, words in WORDS.items():
        if (value := asked.get(name)) and value not in words.values:
            raise Malformed(f"{name} is one of {', '.join(words.values)}.")
        narrow &= Q(**{name: value}) if value else Q()
    return narrow


def _document(label: HitlLabel) -> dict[str, Any]:
    sample = label.sample
    named = {"sample_id": sample.sample_id, "ai_module": sample.module.slug, "city": label.city.slug}
    return {**named, **label_document(label)}
