"""What the list of edges is narrowed by, the same on its page and in the API."""

from collections.abc import Callable
from typing import Any

from deployments.models.edge_server import EdgeServerQuerySet

STANDS: dict[str, Callable[[EdgeServerQuerySet], EdgeServerQuerySet]] = {
    "drift": EdgeServerQuerySet.drifting,
    "silent": EdgeServerQuerySet.silent,
    "held": EdgeServerQuerySet.held,
    "new": EdgeServerQuerySet.never_seen,
    "old_agent": EdgeServerQuerySet.with_old_agent,
}
NOTHING = "-"
"""How a link spells that an edge runs no version of a module."""


def narrowed(rows: EdgeServerQuerySet, stands: tuple[str, ...] = (), **chosen: Any) -> EdgeServerQuerySet:
    """Narrow `rows` to those that stand in all these ways, and are as `chosen`: city, group, module, runs (a version, or "-")."""
    for word in stands:
        rows = STANDS[word](rows)
    module, runs = chosen.pop("module", None), chosen.pop("runs", "")
    if runs:
        rows = rows.running("" if runs == NOTHING else runs, module).in_service()
    elif module:
        rows = rows.filter(slots__module=module)
    return rows.filter(**chosen)
