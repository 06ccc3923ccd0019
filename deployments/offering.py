"""Putting versions on edges, set-wise: which edges, what each ran before, and the signed word that it shall run another.

Everything here works in the caller's transaction, in a few statements for any number of edges. Locks are taken in one order,
edges by id, then deployments, then slots, so that two rollouts wait for one another and never for each other.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import OuterRef, Subquery, UUIDField
from django.utils import timezone
from securesystemslib.signer import Signer

from accounts.models import User
from core.bulk import Table
from core.errors import Conflict, Invalid
from core.queue import enqueue
from deployments import assignments
from deployments.assignments import batches
from deployments.models import DeploymentStatus, EdgeServer, EdgeSlot, ModelDeployment, Rollout, RolloutWave
from deployments.models.deployment import DeploymentAction
from training.models import ModelStatus, ModelVersion


def reachable(version: ModelVersion, ids: Sequence[int] | None, group: str = "") -> list[int]:
    """Answer, in order, the edges in service that have a slot for the version's module, within its organization.

    Of `ids`, and of a `group`, where given.

    An edge that went back from this very version by itself is left out while it is held. Raises Conflict where none is left or
    a named one is held, Invalid where one of `ids` is not among them.
    """
    slots = EdgeSlot.objects.filter(module_id=version.module_id)
    edges = EdgeServer.objects.in_service().filter(pk__in=slots.values("edge_server"))
    if version.organization_id is not None:
        edges = edges.filter(organization_id=version.organization_id)
    if group:
        edges = edges.filter(group=group)
    if ids is not None:
        edges = edges.filter(pk__among=ids)
    found = list(edges.order_by("pk").values_list("pk", flat=True))
    if missing := sorted(set(ids or ()) - set(found)):
        raise Invalid(f"Edge server {missing[0]} has no place for this model: no slot of its module, or of others.")
    if not found:
        of_group = f" of the group {group}" if group else ""
        raise Conflict(f"No edge server{of_group} has a slot for this module.")
    held = set(slots.filter(held=True, desired=version).values_list("edge_server_id", flat=True))
    if named := sorted(held & set(ids or ())):
        raise Conflict(f"Edge server {named[0]} went back from this version by itself; lift the hold first.", code="held")
    if held.issuperset(found):
        raise Conflict("Every edge server with a slot for this module is held; lift the holds first.", code="held")
    return [edge for edge in found if edge not in held]


def plan_deployments(rollout: Rollout, edges: Sequence[int], sizes: Sequence[tuple[str, int]], by: User) -> list[RolloutWave]:
    """Write the waves (name, how many edges) and a pending deployment per edge, in order; what was open on these is superseded."""
    new = (RolloutWave(rollout=rollout, number=number, name=name) for number, (name, _) in enumerate(sizes, 1))
    waves = RolloutWave.objects.bulk_create(new)
    members = (wave for wave, (_, size) in zip(waves, sizes, strict=True) for _ in range(size))
    join(rollout, list(zip(edges, members, strict=True)), by)
    return waves


def join(rollout: Rollout, places: Sequence[tuple[int, RolloutWave]], by: User) -> None:
    """Write a pending deployment for each edge, in a wave; what was open on these edges is superseded."""
    version, edges = rollout.model_version, [edge for edge, _ in places]
    supersede(edges, version)
    before = last_completed(edges, version)
    table = Table(ModelDeployment)
    for edge, wave in places:
        table.add(
            rollout_id=rollout.pk,
            wave_id=wave.pk,
            model_version_id=version.pk,
            module_id=version.module_id,
            edge_server_id=edge,
            replaces_id=before.get(edge),
            scheduled_at=rollout.scheduled_at,
            created_by_id=by.pk,
        )
    table.write()


def send_back(
    version: ModelVersion, edges: Mapping[int, UUID | None], by: User, signer: Signer
) -> tuple[Mapping[int, UUID], list[int]]:
    """Point edges that are assigned `version` (id → the rollout this belongs to) at what each last completed before; waves are skipped.

    Those without an earlier version keep what they run and are offered this one no more. Answers edge → version, and the others.
    """
    ids = sorted(edges)
    returns = last_completed(ids, version)
    stranded = [edge for edge in ids if edge not in returns]
    for batch in batches(ids):
        slots = EdgeSlot.objects.filter(edge_server_id__among=batch, module=version.module_id)
        left = ModelDeployment.objects.filter(pk__in=slots.values("desired_deployment"), status=DeploymentStatus.COMPLETED)
        left.update(status=DeploymentStatus.ROLLED_BACK)
    supersede(ids, version)
    table = Table(ModelDeployment)
    for edge, before in returns.items():
        table.add(
            rollout_id=edges[edge],
            model_version_id=before,
            module_id=version.module_id,
            edge_server_id=edge,
            action=DeploymentAction.ROLLBACK,
            replaces_id=version.pk,
            created_by_id=by.pk,
        )
    table.write()
    offer(sorted(returns), version.module_id, signer)
    withdraw(stranded, version.module_id, signer)
    return returns, stranded


def offer(edges: Sequence[int], module_id: int, signer: Signer) -> None:
    """Make the deployment of this module that is open on each of these edges (in order) desired there, sign, and wake them."""
    assignments.lock(edges)
    pending = ModelDeployment.objects.filter(status=DeploymentStatus.PENDING, module=module_id).order_by()
    own = pending.filter(edge_server=OuterRef("edge_server"))
    for batch in batches(edges):
        pending.filter(edge_server_id__among=batch).update(offered_at=timezone.now())
        EdgeSlot.objects.filter(edge_server_id__among=batch, module=module_id).update(
            desired=Subquery(own.values("model_version")[:1]),
            desired_deployment=Subquery(own.values("pk")[:1]),
            desired_at=timezone.now(),
            held=False,
            held_reason="",
        )
    assignments.sign(edges, signer)
    wake(edges)


def wake(edges: Sequence[int]) -> None:
    """Have the new assignment pushed to those of these edges that can be called; the others find it at their next poll."""
    for batch in batches(edges):
        for edge in EdgeServer.objects.filter(pk__among=batch).exclude(callback_url="").values_list("pk", flat=True):
            enqueue("deployments.tasks.push_assignment", edge)


def is_another_open(deployment: ModelDeployment) -> bool:
    """Tell whether a newer deployment of the same module is on its way to the same edge."""
    others = ModelDeployment.objects.open().filter(edge_server=deployment.edge_server_id, module=deployment.module_id)
    return others.exclude(pk=deployment.pk).exists()


def withdraw(edges: Sequence[int], module_id: int, signer: Signer) -> None:
    """Leave these edges without a word on the module: they keep what they run."""
    for batch in batches(edges):
        slots = EdgeSlot.objects.filter(edge_server_id__among=batch, module=module_id)
        slots.update(desired=None, desired_deployment=None, desired_at=timezone.now(), held=False, held_reason="")
    assignments.sign(edges, signer)


def supersede(edges: Sequence[int], version: ModelVersion) -> None:
    """End what is not over of the version's module on these edges."""
    for batch in batches(edges):
        of_module = ModelDeployment.objects.open().filter(edge_server_id__among=batch, module=version.module_id)
        of_module.update(status=DeploymentStatus.SUPERSEDED)


