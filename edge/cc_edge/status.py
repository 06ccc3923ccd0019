"""What an edge server says of itself to the person in front of it; it asks nobody."""

from typing import Any

from cc_edge import __version__, bundle
from cc_edge.errors import Unfit
from cc_edge.home import Home
from cc_edge.slots import Slots
from cc_edge.state import State


def status(home: Home) -> dict[str, Any]:
    """Answer who this edge is, what it runs and could go back to, and what the hub has not heard yet."""
    identity = home.identity()
    with State(home.database) as state:
        told = {
            "counter": int(state.fact("counter") or 0),
            "reports_waiting": state.count_waiting(),
            "last_refusal": state.fact("last_refusal"),
        }
    modules = {module: _module(Slots(home.modules, module)) for module in home.installed()}
    return {**identity, "edge_version": __version__, **told, "modules": modules}


def _module(slots: Slots) -> dict[str, Any]:
    active, other = slots.active(), slots.other()
    return {
        "active_version": active.version if active else None,
        "previous_version": other.version if other else None,
        "sha256": active.sha256 if active else None,
        "installed_at": active.installed_at if active else None,
        "whole": bool(active) and _is_whole(slots),
    }


def _is_whole(slots: Slots) -> bool:
    try:
        bundle.load(slots.current)
    except (OSError, Unfit):
        return False
    return True
