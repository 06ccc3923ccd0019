"""`cc-edge rollback`: a person at the site goes back to the model that ran before. No network; the hub hears of it at the next heartbeat."""

from typing import Any

from cc_edge.errors import Unfit
from cc_edge.home import Home
from cc_edge.model import check_model
from cc_edge.slots import Slots
from cc_edge.state import State


def go_back(home: Home, module: str) -> dict[str, Any]:
    """Turn the module's link to its other slot, once that model was loaded and tried; raises Unfit, and then nothing has changed.

    The hub holds the version that was left: it is not installed here again until a person lifts that, or another comes.
    """
    home.identity()
    slots = Slots(home.modules, module)
    active, other = slots.active(), slots.other()
    if active is None or other is None:
        raise Unfit(f"There is no earlier model of {module} on this machine to go back to.")
    check_model(slots.other_folder(), module)
    with State(home.database) as state:
        now = slots.go_back(other, at=state.now().isoformat())
    return {"module": module, "active_version": now.version, "previous_version": active.version, "origin": "local"}
