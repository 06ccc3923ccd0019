"""Hyperparameters with types, defaults and bounds: one dataclass a trainer, read by form, API and runner alike."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

Parameters = TypeVar("Parameters")


class BadHyperparameters(ValueError):
    """`errors` says what is wrong, a sentence per name."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {text}" for name, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True)
class Bounds:
    """What a value may be: a number from `minimum` to `maximum`, or one of `choices`."""

    title: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


def whole(default: int, minimum: int, maximum: int, title: str) -> Any:
    """Declare a whole number."""
    return field(default=default, metadata={"bounds": Bounds(title, minimum, maximum), "type": int})


def number(default: float, minimum: float, maximum: float, title: str) -> Any:
    """Declare a number."""
    return field(default=default, metadata={"bounds": Bounds(title, minimum, maximum), "type": float})


def choice(default: str, choices: Sequence[str], title: str) -> Any:
    """Declare one of a few words."""
    return field(default=default, metadata={"bounds": Bounds(title, choices=tuple(choices)), "type": str})


NAMES = {int: "integer", float: "number", str: "string"}


def describe(of: type[Any]) -> list[dict[str, Any]]:
    """Answer each hyperparameter as `{name, title, type, default, minimum?, maximum?, choices?}`, for forms and the API."""
    return [
        {
            "name": one.name,
            "title": one.metadata["bounds"].title,
            "type": NAMES[one.metadata["type"]],
            "default": None if one.default is MISSING else one.default,
            **{
                key: value
                for key in ("minimum", "maximum", "choices")
                if (value := getattr(one.metadata["bounds"], key)) not in (None, ())
            },
        }
        for one in fields(of)
    ]


def read(of: type[Parameters], values: Any) -> Parameters:
    """Make `of` from a mapping, with defaults for what it lacks; raises BadHyperparameters."""
    if not isinstance(values, Mapping):
        raise BadHyperparameters({"hyperparameters": "must be an object"})
    known = {one.name: one.metadata for one in fields(of)}  # type: ignore[arg-type]
    errors = {str(name): "is not a hyperparameter of this trainer" for name in values if name not in known}
    accepted: dict[str, Any] = {}
    for name in known.keys() & values.keys():
        try:
            accepted[name] = _checked(values[name], known[name]["type"], known[name]["bounds"])
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise BadHyperparameters(dict(sorted(errors.items())))
    return of(**accepted)


def _checked(value: Any, kind: type, bounds: Bounds) -> Any:
    if kind is str:
        if value not in bounds.choices:
            raise ValueError(f"must be one of {', '.join(bounds.choices)}")
        return value
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  (one kind of error per value)
    low, high = bounds.minimum, bounds.maximum
    if low is None or high is None or not low <= value <= high:  # NaN is in no range
        raise ValueError(f"must be from {low:g} to {high:g}")
    if kind is int and value != int(value):
        raise ValueError("must be a whole number")
    return kind(value)
