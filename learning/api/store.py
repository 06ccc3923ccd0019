"""`learning/cities`, `samples`: reading the store."""

from typing import Any

import orjson
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import authorise, speaker
from accounts.api.openapi import described
from accounts.policy import Permission, is_allowed
from core.errors import Malformed
from core.pages import found
from core.paging import page_size, values_page
from learning.api.wire import city_document, sample_document
from learning.models import AiModule, City, LearningSample, SampleState

LISTED = {
    "sample_id": "sample_id",
    "module__slug": "ai_module",
    "city__slug": "city",
    "camera__camera_id": "camera_id",
    "event_id": "event_id",
    "batch_id": "batch",
    "state": "state",
    "label_status": "label_status",
    "sample_type": "sample_type",
    "captured_at": "captured_at",
    "prediction_json": "prediction",
    "confidence": "confidence",
    "image_quality_score": "image_quality_score",
    "truth_json": "truth",
}
AS_JSON = {f"{name}_json": Cast(name, TextField()) for name in ("prediction", "truth")}
"""What goes from the database into the answer as it is: to decode it and write it anew takes a tenth of the time."""
FILTERS = {
    "ai_module": "module",
    "city": "city",
    "state": "state",
    "label_status": "label_status",
    "batch": "batch_id",
}
BY_SLUG: dict[str, Any] = {"ai_module": AiModule, "city": City}
"""Found by a query of its own within the query, so that the index of its key serves the page."""
MAX_FILTER = 200
SHOWN_PARAMETERS = [OpenApiParameter(name) for name in ("cursor", "page_size", *FILTERS)]


class Cities(APIView):
    """The cities within reach."""

    permission = Permission.VIEW_STORE

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of them."""
        cities = City.objects.visible_to(speaker(request))
        size = page_size(request.query_params.get("page_size"))
        page = values_page(cities, ["pk"], cursor=request.query_params.get("cursor", ""), size=size)
        rows = cities.in_bulk([row["pk"] for row in page.results])
        return Response({"results": [city_document(rows[row["pk"]]) for row in page.results], "next": page.next})


class Sample(APIView):
    """One sample."""

    permission = Permission.VIEW_STORE

    @extend_schema(responses=dict)
    def get(self, request: Request, sample_id: str) -> Response:
        """Answer it with all that was said of it."""
        samples = LearningSample.objects.visible_to(speaker(request)).verified()
        joined = samples.select_related("module", "city", "camera", "object__thumbnail")
        sample = found(joined, sample_id=sample_id)
        return Response(sample_document(sample, with_image=is_allowed(request.user, Permission.VIEW_IMAGES)))


@described("GET", operation_id="learning_samples_list", parameters=SHOWN_PARAMETERS, responses=dict)
@require_GET
@authorise(Permission.VIEW_STORE)
def samples(request: HttpRequest) -> HttpResponse:
    """Answer a page of samples, newest first, filtered by module, city, state, label status, batch."""
    rows = LearningSample.objects.visible_to(speaker(request)).verified()
    for name, column in FILTERS.items():
        if value := request.GET.get(name):
            rows = rows.filter(**{column: _meant(name, value)})
    page = values_page(
        rows.annotate(**AS_JSON),
        list(LISTED),
        cursor=request.GET.get("cursor", ""),
        size=page_size(request.GET.get("page_size")),
    )
    for row in page.results:
        for name in AS_JSON:
            row[name] = row[name] and orjson.Fragment(row[name])
    results: list[dict[str, Any]] = [{shown: row[column] for column, shown in LISTED.items()} for row in page.results]
    return HttpResponse(orjson.dumps({"results": results, "next": page.next}), content_type="application/json")


def _meant(name: str, value: str) -> Any:
    wanted = _checked(name, value)
    return BY_SLUG[name].objects.filter(slug=wanted).values("pk")[:1] if name in BY_SLUG else wanted


def _checked(name: str, value: str) -> str:
    if len(value) > MAX_FILTER or "\0" in value:
        raise Malformed(f"{name} is no such word.")
    if name == "state" and value not in SampleState.values:
        raise Malformed(f"state is one of {', '.join(SampleState.values)}.")
    return value
