"""What a rollout would do, before it does: how many edges each wave adds, which are blocked and why, and what a way back leads to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from core.errors import Conflict
from deployments import freezing, offering, plan, windows
from deployments.assignments import batches
from deployments.models import EdgeServer, EdgeSlot, ModelDeployment
from training.models import ModelVersion
from training.semver import numbers_of

SHOWN = 200


@dataclass
class Preview:
    """The answer; `notes` are edges that it reaches and that will not take it at once, `blocked` those it does not reach.

    `opens` says of those that wait for their maintenance window when it opens, the soonest first.
    """

    edges: int = 0
    waves: list[tuple[str, int]] = field(default_factory=list)
    blocked: list[tuple[str, str]] = field(default_factory=list)
    opens: list[tuple[datetime, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    returns: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    def as_document(self) -> dict[str, Any]:
        """Spell it as the API answers it."""
        return {
            "edges": self.edges,
            "waves": [{"name": name, "edges": number} for name, number in self.waves],
            "blocked": [{"edge": edge, "because": because} for edge, because in self.blocked[:SHOWN]],
            "windows": [{"edge": edge, "opens_at": at} for at, edge in self.opens[:SHOWN]],
            "notes": dict(self.notes),
            "returns_to": dict(self.returns),
            "bytes": self.bytes,
        }


def preview(version: ModelVersion, ids: Sequence[int] | None, document: dict[str, Any] | None) -> Preview:
    """Answer what a rollout of `version` to these edges (None: all with the slot) by this plan would do; writes nothing.

    Raises Invalid for a plan or an edge that does not fit.
    """
    rules, found = plan.read(document), Preview()
    try:
        edges = offering.reachable(version, ids, rules.group)
    except Conflict:
        edges = []
    found.blocked = _blocked(version, rules.group, set(edges))
    found.edges, found.waves = len(edges), rules.sizes(len(edges))
    found.bytes = len(edges) * version.bundle.size
    _look_at(version, edges, rules, found)
    return found


def _look_at(version: ModelVersion, edges: Sequence[int], rules: plan.Plan, found: Preview) -> None:
    now, frozen = timezone.now(), freezing.frozen(version.organization_id)
    if frozen:
        found.notes["the fleet is frozen"] = len(edges)
    before = offering.last_completed(edges, version)
    names = dict(ModelVersion.objects.filter(pk__in=set(before.values())).values_list("pk", "version"))
    found.returns.update(names[before[edge]] if edge in before else "nothing" for edge in edges)
    for batch in batches(edges):
        open_ones = ModelDeployment.objects.open().filter(edge_server_id__among=batch, module=version.module_id)
        found.notes["another version is on its way, and gives way"] += open_ones.count()
        for edge in EdgeServer.objects.filter(pk__among=batch).only("name", "window", "edge_version", "runtime", "enrolled_at"):
            found.notes.update(_notes(edge, version))
            if rules.windows and (opens := windows.next_opening(edge.window, now)):
                found.notes["waits for its maintenance window"] += 1
                found.opens.append((opens, edge.name))
    found.opens.sort()
    found.notes += Counter()  # without zeros


def _notes(edge: EdgeServer, version: ModelVersion) -> list[str]:
    said = []
    if edge.enrolled_at is None:
        said.append("not enrolled yet")
    agent, needed = numbers_of(edge.edge_version), numbers_of(version.min_edge_version)
    if agent and needed and agent < needed:
        said.append(f"the agent is older than {version.min_edge_version} and will refuse it")
    platform = str(edge.runtime.get("platform", ""))
    if version.supported_platforms and platform and platform not in version.supported_platforms:
        said.append(f"is {platform}, which the version does not name")
    return said


def _blocked(version: ModelVersion, group: str, reached: set[int]) -> list[tuple[str, str]]:
    """Answer the edges with a slot for the module that it does not reach, with the reason, by name."""
    rows = EdgeSlot.objects.filter(module=version.module_id).select_related("edge_server")
    if version.organization_id is not None:
        rows = rows.filter(edge_server__organization=version.organization_id)
    if group:
        rows = rows.filter(edge_server__group=group)
    left_out = rows.filter(held=True, desired=version) | rows.filter(edge_server__retired_at__isnull=False)
    told = []
    for slot in left_out.order_by("edge_server__name")[:SHOWN]:
        if slot.edge_server_id not in reached:
            retired = slot.edge_server.retired_at is not None
            told.append((slot.edge_server.name, "retired" if retired else slot.held_reason or "held"))
    return told
