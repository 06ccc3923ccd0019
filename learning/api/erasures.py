"""`learning/erasures`, `access-exports`, `holds`, `lifecycle`: how data leaves, and what keeps it."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actions import idempotency
from accounts.api.authorise import read_body, speaker
from accounts.policy import Permission
from core.errors import Conflict, Malformed
from core.pages import found
from core.paging import keyset_page, page_size
from learning.actions import access_export as exports
from learning.actions import erasing, hold, lifecycle, retention
from learning.actions import erasure as verbs
from learning.models import AccessExport, AiModule, Camera, City, Erasure, ErasureItem, ErasureState, LearningSample, LegalHold
from learning.models.erasure import Decision, SubjectKind

KINDS = [kind for kind in SubjectKind.values if kind != SubjectKind.LEDGER]
PAGED = [OpenApiParameter("cursor"), OpenApiParameter("page_size")]


class Asked(serializers.Serializer[Any]):
    """A subject: plate {plate}, samples {samples}, event {city, event_id}, camera {city, camera_id, since?, until?}, city, person, user."""

    kind = serializers.ChoiceField(choices=KINDS)
    subject = serializers.JSONField()
    reference = serializers.CharField(max_length=verbs.MAX_REFERENCE, allow_blank=True, default="")


class Chosen(serializers.Serializer[Any]):
    """Whether candidates, by sample_id, are meant."""

    samples = serializers.DictField(child=serializers.BooleanField())


class Decided(serializers.Serializer[Any]):
    """What shall become of a model version; keeping it needs a reason."""

    model = serializers.CharField(max_length=200)
    decision = serializers.ChoiceField(choices=Decision.choices)
    why = serializers.CharField(max_length=verbs.MAX_WHY, allow_blank=True, default="")


class Confirmed(serializers.Serializer[Any]):
    """The words that confirm: "erase" and the number of chosen samples."""

    confirmation = serializers.CharField(max_length=60)


class AskedExport(serializers.Serializer[Any]):
    """A subject, or an erasure whose chosen candidates are meant."""

    kind = serializers.ChoiceField(choices=KINDS, required=False)
    subject = serializers.JSONField(required=False)
    erasure = serializers.UUIDField(required=False)
    reference = serializers.CharField(max_length=exports.MAX_REFERENCE, allow_blank=True, default="")


class Put(serializers.Serializer[Any]):
    """What shall be held: samples by id, or a city, or a camera of it; times bound the capture."""

    samples = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=hold.MAX_SAMPLES)
    city = serializers.CharField(max_length=64, required=False)
    camera_id = serializers.CharField(max_length=120, required=False)
    since = serializers.DateTimeField(required=False, allow_null=True)
    until = serializers.DateTimeField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=hold.MAX_REASON)


class Lifted(serializers.Serializer[Any]):
    """Why a hold is lifted."""

    reason = serializers.CharField(max_length=hold.MAX_REASON)


class ErasureView(APIView):
    """What all views of this room share: who may erase."""

    permission = Permission.ERASE_DATA

    def erasure(self, pk: str) -> Erasure:
        """Answer one erasure; raises Missing."""
        return found(Erasure.objects.select_related("receipt"), pk=pk)


class Erasures(ErasureView):
    """The erasures."""

    @extend_schema(operation_id="learning_erasures_list", parameters=[*PAGED, OpenApiParameter("state")], responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first."""
        rows = Erasure.objects.all()
        if state := request.query_params.get("state"):
            if state not in ErasureState.values:
                raise Malformed(f"state is one of {', '.join(ErasureState.values)}.")
            rows = rows.filter(state=state)
        page = keyset_page(rows, **_paged(request))
        return Response({"results": [erasure_document(row) for row in page.results], "next": page.next})

    @extend_schema(request=Asked, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Ask for an erasure, once for each Idempotency-Key; a worker looks for its candidates, and nothing goes yet."""
        asked = read_body(Asked, request)
        pk = _once(request, lambda: verbs.draft(by=speaker(request), **asked))
        return Response(erasure_document(self.erasure(pk)), status=201)


class OneErasure(ErasureView):
    """One erasure."""

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it with what it would take, what it touches, and the words that confirm it."""
        row = self.erasure(pk)
        touches = row.touches.order_by("kind", "object_id").values("kind", "object_id", "consequence", "decision", "why")
        told = {"preview": verbs.preview(row), "confirmation": verbs.phrase(row)} if row.state == ErasureState.DRAFT else {}
        return Response({**erasure_document(row), **told, "touches": list(touches)})

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Give up a draft."""
        verbs.discard(self.erasure(pk), by=speaker(request))
        return Response(status=204)


class Candidates(ErasureView):
    """What was found for an erasure."""

    @extend_schema(parameters=PAGED, responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page of candidates."""
        rows = ErasureItem.objects.filter(erasure=self.erasure(pk)).select_related("sample")
        page = keyset_page(rows, **_paged(request))
        return Response({"results": [_item(row) for row in page.results], "next": page.next})

    @extend_schema(request=Chosen, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Say of candidates whether they are meant; answers what the erasure would take now."""
        row = verbs.choose(self.erasure(pk), by=speaker(request), chosen=read_body(Chosen, request)["samples"])
        return Response({"preview": verbs.preview(row), "confirmation": verbs.phrase(row)})


class Decisions(ErasureView):
    """What shall become of models that learned from what is erased."""

    @extend_schema(request=Decided, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Decide about one."""
        touch = verbs.decide(self.erasure(pk), by=speaker(request), **read_body(Decided, request))
        return Response({"model": touch.object_id, "decision": touch.decision, "why": touch.why})


class Confirm(ErasureView):
    """Have an erasure done."""

    @extend_schema(request=Confirmed, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Confirm; a worker does it, and nothing brings back what was chosen."""
        row = verbs.confirm(self.erasure(pk), by=speaker(request), **read_body(Confirmed, request))
        return Response(erasure_document(row), status=202)


class Receipt(ErasureView):
    """The receipt of an erasure that is done."""

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it, with an address of the file."""
        row = self.erasure(pk)
        if row.receipt is None:
            raise Conflict(f"This erasure is {row.state}; its receipt is written when it is done.", facts={"state": row.state})
        signed = row.receipt.signed_get(seconds=exports.LINK_SECONDS, filename=f"erasure-{row.pk}.json")
        file = {"url": signed.url, "sha256": row.receipt.sha256, "expires_at": signed.expires_at}
        return Response({**erasing.receipt(row), "finished_at": row.finished_at, "file": file})


class AccessExports(ErasureView):
    """The access exports."""

    @extend_schema(operation_id="learning_access_exports_list", parameters=PAGED, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first."""
        page = keyset_page(AccessExport.objects.select_related("object"), **_paged(request))
        return Response({"results": [export_document(row) for row in page.results], "next": page.next})

    @extend_schema(request=AskedExport, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Have one made by a worker, once for each Idempotency-Key."""
        asked = read_body(AskedExport, request)
        erasure = self.erasure(str(asked["erasure"])) if "erasure" in asked else None
        facts = {"kind": asked.get("kind", ""), "subject": asked.get("subject"), "reference": asked["reference"]}
        pk = _once(request, lambda: exports.ask(by=speaker(request), erasure=erasure, **facts))
        return Response(export_document(found(AccessExport.objects.select_related("object"), pk=pk)), status=202)


class OneAccessExport(ErasureView):
    """One access export."""

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it."""
        return Response(export_document(found(AccessExport.objects.select_related("object"), pk=pk)))


class ExportLink(ErasureView):
    """The file of an access export."""

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer an address that is good for a quarter of an hour; that it was asked for is on record."""
        signed = exports.link(found(AccessExport.objects.select_related("object"), pk=pk), by=speaker(request))
        return Response({"url": signed.url, "expires_at": signed.expires_at})


class Holds(APIView):
    """Legal holds."""

    permission = Permission.MANAGE_RETENTION

    @extend_schema(operation_id="learning_holds_list", parameters=PAGED, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of those that stand, newest first."""
        rows = LegalHold.objects.standing().select_related("city", "camera", "sample")
        page = keyset_page(rows, **_paged(request))
        return Response({"results": [hold_document(row) for row in page.results], "next": page.next})

    @extend_schema(request=Put, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Hold samples, a camera or a city."""
        asked, by = read_body(Put, request), speaker(request)
        if "samples" in asked:
            samples = list(LearningSample.objects.select_related("city").filter(sample_id__in=asked["samples"]))
            if len(samples) < len(set(asked["samples"])):
                raise Malformed("One of these samples is not known.")
            put = hold.put_on_samples(samples, by=by, reason=asked["reason"])
        else:
            city = found(City.objects.all(), slug=asked.get("city", ""))
            camera = found(Camera.objects.all(), city=city, camera_id=asked["camera_id"]) if "camera_id" in asked else None
            times = {"since": asked.get("since"), "until": asked.get("until")}
            put = [hold.put(city, by=by, reason=asked["reason"], camera=camera, **times)]
        return Response({"results": [hold_document(row) for row in put]}, status=201)


class Lift(APIView):
    """The end of a legal hold."""

    permission = Permission.MANAGE_RETENTION

    @extend_schema(request=Lifted, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Lift it."""
        row = found(LegalHold.objects.select_related("city", "camera", "sample"), pk=pk)
        return Response(hold_document(hold.lift(row, by=speaker(request), **read_body(Lifted, request))))


class Lifecycle(APIView):
    """What the retention rules make due."""

    permission = Permission.MANAGE_RETENTION

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Say what a run would do now, step by step, and do nothing."""
        return Response(lifecycle.plan(by=speaker(request)))


class Rules(APIView):
    """The retention rules of a module: days until its images are archived or deleted, null for never."""

    permission = Permission.MANAGE_RETENTION

    @extend_schema(responses=dict)
    def get(self, request: Request, name: str) -> Response:
        """Answer them, with defaults where nothing was set."""
        return Response(retention.words(retention.policy_of(found(AiModule.objects.all(), slug=name))))

    @extend_schema(request=dict, responses=dict)
    def put(self, request: Request, name: str) -> Response:
        """Set them; a worker puts them on the objects that are there."""
        if not isinstance(request.data, dict):
            raise Malformed("The body must be one JSON object.")
        module = found(AiModule.objects.all(), slug=name)
        return Response(
            retention.words(retention.policy_of(retention.set_rules(module, by=speaker(request), rules=request.data)))
        )


def erasure_document(row: Erasure) -> dict[str, Any]:
    """Answer an erasure; its subject only as long as it is not done."""
    return {
        "id": row.pk,
        "kind": row.kind,
        "subject": row.subject,
        "reference": row.reference,
        "state": row.state,
        "is_gathered": row.gathered_at is not None,
        "requested_at": row.requested_at,
        "due_at": row.due_at,
        "is_late": row.is_late,
        "confirmed_at": row.confirmed_at,
        "finished_at": row.finished_at,
        "waits_for": row.waits_for,
        "counts": row.counts,
    }


def export_document(row: AccessExport) -> dict[str, Any]:
    """Answer an access export."""
    return {
        "id": row.pk,
        "kind": row.kind,
        "reference": row.reference,
        "requested_at": row.requested_at,
        "finished_at": row.finished_at,
        "expires_at": row.expires_at,
        "samples": row.samples,
        "is_there": row.is_there,
    }


def hold_document(row: LegalHold) -> dict[str, Any]:
    """Answer a legal hold."""
    return {
        "id": row.pk,
        "city": row.city.slug,
        "camera_id": row.camera.camera_id if row.camera else None,
        "sample_id": row.sample.sample_id if row.sample else None,
        "since": row.since,
        "until": row.until,
        "reason": row.reason,
        "put_at": row.put_at,
        "lifted_at": row.lifted_at,
        "lift_reason": row.lift_reason,
    }


def _item(row: ErasureItem) -> dict[str, Any]:
    name = row.sample.sample_id if row.sample else None
    return {"sample_id": name, "match": row.match, "found_in": row.found_in, "is_chosen": row.is_chosen, "done_at": row.done_at}


def _paged(request: Request) -> dict[str, Any]:
    given = request.query_params
    return {"cursor": given.get("cursor", ""), "size": page_size(given.get("page_size"))}


def _once(request: Request, verb: Callable[[], Model]) -> str:
    key = request.headers.get("Idempotency-Key", "")
    return idempotency.once(key, [request.path.rstrip("/"), request.data], verb, by=speaker(request))
