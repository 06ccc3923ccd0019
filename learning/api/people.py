"""`learning/people`, `images` and `collections`: whose images there are, on what terms, and how they are collected."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.policy import Permission, is_allowed
from core.errors import Malformed
from core.pages import found
from core.paging import keyset_page, page_size
from learning import people_figures as figures
from learning.actions import collection as collections
from learning.actions import image as images
from learning.actions import person as people
from learning.api.wire import signed_url
from learning.models import AiModule, CollectionSession, Image, ImageSource, Person, PersonStatus, SessionStatus

SWITCH = {"true": True, "false": False}
MAX_FILTER = 255
PAGING = [OpenApiParameter(name) for name in ("cursor", "page_size")]
PERSON = [
    "id",
    "full_name",
    "normalized_name",
    "domain",
    "wikidata_id",
    "primary_image_url",
    "sitelinks",
    "occupation",
    "country",
    "description",
    "status",
    "folder_path",
    "total_images",
    "images_from_wikimedia",
    "images_from_serp",
    "trainable",
    "hindrance",
    "consent",
    "consent_at",
    "collection_error",
    "created_at",
    "trained_at",
    "deployed_at",
]
IMAGE = [
    "id",
    "person_id",
    "filename",
    "file_path",
    "file_size",
    "sha256",
    "source",
    "source_url",
    "licence",
    "author",
    "attribution",
    "is_validated",
    "width",
    "height",
    "validation_error",
    "downloaded_at",
    "validated_at",
    "reference",
]
SESSION = [
    "session_id",
    "country",
    "occupation",
    "domain",
    "status",
    "total_people",
    "people_completed",
    "people_failed",
    "total_images_downloaded",
    "images_from_wikimedia",
    "images_from_serp",
    "images_refused",
    "searches",
    "percent",
    "estimated_serp_cost",
    "started_at",
    "completed_at",
    "error_message",
]


class ConsentOfPerson(serializers.Serializer[Any]):
    """Whether the person consents to be trained on."""

    consent = serializers.BooleanField()


class NewCollection(serializers.Serializer[Any]):
    """Whom to collect: people of an occupation and country, or `names` (names or Wikidata ids)."""

    domain = serializers.CharField(max_length=people.MAX_DOMAIN)
    ai_module = serializers.CharField(max_length=64)
    occupation = serializers.CharField(max_length=collections.MAX_OCCUPATION, allow_blank=True, default="")
    country = serializers.CharField(max_length=collections.MAX_COUNTRY, allow_blank=True, default="")
    names = serializers.ListField(
        child=serializers.CharField(max_length=collections.MAX_NAME), max_length=collections.MAX_PEOPLE, default=list
    )
    people = serializers.IntegerField(min_value=1, max_value=collections.MAX_PEOPLE, default=20)
    images_per_person = serializers.IntegerField(min_value=1, max_value=collections.MAX_IMAGES, default=40)
    use_serp = serializers.BooleanField(default=False)


class People(APIView):
    """The people."""

    permission = Permission.VIEW_COLLECTION

    @extend_schema(
        operation_id="learning_people_list",
        parameters=[
            *PAGING,
            OpenApiParameter("status", enum=PersonStatus.values),
            *(OpenApiParameter(name) for name in ("domain", "trainable", "consent", "needs_more", "wikidata_id", "session_id")),
        ],
        responses=dict,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of people, newest first; `needs_more` are those in training with too few images."""
        rows = Person.objects.visible_to(speaker(request)).select_related("session")
        rows = _narrowed(rows, request, {"domain": "domain", "wikidata_id": "wikidata_id", "session_id": "session__session_id"})
        rows = _chosen(rows, request, "status", PersonStatus.values)
        for name in ("trainable", "consent"):
            rows = rows.filter(**{name: wanted}) if (wanted := _switch(request, name)) is not None else rows
        if _switch(request, "needs_more"):
            rows = rows.needing_more()
        return _page(rows, request, person_document)


