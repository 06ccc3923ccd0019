"""What is said of a model that was trained elsewhere, read against the module it is for; cheap enough for a request."""

from collections.abc import Mapping, Sequence
from typing import Any

from training import outputs, preprocessing
from training.bundle import FORMAT, PLATFORMS, oldest_edge

OUTPUT_OF = {"classification": "softmax_labels", "features": "softmax_labels", "text": "ctc_text", "detection": "boxes"}
CONFIG_KEYS = frozenset({"labels", "preprocessing", "output", "output_options"})
MOST_LABELS = 5_000


class Unadmitted(ValueError):
    """The model cannot be registered, and this sentence says why."""


def config_of(told: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the bundle's config for what was told of a model (its labels by name or id, steps, output); raises Unadmitted.

    What a bundle brings is read anew: labels in the module's words of today, and of the rest only what we know.
    """
    kind = told.get("output", OUTPUT_OF[request["task"]])
    if kind != OUTPUT_OF[request["task"]]:
        raise Unadmitted(f"A module of the task {request['task']} needs the output {OUTPUT_OF[request['task']]}.")
    options = told.get("output_options") or {}
    try:
        outputs.check(kind, options)
        preprocessing.check(told["preprocessing"])
    except (outputs.UnknownOutput, preprocessing.UnknownStep, AttributeError, KeyError, TypeError) as error:
        sentence = (
            f"config: {error}"
            if str(error).endswith(".")
            else "config: say the preprocessing, as docs/registering.md spells it."
        )
        raise Unadmitted(sentence) from error
    _check_steps(told["preprocessing"], request)
    return {
        "format": FORMAT,
        "module": request["module"],
        "task": request["task"],
        "labels": _labels(told, request, kind),
        "schema_revision": request["schema_revision"],
        "preprocessing": [dict(step) for step in told["preprocessing"]],
        "output": kind,
        **({"output_options": dict(options)} if options else {}),
        "input_shape": preprocessing.input_shape(told["preprocessing"]),
        "min_edge_version": oldest_edge(kind, told["preprocessing"]),
        "platforms": list(PLATFORMS),
    }


def _labels(told: Mapping[str, Any], request: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """Answer the labels of the outputs, in order, as the module's schema names them; all of the schema's where none are told."""
    known: dict[Any, dict[str, Any]] = {}
    for label in request["labels"]:
        known |= {label["id"]: label, **dict.fromkeys(label["names"], label)}
    wanted = told.get("labels")
    if wanted is None:
        wanted = [] if kind == "ctc_text" else [label["id"] for label in request["labels"]]
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or (not wanted and kind != "ctc_text"):
        raise Unadmitted("config: labels are a list, in the order of the outputs.")
    found = []
    for one in wanted:
        # by its name first: the ids of a bundle that another hub made are that hub's
        named = [one.get("name"), one.get("id")] if isinstance(one, Mapping) else [one]
        label = next((known[key] for key in named if isinstance(key, str | int) and key in known), None)
        if label is None:
            raise Unadmitted(f"The module has no label {str(named[0])[:60]!r}; it has {_listed(request['labels'])}.")
        found.append({"id": label["id"], "name": label["names"][0]})
    if len({label["id"] for label in found}) != len(found):
        raise Unadmitted("config: each label stands for one output; one is named twice.")
    return found


def _listed(labels: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(label["names"][0] for label in labels[:20]) or "none"


def _check_steps(steps: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> None:
    """Raise Unadmitted where the steps begin with another kind of file than the module has."""
    is_features = steps[0]["step"] == "features"
    if is_features != (request["task"] == "features"):
        raise Unadmitted(f"config: a module of the task {request['task']} does not begin with the step {steps[0]['step']}.")
    if is_features and steps[0]["dims"] != request["dims"]:
        raise Unadmitted(f"config: the module's features have {request['dims']} numbers a row, not {steps[0]['dims']}.")
