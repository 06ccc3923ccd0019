"""A small grid of hyperparameters: one job for each combination, asked for together and looked at together."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from django.db import transaction

from core.errors import Invalid
from core.ids import new_id
from training.actions import job
from training.models import TrainingJob

MOST = 16
MAX_NAME = 120


@transaction.atomic
def create(*, grid: Any, name: str, hyperparameters: Mapping[str, Any] | None = None, **asked: Any) -> TrainingJob:
    """Queue a training for each combination of `grid` ({hyperparameter: [values]}), all of them or none; answers the first.

    Takes what job.create takes, and counts each against the plan. Raises what that raises, and Invalid for a grid of none or
    of more than 16.
    """
    combinations = _combinations(grid)
    made, group = [], new_id()
    for chosen in combinations:
        told = ", ".join(f"{key} {value}" for key, value in chosen.items())
        one = job.create(
            name=f"{name.strip()[: MAX_NAME - len(told) - 2]}: {told}"[:MAX_NAME],
            hyperparameters={**(hyperparameters or {}), **chosen},
            grid=group,
            **asked,
        )
        made.append(one)
    return made[0]


def read(text: str) -> dict[str, list[Any]]:
    """Read what a person typed, "learning_rate = 0.001, 0.01; color = L, RGB"; raises Invalid."""
    found: dict[str, list[Any]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, values = part.partition("=")
        if not equals or name.strip() in found:
            raise _wrong("Write each hyperparameter once, as learning_rate = 0.001, 0.01, with ; between two of them.")
        found[name.strip()] = [_value(value.strip()) for value in values.split(",")]
    return found


def _combinations(grid: Any) -> list[dict[str, Any]]:
    if not isinstance(grid, Mapping) or not grid or not all(_is_list(values) for values in grid.values()):
        raise _wrong("A grid names hyperparameters, each with a list of values.")
    count = 1
    for values in grid.values():
        count *= len(values)
    if not 2 <= count <= MOST:
        raise _wrong(f"A grid has 2 to {MOST} combinations; this one has {count}.")
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def _is_list(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str) and len(values) <= MOST


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"grid": [sentence]})