class PersonView(APIView):
    """One person."""

    permission = Permission.VIEW_COLLECTION

    @extend_schema(operation_id="learning_people_retrieve", responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer them."""
        return Response(person_document(found(Person.objects.visible_to(speaker(request)), pk=pk)))


class PersonConsent(APIView):
    """Note whether a person consents."""

    permission = Permission.MANAGE_COLLECTION

    @extend_schema(request=ConsentOfPerson, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Note it; without consent none of the images is in a version that is frozen from now on."""
        asked = ConsentOfPerson(data=request.data)
        asked.is_valid(raise_exception=True)
        person = found(Person.objects.visible_to(speaker(request)), pk=pk)
        people.set_consent(person, by=speaker(request), given=asked.validated_data["consent"])
        return Response(person_document(found(Person.objects.all(), pk=pk)))


class Images(APIView):
    """The images of people."""

    permission = Permission.VIEW_COLLECTION

    @extend_schema(
        operation_id="learning_images_list",
        parameters=[
            *PAGING,
            OpenApiParameter("person", int),
            OpenApiParameter("source", enum=ImageSource.values),
            OpenApiParameter("is_validated"),
        ],
        responses=dict,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of images, newest first."""
        rows = _image_rows(request)
        if person := request.GET.get("person"):
            if not (person.isascii() and person.isdigit() and len(person) < 19):
                raise Malformed("person is a number.")
            rows = rows.filter(person=int(person))
        rows = _chosen(rows, request, "source", ImageSource.values)
        if (wanted := _switch(request, "is_validated")) is not None:
            rows = rows.filter(is_validated=wanted)
        shows = is_allowed(request.user, Permission.VIEW_IMAGES)
        return _page(rows, request, lambda row: image_document(row, with_image=shows))


class ImageView(APIView):
    """One image of a person."""

    permission = Permission.VIEW_COLLECTION

    @extend_schema(operation_id="learning_images_retrieve", responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it, with signed addresses."""
        shows = is_allowed(request.user, Permission.VIEW_IMAGES)
        return Response(image_document(found(_image_rows(request), pk=pk), with_image=shows))


class ValidateImage(APIView):
    """Look for the face again."""

    permission = Permission.MANAGE_COLLECTION

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Validate it anew, as after the extra `media` was installed."""
        image = images.validate(found(_image_rows(request), pk=pk), by=speaker(request))
        return Response(image_document(image, with_image=is_allowed(request.user, Permission.VIEW_IMAGES)))


class Collections(APIView):
    """The collections."""

    permission = Permission.VIEW_COLLECTION

    @extend_schema(
        operation_id="learning_collections_list",
        parameters=[*PAGING, OpenApiParameter("status", enum=SessionStatus.values)],
        responses=dict,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of collections, newest first."""
        rows = CollectionSession.objects.visible_to(speaker(request)).select_related("module")
        return _page(_chosen(rows, request, "status", SessionStatus.values), request, session_document)

    @extend_schema(request=NewCollection, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Begin one; a worker does it."""
        asked = NewCollection(data=request.data)
        asked.is_valid(raise_exception=True)
        facts = dict(asked.validated_data)
        module = found(AiModule.objects.visible_to(speaker(request)), slug=facts.pop("ai_module"))
        return Response(session_document(collections.start(by=speaker(request), module=module, **facts)), status=201)


class Collection(APIView):
    """One collection."""

    permission = Permission.VIEW_COLLECTION

    @extend_schema(operation_id="learning_collections_retrieve", responses=dict)
    def get(self, request: Request, session_id: str) -> Response:
        """Answer how far it is."""
        return Response(session_document(_session(request, session_id)))


class CancelCollection(APIView):
    """Stop a collection."""

    permission = Permission.MANAGE_COLLECTION

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, session_id: str) -> Response:
        """Stop it; what it has stays."""
        return Response(session_document(collections.cancel(_session(request, session_id), by=speaker(request))))


class ResumeCollection(APIView):
    """Go on with a collection."""

    permission = Permission.MANAGE_COLLECTION

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, session_id: str) -> Response:
        """Go on with one that failed or was cancelled."""
        return Response(session_document(collections.resume(_session(request, session_id), by=speaker(request))))


class Figures(APIView):
    """The four questions about collecting."""

    permission = Permission.VIEW_COLLECTION

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer images per source, who needs more, cost by month, and people with the same Wikidata id."""
        return Response({slug.replace("-", "_"): table.read() for slug, table in figures.TABLES.items()})


def person_document(person: Person) -> dict[str, Any]:
    """Answer a person as the seeds spell it."""
    return {name: getattr(person, name) for name in PERSON}


def image_document(image: Image, *, with_image: bool) -> dict[str, Any]:
    """Answer an image as the seeds spell it, with its sample; addresses only to who may view images."""
    obj = image.sample.object if image.sample else None
    shown = obj if with_image else None
    return {
        **{name: getattr(image, name) for name in IMAGE},
        "sample_id": image.sample.sample_id if image.sample else None,
        "image_url": signed_url(shown),
        "thumbnail_url": signed_url(shown.thumbnail if shown else None),
    }


def session_document(session: CollectionSession) -> dict[str, Any]:
    """Answer a collection as the seeds spell it."""
    return {**{name: getattr(session, name) for name in SESSION}, "ai_module": session.module.slug, "plan": session.plan}


def _image_rows(request: Request) -> QuerySet[Image]:
    return Image.objects.visible_to(speaker(request)).select_related("person", "sample__object__thumbnail")


def _session(request: Request, session_id: str) -> CollectionSession:
    rows = CollectionSession.objects.visible_to(speaker(request)).select_related("module")
    session: CollectionSession = found(rows, session_id=session_id)
    return session


def _page(rows: Any, request: Request, tell: Any) -> Response:
    page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
    return Response({"results": [tell(row) for row in page.results], "next": page.next})


def _narrowed(rows: Any, request: Request, columns: dict[str, str]) -> Any:
    for name, column in columns.items():
        if value := request.GET.get(name):
            if len(value) > MAX_FILTER or "\0" in value:
                raise Malformed(f"{name} is no such word.")
            rows = rows.filter(**{column: value})
    return rows


def _chosen(rows: Any, request: Request, name: str, values: list[str]) -> Any:
    value = request.GET.get(name)
    if value and value not in values:
        raise Malformed(f"{name} is one of {', '.join(values)}.")
    return rows.filter(**{name: value}) if value else rows


def _switch(request: Request, name: str) -> bool | None:
    text = request.GET.get(name)
    if text and text not in SWITCH:
        raise Malformed(f"{name} is true or false.")
    return SWITCH[text] if text else None
