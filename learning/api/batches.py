"""`learning/batches`: how a city brings its samples (DESIGN: upload protocol)."""

from threading import BoundedSemaphore
from typing import Any

import msgspec
import orjson
from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import scopes_of
from accounts.api.authorise import BodyTooLarge, speaker
from accounts.models import Role
from accounts.policy import Permission
from core.errors import Malformed, Missing
from core.pages import found
from learning.actions import batch as batches
from learning.actions.arrival import Answer
from learning.api.wire import batch_document
from learning.items import parts
from learning.models import City, UploadBatch

AT_ONCE = BoundedSemaphore(1)
NO_ITEMS = "The body must be an object with a list of items."


class OpenBatch(serializers.Serializer[Any]):
    """What opens a batch; without a day, it is the city's today."""

    city = serializers.CharField(max_length=64)
    day = serializers.DateField(required=False)
    client_batch_id = serializers.CharField(max_length=120, required=False, allow_null=True)


class AddItems(serializers.Serializer[Any]):
    """Up to 10,000 items (docs/wire); they are checked one by one, so that a bad one gets its reason."""

    items = serializers.ListField(child=serializers.DictField())


class SealBatch(serializers.Serializer[Any]):
    """Count and hash of the accepted items' lines."""

    items = serializers.IntegerField(min_value=0, max_value=100_000_000)
    sha256 = serializers.RegexField("^[0-9a-f]{64}$")


class FastJSONParser(BaseParser):
    """JSON by orjson: a body of ten thousand items is read in a third of the time."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Read it; raises ParseError and BodyTooLarge.

        It is read from the stream: Django would keep it with the request, which lives until the collector comes by.
        """
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLarge("The body is larger than this hub takes; send fewer items at once.")
        try:
            return self.loads(body)
        except (orjson.JSONDecodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError("The body is no JSON.") from error

    def loads(self, body: bytes) -> Any:
        """Decode the body."""
        return orjson.loads(body)


class ItemsParser(FastJSONParser):
    """Parts the body into its items: one that is wrong is one that is rejected."""

    def loads(self, body: bytes) -> Any:
        """Answer the items; raises Malformed for other JSON."""
        try:
            return parts(body)
        except msgspec.ValidationError as error:
            raise Malformed(NO_ITEMS) from error


class BatchView(APIView):
    """What all batch views share: a city reads and writes its own, the hub's people read."""

    parser_classes = [FastJSONParser]

    @property
    def permission(self) -> Permission:
        """Uploading is for cities; looking also for who may view the store."""
        writes = self.request.method not in {"GET", "HEAD", "OPTIONS"}
        speaks = getattr(self.request.user, "role", None) == Role.CITY
        return Permission.UPLOAD_BATCH if writes or speaks else Permission.VIEW_STORE

    def batch(self, name: str) -> UploadBatch:
        """Answer the batch of this name, within reach; raises Missing."""
        return found(UploadBatch.objects.visible_to(speaker(self.request)).select_related("city"), pk=name)


class Batches(BatchView):
    """Open a batch."""

    @extend_schema(request=OpenBatch, responses={201: dict, 200: dict})
    def post(self, request: Request) -> Response:
        """Answer the open batch of the day, or open one."""
        asked = OpenBatch(data=request.data)
        asked.is_valid(raise_exception=True)
        facts = asked.validated_data
        city = City.objects.visible_to(speaker(request)).filter(slug=facts["city"]).first()
        if city is None:
            raise Missing("There is no such city.")
        day = facts.get("day") or timezone.now().astimezone(city.zone).date()
        batch, opened = batches.open_batch(city, day, by=speaker(request), client_batch_id=facts.get("client_batch_id"))
        return Response(batch_document(batch), status=201 if opened else 200)


class Batch(BatchView):
    """Look at a batch."""

    @extend_schema(responses=dict)
    def get(self, request: Request, name: str) -> Response:
        """Answer its state, its counts and the first of its rejections."""
        return Response(batch_document(self.batch(name)))


def _spelled(answer: Answer) -> bytes:
    return msgspec.json.encode(batches.as_wire(answer))  # orjson gives each of them four kilobytes


class Items(BatchView):
    """Add items to a batch; a process takes one body at a time, for ten thousand items take forty megabytes."""

    parser_classes = [ItemsParser]

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer as any view, and let the body go at once: rest_framework's request holds itself until the collector comes by."""
        with AT_ONCE:
            try:
                return super().dispatch(*args, **kwargs)
            finally:
                self.request.parser_context.clear()

    @extend_schema(request=AddItems, responses=dict)
    def post(self, request: Request, name: str) -> HttpResponse:
        """Answer for each item, in order, what became of it."""
        adopt = "objects:adopt" in scopes_of(request)
        if not isinstance(request.data, list):  # an empty body is parsed by nobody
            raise Malformed(NO_ITEMS)
        results = batches.take_items(self.batch(name), request.data, by=speaker(request), adopt=adopt, spell=_spelled)
        return HttpResponse(b'{"results":[%b]}' % b",".join(results), content_type="application/json")


class Seal(BatchView):
    """Seal a batch."""

    @extend_schema(request=SealBatch, responses={202: dict})
    def post(self, request: Request, name: str) -> Response:
        """Close it over its accepted items; workers then verify them."""
        asked = SealBatch(data=request.data)
        asked.is_valid(raise_exception=True)
        batch = batches.seal(self.batch(name), by=speaker(request), **asked.validated_data)
        return Response(batch_document(batch), status=202)
