"""`edge/…`: all that an edge server ever asks the hub."""

import re
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from accounts.api.authentication import KeyAuthentication, authenticate_header
from accounts.api.authorise import authorise, read_body, speaker
from accounts.api.openapi import described
from accounts.policy import Permission, is_allowed
from core.errors import Missing
from core.pages import found
from core.prepared import Prepared
from deployments import reports
from deployments.actions import deployment as deployment_verbs
from deployments.actions import edge_server as edge_verbs
from deployments.api import wire
from deployments.api.poll import is_whole, retry_after
from deployments.assignments import assignment_for
from deployments.mirror import MIRROR
from deployments.models import EdgeServer, ModelDeployment
from deployments.presence import sha256_of
from training import trust
from training.models import TrustRole

TRUST_FILE = re.compile(r"(?:([1-9][0-9]{0,9})\.)?(root|timestamp|snapshot|targets|assignments|org-[1-9][0-9]{0,17})\.json")


class EnrolThrottle(SimpleRateThrottle):
    """A code cannot be guessed anyway; this keeps the trying from costing us anything."""

    scope = "enrol"
    rate = "30/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Count per address."""
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class Enrol(APIView):
    """Become an edge server, by a one-time code."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [EnrolThrottle]

    @extend_schema(request=wire.Enrolment, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Answer the edge's id and the root of trust; again the same for the same code and key."""
        return Response(edge_verbs.enrol(**read_body(wire.Enrolment, request)), status=201)


class EdgeView(APIView):
    """What an edge says, by its key."""

    authentication_classes = [KeyAuthentication]
    permission = Permission.SPEAK_AS_EDGE

    def deployment(self, pk: str) -> ModelDeployment:
        """Answer a deployment of the edge that speaks; raises Missing."""
        return found(ModelDeployment.objects.filter(edge_server__user=speaker(self.request)), pk=pk)


class Download(EdgeView):
    """Fetch what is assigned."""

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer a signed address, good for 15 minutes at most."""
        signed = deployment_verbs.download(self.deployment(pk), by=speaker(request))
        return Response({"url": signed.url, "expires_at": signed.expires_at})


class Reports(EdgeView):
    """Say how a deployment goes."""

    @extend_schema(request=wire.ReportsSaid, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer where the deployment stands by all that was said of it."""
        said = [reports.heard(**report) for report in read_body(wire.ReportsSaid, request)["reports"]]
        deployment = deployment_verbs.report(self.deployment(pk), said, by=speaker(request))
        return Response({"status": deployment.status})


class Heartbeat(EdgeView):
    """Say what one runs."""

    @extend_schema(request=wire.HeartbeatSaid, responses=dict)
    def post(self, request: Request) -> Response:
        """Answer how often to ask."""
        said = read_body(wire.HeartbeatSaid, request)
        slots = [_slot_report(slot) for slot in said["slots"]]
        facts = said["edge_version"], said["runtime"], slots, said["telemetry"], sha256_of(request.data), is_whole()
        body = edge_verbs.Heartbeat(*facts)
        return Response(edge_verbs.heartbeat(speaking(speaker(request)), body, by=speaker(request)))


@described(
    "GET",
    operation_id="edge_assignment",
    parameters=[OpenApiParameter("If-None-Match", location=OpenApiParameter.HEADER)],
    responses={200: dict, 304: None},
)
@require_safe
@authorise(Permission.SPEAK_AS_EDGE)
def assignment(request: HttpRequest) -> HttpResponse:
    """Answer what this edge shall run, signed; 304 while nothing has changed. Retry-After: seconds to the next poll."""
    body, etag = assignment_for(speaking(speaker(request)))
    quoted = f'"{etag}"'
    if quoted in request.headers.get("If-None-Match", ""):
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(body, content_type="application/json")
    answer["ETag"] = quoted
    answer["Cache-Control"] = "private, no-cache"
    answer["Retry-After"] = retry_after(MIRROR.poll_seconds or settings.EDGE_POLL_SECONDS)
    return answer


@described("GET", operation_id="edge_trust_file", auth=[], responses=dict)
@require_safe
@login_not_required
def trust_file(request: HttpRequest, name: str) -> HttpResponse:
    """Answer a trust document by its TUF file name: `1.root.json`, `timestamp.json`, `3.targets.json`.

    All are public but an organization's own list (`2.org-5.json`), which only its own edges are shown.
    """
    named = TRUST_FILE.fullmatch(name)
    if named is None or (named[1] is None) != (named[2] == TrustRole.TIMESTAMP):
        raise Missing("There is no such trust document.")
    is_own = trust.is_organization(named[2])
    if is_own and not _is_edge_of(request, named[2]):
        raise Missing("There is no such trust document.")
    trust.init()
    body = trust.metadata(named[2], int(named[1]) if named[1] else None)
    lasting = f"{'private' if is_own else 'public'}, max-age=31536000, immutable" if named[1] else "no-cache"
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": lasting})


def _is_edge_of(request: HttpRequest, role: str) -> bool:
    """Tell whether an edge of the organization speaks whose list `role` is."""
    try:
        spoken = authenticate_header(request.META.get("HTTP_AUTHORIZATION", ""))
    except APIException:
        return False
    if not spoken or not is_allowed(spoken[0], Permission.SPEAK_AS_EDGE):
        return False
    return role == trust.role_of(spoken[0].organization_id)


def speaking(user: Any) -> EdgeServer:
    """Answer the edge server whose machine user speaks; raises Missing for one that is in service no more."""
    edge = _OF_USER.first(user=user.pk)
    if edge is None:
        raise Missing("This key is of no edge server that is in service.")
    return edge


_OF_USER = Prepared(lambda user: EdgeServer.objects.in_service().filter(user=user).select_related("organization")[:1], user=int)


def _slot_report(said: dict[str, Any]) -> edge_verbs.SlotReport:
    left = edge_verbs.Left(**said["left"]) if said["origin"] == "local" and said["left"] else None
    versions = said["active_version"] or "", said["previous_version"] or ""
    return edge_verbs.SlotReport(said["ai_module"], *versions, said["counter"], left)
