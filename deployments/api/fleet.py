"""`deployments/…` and the deployment side of `training/models`: the fleet and what is sent to it, for people."""

from collections.abc import Callable
from typing import Any

from django.db.models import Count, Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.api.authorise import read_body, speaker
from accounts.models import Organization
from accounts.policy import Permission
from core.pages import found
from core.paging import keyset_page, page_size
from deployments import history
from deployments.actions import deployment as deployment_verbs
from deployments.actions import edge_server as edge_verbs
from deployments.actions import fleet as fleet_verbs
from deployments.actions import rollback
from deployments.actions import rollout as rollout_verbs
from deployments.api import wire
from deployments.models import EdgeServer, EdgeSlot, ModelDeployment, Rollout
from deployments.narrowing import STANDS, narrowed
from deployments.version_map import version_map
from learning.models import AiModule, City
from training.models import ModelVersion


class Edges(APIView):
    """The edge servers within reach."""

    permission = Permission.VIEW_FLEET

    @extend_schema(parameters=[wire.EdgesAsked], responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of them with their slots, newest first; narrowed to those that stand so (drift, silent, held, new, old_agent)."""
        asked = _asked(wire.EdgesAsked, request)
        stands = tuple(word for word in STANDS if asked.pop(word))
        chosen = {name: value for name, value in asked.items() if value}
        if "ai_module" in chosen:
            chosen["module"] = found(AiModule.objects.all(), slug=chosen.pop("ai_module"))
        if "city" in chosen:
            chosen["city"] = found(City.objects.visible_to(speaker(request)), slug=chosen["city"])
        return _page(request, narrowed(_edges(request), stands, **chosen), wire.edge_document)


class EdgeMap(APIView):
    """Which version of a module runs where."""

    permission = Permission.VIEW_FLEET

    @extend_schema(parameters=[wire.MapAsked], responses=dict)
    def get(self, request: Request) -> Response:
        """Answer, of the edges within reach, how many run which version, as a whole and by city."""
        module = found(AiModule.objects.all(), slug=_asked(wire.MapAsked, request)["ai_module"])
        shown = version_map(EdgeServer.objects.visible_to(speaker(request)), module)
        return Response({"ai_module": module.slug, **shown.as_document()})


class EdgeHistory(APIView):
    """Which version ran on an edge on a day."""

    permission = Permission.VIEW_FLEET

    @extend_schema(parameters=[wire.DayAsked], responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it of each module, in order, with what the edge measured that day; the day (today) is that of the edge's city."""
        edge = found(_edges(request), pk=pk)
        day = _asked(wire.DayAsked, request)["on"] or timezone.localdate(timezone=history.zone_of(edge))
        ran = [wire.ran_document(one) for one in history.ran_on(edge, day)]
        begins, ends = history.day_of(edge, day)
        return Response({"on": day, "begins": begins, "ends": ends, "ran": ran})


class Edge(APIView):
    """One edge server."""

    @property
    def permission(self) -> Permission:
        """Looking and describing need different permissions."""
        return Permission.MANAGE_EDGES if self.request.method == "PATCH" else Permission.VIEW_FLEET

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it with its slots."""
        return Response(wire.edge_document(found(_edges(request), pk=pk)))

    @extend_schema(request=wire.EdgeDescribed, responses=dict)
    def patch(self, request: Request, pk: str) -> Response:
        """Say its group, labels and window; what is not named stays."""
        edge = found(_edges(request), pk=pk)
        return Response(
            wire.edge_document(fleet_verbs.describe(edge, by=speaker(request), **read_body(wire.EdgeDescribed, request)))
        )


class Retire(APIView):
    """Take an edge out of service."""

    permission = Permission.MANAGE_EDGES

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer the edge server; its keys have ended."""
        fleet_verbs.retire(found(_edges(request), pk=pk), by=speaker(request))
        return Response(wire.edge_document(found(_edges(request), pk=pk)))


class ReplaceHardware(APIView):
    """Let a new machine be an edge."""

    permission = Permission.MANAGE_EDGES

    @extend_schema(request=None, responses={201: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Answer the enrolment code, shown this once; the old machine's key has ended."""
        edge, code = fleet_verbs.replace_hardware(found(_edges(request), pk=pk), by=speaker(request))
        return Response({"edge_server_id": edge.pk, "code": code, "attempt": edge.attempt}, status=201)


class Rollouts(APIView):
    """Rollouts: the list, and a new one."""

    @property
    def permission(self) -> Permission:
        """Looking and starting need different permissions."""
        return Permission.DEPLOY if self.request.method == "POST" else Permission.VIEW_FLEET

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page, newest first."""
        return _page(request, _rollouts(request), wire.rollout_document)

    @extend_schema(request=wire.RolloutAsked, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Start one."""
        asked = read_body(wire.RolloutAsked, request)
        version = found(_versions(request), pk=asked["model_version"])
        edges = None if asked["edges"] is None else _named_edges(request, asked["edges"])
        started = rollout_verbs.start(
            version, by=speaker(request), edges=edges, plan=asked["plan"], scheduled_at=asked["scheduled_at"]
        )
        return Response(wire.rollout_document(started), status=201)


class RolloutPreview(APIView):
    """A dry run."""

    permission = Permission.DEPLOY

    @extend_schema(request=wire.PreviewAsked, responses=dict)
    def post(self, request: Request) -> Response:
        """Answer how many edges each wave would add, which are blocked and why; nothing is written."""
        asked = read_body(wire.PreviewAsked, request)
        edges = None if asked["edges"] is None else _named_edges(request, asked["edges"])
        version = found(_versions(request), pk=asked["model_version"])
        shown = rollout_verbs.preview(version, by=speaker(request), edges=edges, plan=asked["plan"])
        return Response(shown.as_document())


class FleetFreezes(APIView):
    """Keep a fleet as it is."""

    permission = Permission.DEPLOY

    @extend_schema(request=wire.FreezeAsked, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Offer nothing to anybody, or to one organization's edges, until it is lifted."""
        asked = read_body(wire.FreezeAsked, request)
        held = fleet_verbs.freeze(_organization(asked["organization"]), by=speaker(request), reason=asked["reason"])
        return Response({"reason": held.reason, "created_at": held.created_at}, status=201)

    @extend_schema(request=wire.FreezeAsked, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Lift it."""
        asked = read_body(wire.FreezeAsked, request)
        fleet_verbs.lift_freeze(_organization(asked["organization"]), by=speaker(request))
        return Response(status=204)


class RolloutView(APIView):
    """One rollout."""

    permission = Permission.VIEW_FLEET

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer it with its waves and how many deployments are where."""
        rollout = found(_rollouts(request), pk=pk)
        counted = rollout.deployments.values_list("action", "status").annotate(Count("pk")).order_by()
        counts: dict[str, dict[str, int]] = {}
        for action, status, count in counted:
            counts.setdefault(action, {})[status] = count
        waves = rollout.waves.order_by("number").values("number", "name", "opened_at", "finished_at")
        return Response({**wire.rollout_document(rollout), "waves": list(waves), "deployments": counts})


class RolloutAct(APIView):
    """A verb on a rollout; which one, the route says."""

    permission = Permission.DEPLOY
    verb: Callable[..., Rollout] | None = None

    @extend_schema(request=wire.ReasonSaid, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Do it and answer the rollout."""
        assert self.verb is not None
        said = read_body(wire.ReasonSaid, request)
        reason = {"reason": said["reason"]} if self.verb in (rollout_verbs.pause, rollout_verbs.abort) else {}
        return Response(wire.rollout_document(self.verb(found(_rollouts(request), pk=pk), by=speaker(request), **reason)))


class Deployments(APIView):
    """Where a model version was sent."""

    permission = Permission.VIEW_FLEET

    @extend_schema(responses=dict)
    def get(self, request: Request, pk: str) -> Response:
        """Answer a page of its deployments on edges within reach, newest first."""
        version = found(_versions(request), pk=pk)
        rows = ModelDeployment.objects.visible_to(speaker(request)).filter(model_version=version)
        return _page(request, rows, wire.deployment_document)


class Deploy(APIView):
    """Send a released version to one edge."""

    permission = Permission.DEPLOY

    @extend_schema(request=wire.DeployAsked, responses={201: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Answer the deployment; it is null while it is scheduled for later."""
        version, asked = found(_versions(request), pk=pk), read_body(wire.DeployAsked, request)
        edge = found(EdgeServer.objects.visible_to(speaker(request)), pk=asked["edge_server_id"])
        rollout, deployment = deployment_verbs.deploy(version, edge, by=speaker(request), scheduled_at=asked["scheduled_at"])
        shown = wire.deployment_document(deployment) if deployment else None
        return Response({"rollout": rollout.pk, "deployment": shown}, status=201)


class DeployAll(APIView):
    """Send a released version to every edge with a slot for its module."""

    permission = Permission.DEPLOY

    @extend_schema(request=wire.DeployAllAsked, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Answer the rollout that does it."""
        asked = read_body(wire.DeployAllAsked, request)
        started = deployment_verbs.deploy_all(found(_versions(request), pk=pk), by=speaker(request), **asked)
        return Response({"rollout": started.pk}, status=202)


class ModelRollback(APIView):
    """Take a version back from every edge that is assigned it."""

    permission = Permission.ROLL_BACK

    @extend_schema(request=None, responses={202: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Answer how many edges go back."""
        returned = rollback.of_model(found(_versions(request), pk=pk), by=speaker(request))
        return Response(vars(returned), status=202)


class Retry(APIView):
    """Try a failed deployment once more."""

    permission = Permission.DEPLOY

    @extend_schema(request=None, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer the deployment, pending again under its next attempt."""
        rows = ModelDeployment.objects.visible_to(speaker(request)).select_related("edge_server")
        return Response(wire.deployment_document(deployment_verbs.retry(found(rows, pk=pk), by=speaker(request))))


class EdgeRollback(APIView):
    """Take one module of one edge back."""

    permission = Permission.ROLL_BACK

    @extend_schema(request=wire.ModuleNamed, responses={201: dict})
    def post(self, request: Request, pk: str) -> Response:
        """Answer the deployment that brings it back."""
        edge, module = _edge_and_module(request, pk)
        return Response(wire.deployment_document(rollback.of_edge(edge, module, by=speaker(request))), status=201)


class LiftHold(APIView):
    """Offer again what a site went back from."""

    permission = Permission.DEPLOY

    @extend_schema(request=wire.ModuleNamed, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer the slot."""
        edge, module = _edge_and_module(request, pk)
        return Response(wire.slot_document(edge_verbs.lift_hold(edge, module, by=speaker(request))))


class Callback(APIView):
    """Say where an edge's assignments are pushed to."""

    permission = Permission.MANAGE_EDGES

    @extend_schema(request=wire.CallbackAsked, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Answer the edge server."""
        edge = found(_edges(request), pk=pk)
        edge_verbs.set_callback(edge, read_body(wire.CallbackAsked, request)["url"], by=speaker(request))
        return Response(wire.edge_document(edge))


def _asked(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """Read the parameters of an address; raises for what makes no sense."""
    read = form(data=request.GET.dict())
    read.is_valid(raise_exception=True)
    values: dict[str, Any] = read.validated_data
    return values


def _page(request: Request, rows: Any, document: Callable[[Any], dict[str, Any]]) -> Response:
    page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=page_size(request.GET.get("page_size")))
    return Response({"results": [document(row) for row in page.results], "next": page.next})


def _edges(request: Request) -> Any:
    slots: Prefetch[Any] = Prefetch("slots", EdgeSlot.objects.select_related("module", "desired").order_by("module__slug"))
    return EdgeServer.objects.visible_to(speaker(request)).select_related("city").prefetch_related(slots)


def _edge_and_module(request: Request, pk: str) -> tuple[EdgeServer, AiModule]:
    edge = found(EdgeServer.objects.visible_to(speaker(request)), pk=pk)
    slug = read_body(wire.ModuleNamed, request)["ai_module"]
    return edge, found(AiModule.objects.all(), slug=slug)


def _organization(slug: str | None) -> Organization | None:
    return None if slug is None else found(Organization.objects.all(), slug=slug)


def _rollouts(request: Request) -> Any:
    return Rollout.objects.visible_to(speaker(request)).select_related("model_version__module")


def _versions(request: Request) -> Any:
    return ModelVersion.objects.visible_to(speaker(request)).select_related("module", "organization")


def _named_edges(request: Request, ids: list[int]) -> list[EdgeServer]:
    rows = EdgeServer.objects.visible_to(speaker(request))
    within = rows.in_bulk([number for number in ids if 0 < number < 2**63])
    return [within.get(number) or found(rows, pk=0) for number in ids]
