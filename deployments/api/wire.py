"""Rows as docs/wire spells them, and bodies as they must be."""

from typing import Any

from rest_framework import serializers

from deployments.actions.edge_server import FACTS_LIMIT, VERSION_LIMIT
from deployments.history import WITHIN, Ran
from deployments.models import EdgeServer, EdgeSlot, ModelDeployment, Rollout

MOST_SLOTS = 200


class Enrolment(serializers.Serializer[Any]):
    """How a machine becomes an edge server: `key_sha256` is over the whole text `cc_<key_prefix>_<secret>`."""

    code = serializers.CharField(max_length=64)
    key_prefix = serializers.CharField(max_length=16)
    key_sha256 = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=120, allow_blank=True, default="")
    platform = serializers.DictField(default=dict)


class LeftSaid(serializers.Serializer[Any]):
    """The attempt that the site went back from by itself."""

    deployment = serializers.UUIDField()
    attempt = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class SlotSaid(serializers.Serializer[Any]):
    """What an edge says of one module."""

    ai_module = serializers.CharField(max_length=64)
    active_version = serializers.CharField(max_length=VERSION_LIMIT, allow_blank=True, allow_null=True, default="")
    previous_version = serializers.CharField(max_length=VERSION_LIMIT, allow_blank=True, allow_null=True, default="")
    counter = serializers.IntegerField(min_value=0, max_value=2**63 - 1, allow_null=True, default=None)
    origin = serializers.ChoiceField(["hub", "local"], default="hub")
    left = LeftSaid(allow_null=True, default=None)


class HeartbeatSaid(serializers.Serializer[Any]):
    """What an edge says of itself."""

    at = serializers.DateTimeField(required=False)
    edge_version = serializers.CharField(max_length=VERSION_LIMIT, allow_blank=True, default="")
    runtime = serializers.DictField(default=dict)
    slots = serializers.ListField(child=SlotSaid(), max_length=MOST_SLOTS, default=list)
    telemetry = serializers.ListField(child=serializers.DictField(), max_length=1_000, default=list)


class ReportSaid(serializers.Serializer[Any]):
    """One report; its status is judged by the verb."""

    attempt = serializers.IntegerField()
    seq = serializers.IntegerField()
    status = serializers.CharField(max_length=FACTS_LIMIT)
    progress_percent = serializers.FloatField(default=0)
    error_message = serializers.CharField(max_length=FACTS_LIMIT, allow_blank=True, allow_null=True, default="")
    at = serializers.DateTimeField()


class ReportsSaid(serializers.Serializer[Any]):
    """Reports in any order."""

    reports = ReportSaid(many=True)


class RolloutAsked(serializers.Serializer[Any]):
    """What to send where; no edges means all that have a slot for the module."""

    model_version = serializers.UUIDField()
    edges = serializers.ListField(child=serializers.IntegerField(), max_length=10_000, allow_null=True, default=None)
    plan = serializers.JSONField(default=None, allow_null=True)
    scheduled_at = serializers.DateTimeField(allow_null=True, default=None)


class PreviewAsked(serializers.Serializer[Any]):
    """What would be sent where."""

    model_version = serializers.UUIDField()
    edges = serializers.ListField(child=serializers.IntegerField(), max_length=10_000, allow_null=True, default=None)
    plan = serializers.JSONField(default=None, allow_null=True)


class EdgesAsked(serializers.Serializer[Any]):
    """What the list of edges is narrowed by; `runs` is a version, or "-" for none."""

    drift = serializers.BooleanField(default=False)
    silent = serializers.BooleanField(default=False)
    held = serializers.BooleanField(default=False)
    new = serializers.BooleanField(default=False)
    old_agent = serializers.BooleanField(default=False)
    city = serializers.CharField(max_length=64, default="")
    group = serializers.CharField(max_length=60, default="")
    ai_module = serializers.CharField(max_length=64, default="")
    runs = serializers.CharField(max_length=VERSION_LIMIT, default="")


class MapAsked(serializers.Serializer[Any]):
    """Of which module."""

    ai_module = serializers.CharField(max_length=64)


class DayAsked(serializers.Serializer[Any]):
    """On which day."""

    on = serializers.DateField(default=None, validators=WITHIN)


class EdgeDescribed(serializers.Serializer[Any]):
    """How an edge is kept; what is not named stays. A window is {"zone", "from", "to", "days"}, {} for any time."""

    group = serializers.CharField(max_length=60, allow_blank=True, required=False)
    labels = serializers.DictField(child=serializers.CharField(max_length=60, allow_blank=True), required=False)
    window = serializers.JSONField(required=False)