def reached(rollout: Rollout) -> list[int]:
    """Lock the edges of a rollout and answer those that are assigned its version now, in order."""
    own = dict(rollout.deployments.filter(action=DeploymentAction.INSTALL).values_list("pk", "edge_server_id"))
    edges = sorted(set(own.values()))
    assignments.lock(edges)
    found = []
    for batch in batches(edges):
        slots = EdgeSlot.objects.filter(edge_server_id__among=batch, module=rollout.model_version.module_id)
        rows = slots.order_by("edge_server").values_list("edge_server_id", "desired_deployment_id")
        found += [edge for edge, deployment in rows if deployment in own]
    return found


def last_completed(edges: Sequence[int], version: ModelVersion) -> dict[int, UUID]:
    """Answer for each edge the version it last completed before `version`, of its module and still released."""
    completed = (
        ModelDeployment.objects.filter(
            edge_server=OuterRef("pk"),
            module=version.module_id,
            status=DeploymentStatus.COMPLETED,
            model_version__status=ModelStatus.RELEASED,
        )
        .exclude(model_version=version)
        .order_by("-created_at", "-pk")
    )
    found: dict[int, UUID] = {}
    for batch in batches(edges):
        before = Subquery(completed.values("model_version")[:1], output_field=UUIDField())
        rows = EdgeServer.objects.filter(pk__among=batch).annotate(before=before)
        found.update(rows.filter(before__isnull=False).values_list("pk", "before"))
    return found
