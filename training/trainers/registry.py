"""Which trainers are installed: the entry points `command_centre.trainers`."""

from functools import lru_cache
from importlib.metadata import entry_points

from training.trainers.base import Trainer

GROUP = "command_centre.trainers"


@lru_cache(maxsize=1)
def trainers() -> dict[str, Trainer]:
    """Answer the installed trainers by name; read once, cheap to import."""
    found = {point.name: point.load() for point in entry_points(group=GROUP)}
    return {name: trainer for name, trainer in sorted(found.items()) if isinstance(trainer, Trainer)}