class FreezeAsked(serializers.Serializer[Any]):
    """Whose edges, by the organization's slug (null: everybody's), and why."""

    organization = serializers.CharField(max_length=64, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class DeployAsked(serializers.Serializer[Any]):
    """Which edge, and when."""

    edge_server_id = serializers.IntegerField(max_value=2**63 - 1)
    scheduled_at = serializers.DateTimeField(allow_null=True, default=None)


class DeployAllAsked(serializers.Serializer[Any]):
    """By which plan, and when; `confirm_edges` is how many edges the asker believes that to be."""

    confirm_edges = serializers.IntegerField(min_value=0, max_value=2**31 - 1, allow_null=True, default=None)

    plan = serializers.JSONField(default=None, allow_null=True)
    scheduled_at = serializers.DateTimeField(allow_null=True, default=None)


class ModuleNamed(serializers.Serializer[Any]):
    """Which module of an edge."""

    ai_module = serializers.CharField(max_length=64)


class CallbackAsked(serializers.Serializer[Any]):
    """Where to push assignments to; "" ends it."""

    url = serializers.CharField(max_length=2_000, allow_blank=True)


class ReasonSaid(serializers.Serializer[Any]):
    """Why, for the record."""

    reason = serializers.CharField(max_length=2_000, allow_blank=True, default="")


def edge_document(edge: EdgeServer) -> dict[str, Any]:
    """Answer an edge server with its slots."""
    return {
        "id": edge.pk,
        "name": edge.name,
        "organization": edge.organization_id,
        "city": edge.city.slug if edge.city else None,
        "group": edge.group,
        "labels": edge.labels,
        "window": edge.window,
        "platform": edge.platform,
        "edge_version": edge.edge_version,
        "runtime": edge.runtime,
        "enrolled_at": edge.enrolled_at,
        "last_seen_at": edge.last_seen_at,
        "retired_at": edge.retired_at,
        "assignment_version": edge.assignment_version,
        "has_callback": bool(edge.callback_url),
        "telemetry": edge.telemetry,
        "slots": [slot_document(slot) for slot in edge.slots.all()],
    }


def ran_document(ran: Ran) -> dict[str, Any]:
    """Answer a version that ran for a part of a day."""
    change, measured = ran.change, ran.measured
    return {
        "ai_module": change.module,
        "version": change.version,
        "since": change.at,
        "until": ran.until,
        "how": change.how,
        "deployment": change.deployment,
        "measured": {"images": measured.images, "errors": measured.errors, "empty": measured.empty, "p95_ms": measured.p95_ms},
    }


def slot_document(slot: EdgeSlot) -> dict[str, Any]:
    """Answer what a module of an edge shall run and says it runs."""
    return {
        "ai_module": slot.module.slug,
        "desired_version": slot.desired.version if slot.desired else None,
        "desired_at": slot.desired_at,
        "active_version": slot.active_version,
        "previous_version": slot.previous_version,
        "counter": slot.reported_counter,
        "reported_at": slot.reported_at,
        "held": slot.held,
        "held_reason": slot.held_reason,
        "telemetry": slot.telemetry,
        "telemetry_at": slot.telemetry_at,
        "has_drifted": slot.has_drifted,
    }


def rollout_document(rollout: Rollout) -> dict[str, Any]:
    """Answer a rollout."""
    return {
        "id": rollout.pk,
        "model_version": rollout.model_version_id,
        "ai_module": rollout.model_version.module.slug,
        "version": rollout.model_version.version,
        "state": rollout.state,
        "stopped_because": rollout.stopped_because,
        "plan": rollout.plan,
        "measured": rollout.measured,
        "measured_before": rollout.before,
        "scheduled_at": rollout.scheduled_at,
        "created_at": rollout.created_at,
        "started_at": rollout.started_at,
        "finished_at": rollout.finished_at,
    }


def deployment_document(deployment: ModelDeployment) -> dict[str, Any]:
    """Answer a deployment as the seeds spell it."""
    return {
        "id": deployment.pk,
        "model_version_id": deployment.model_version_id,
        "edge_server_id": deployment.edge_server_id,
        "rollout": deployment.rollout_id,
        "action": deployment.action,
        "status": deployment.status,
        "progress_percent": deployment.progress_percent,
        "attempt": deployment.attempt,
        "scheduled_at": deployment.scheduled_at,
        "offered_at": deployment.offered_at,
        "started_at": deployment.started_at,
        "completed_at": deployment.completed_at,
        "error_message": deployment.error_message,
        "retry_count": deployment.retry_count,
        "created_at": deployment.created_at,
    }
