"""Verbs on the fleet as a whole, and on how an edge is kept: freeze it and lift that; group, labels, window; retire, replace hardware."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions import access_key
from accounts.actions.event import record
from accounts.models import Organization, User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.queue import enqueue
from deployments import windows
from deployments.actions.edge_server import new_code
from deployments.models import EdgeServer, FleetFreeze, ModelDeployment
from deployments.models.deployment import DeploymentStatus

REASON_LIMIT = 200
GROUP_LIMIT = 60
MOST_LABELS = 32
LABEL = re.compile(r"[A-Za-z0-9][\w.-]{0,39}")


def freeze(organization: Organization | None, *, by: User, reason: str = "") -> FleetFreeze:
    """Offer nothing to any edge of an organization (None: of anybody) until it is lifted; ways back stay open. Twice is success."""
    require(by, Permission.DEPLOY, organization)
    if len(reason) > REASON_LIMIT:
        raise Invalid(f"The reason is longer than {REASON_LIMIT} characters.", errors={"reason": ["Too long."]})
    held = FleetFreeze.objects.filter(organization=organization, lifted_at__isnull=True)
    try:
        with transaction.atomic():
            if (there := held.first()) is not None:
                return there
            made = FleetFreeze.objects.create(organization=organization, reason=reason, created_by=by)
            record(by, "freeze_fleet", made, organization=organization.slug if organization else None, reason=reason)
            return made
    except IntegrityError:  # somebody did at this very moment
        return held.get()


@transaction.atomic
def lift_freeze(organization: Organization | None, *, by: User) -> None:
    """Let rollouts go on; raises Conflict where nothing is frozen."""
    require(by, Permission.DEPLOY, organization)
    held = FleetFreeze.objects.select_for_update().filter(organization=organization, lifted_at__isnull=True).first()
    if held is None:
        raise Conflict("This fleet is not frozen.")
    held.lifted_at = timezone.now()
    held.save(update_fields=["lifted_at"])
    record(by, "lift_freeze", held, organization=organization.slug if organization else None)
    enqueue("deployments.tasks.advance_rollouts")


@transaction.atomic
def describe(
    edge: EdgeServer,
    *,
    by: User,
    group: str | None = None,
    labels: Mapping[str, Any] | None = None,
    window: Mapping[str, Any] | None = None,
) -> EdgeServer:
    """Say an edge's group, labels and maintenance window ({}: any time); None leaves it as it is. Raises Invalid."""
    require(by, Permission.MANAGE_EDGES, edge)
    if group is not None:
        if len(group) > GROUP_LIMIT or not (group.isprintable() or not group):
            raise Invalid(f"A group has {GROUP_LIMIT} characters at most.", errors={"group": ["Too long."]})
        edge.group = group.strip()
    if labels is not None:
        edge.labels = _checked_labels(labels)
    if window is not None:
        edge.window = windows.checked(window)
    edge.save(update_fields=["group", "labels", "window"])
    record(by, "describe", edge, group=edge.group, labels=edge.labels, window=edge.window)
    return edge


@transaction.atomic
def retire(edge: EdgeServer, *, by: User) -> EdgeServer:
    """Take an edge out of service: its keys end, nothing is offered to it, its history stays. Twice is success."""
    require(by, Permission.MANAGE_EDGES, edge)
    edge = EdgeServer.objects.select_for_update(of=("self",)).select_related("user").get(pk=edge.pk)
    if edge.retired_at is None:
        _end_keys(edge, by)
        ModelDeployment.objects.open().filter(edge_server=edge).update(status=DeploymentStatus.SUPERSEDED)
        edge.retired_at = timezone.now()
        edge.save(update_fields=["retired_at"])
        record(by, "retire", edge)
        enqueue("deployments.tasks.advance_rollouts")
    return edge


@transaction.atomic
def replace_hardware(edge: EdgeServer, *, by: User) -> tuple[EdgeServer, str]:
    """Let a new machine be this edge: id, history and slots stay, the old key ends; answers it and the code, shown this once.

    Raises Conflict for a retired edge.
    """
    require(by, Permission.MANAGE_EDGES, edge)
    edge = EdgeServer.objects.select_for_update(of=("self",)).select_related("user").get(pk=edge.pk)
    if edge.retired_at is not None:
        raise Conflict("This edge server was retired; add another.")
    _end_keys(edge, by)
    edge.codes.filter(used_at__isnull=True).update(expires_at=timezone.now())
    edge.attempt += 1
    edge.enrolled_at, edge.heard_sha256 = None, ""
    edge.save(update_fields=["attempt", "enrolled_at", "heard_sha256"])
    record(by, "replace_hardware", edge, attempt=edge.attempt)
    return edge, new_code(edge)


def _end_keys(edge: EdgeServer, by: User) -> None:
    for key in edge.user.access_keys.filter(revoked_at__isnull=True):
        access_key.revoke(key.prefix, by=by)


def _checked_labels(labels: Mapping[str, Any]) -> dict[str, str]:
    if len(labels) > MOST_LABELS:
        raise Invalid(f"An edge has {MOST_LABELS} labels at most.", errors={"labels": ["Too many."]})
    for name, value in labels.items():
        if not LABEL.fullmatch(str(name)) or not isinstance(value, str) or len(value) > GROUP_LIMIT:
            raise Invalid(
                f"A label is a word and a text of {GROUP_LIMIT} characters at most, not {str(name)[:40]!r}.",
                errors={"labels": ["Not a label."]},
            )
    return dict(labels)
