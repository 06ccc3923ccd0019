"""Which trainers are installed: the entry points `command_centre.trainers`.

A value is an instance of Trainer, or, of a program that imports nothing of ours, a plain mapping that describes it:

    {"title": "…", "tasks": ["classification"], "command": ["/usr/bin/mine", "--fast"], "hyperparameters": [
        {"name": "epochs", "title": "Epochs", "type": "integer", "default": 10, "minimum": 1, "maximum": 100},
        {"name": "kind", "title": "Kind", "type": "string", "default": "small", "choices": ["small", "large"]}]}

The command is started with the job's folder as its last argument (training/trainers/work.py says what lies there and what it
is to say). `queue` and `fine_tunes` may be given too.
"""

from collections.abc import Mapping
from dataclasses import make_dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from training.trainers.base import Trainer
from training.trainers.hyperparameters import choice, number, whole

GROUP = "command_centre.trainers"


class Program(Trainer):
    """A program of somebody's own: it does all four steps by itself."""

    def __init__(self, name: str, told: Mapping[str, Any]) -> None:
        self.name, self.title, self.tasks = name, str(told["title"]), tuple(told["tasks"])  # type: ignore[misc]
        self.command = tuple(map(str, told["command"]))  # type: ignore[misc]
        self.queue = str(told.get("queue", "training.cpu"))  # type: ignore[misc]
        self.fine_tunes = bool(told.get("fine_tunes", False))  # type: ignore[misc]
        fields = [(one["name"], Any, _field(one)) for one in told.get("hyperparameters", ())]
        self.hyperparameters = make_dataclass("Settings", fields, frozen=True)  # type: ignore[misc]

    def prepare(self, work: Any, settings: Any) -> Any:
        """Nothing of it is done here."""
        raise NotImplementedError

    train = export = prepare  # type: ignore[assignment]


@lru_cache(maxsize=1)
def trainers() -> dict[str, Trainer]:
    """Answer the installed trainers by name; read once, cheap to import. Raises KeyError for a mapping that lacks something."""
    found = {point.name: point.load() for point in entry_points(group=GROUP)}
    made = {name: Program(name, told) if isinstance(told, Mapping) else told for name, told in sorted(found.items())}
    return {name: trainer for name, trainer in made.items() if isinstance(trainer, Trainer)}


def _field(told: Mapping[str, Any]) -> Any:
    if told["type"] == "string":
        return choice(told["default"], told["choices"], told["title"])
    kind = whole if told["type"] == "integer" else number
    return kind(told["default"], told["minimum"], told["maximum"], told["title"])
