"""Verbs on AI modules and their label schemas."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from learning.annotation import NORMALISERS
from learning.models import AiModule, LabelSchema, Task
from learning.models.module import CityLabels, ReviewPolicy

SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
COLORS = ("#3b76d1", "#d1603b", "#3ba55d", "#9b59b6", "#c9a227", "#16a2a8", "#c0397b", "#6b7a8f", "#8a6d3b")
ATTRIBUTE_TYPES = {"select", "checkbox", "number", "text"}
MAX_LABELS = 1_000
MAX_OVERLAP = 9
MAX_DIMS = 100_000
ENCODING = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
Labels = Sequence[str | Mapping[str, Any]]


@transaction.atomic
def add(
    slug: str,
    *,
    by: User | None,
    name: str,
    task: str,
    labels: Labels = (),
    attributes: Sequence[Mapping[str, Any]] = (),
    text: Mapping[str, Any] | None = None,
    reasons: Sequence[str] = (),
    review_policy: Mapping[str, Any] | None = None,
    accepts_unlabelled: bool = False,
    encoding: str = "",
    dims: int | None = None,
) -> AiModule:
    """Make a module with the first revision of its schema; labels are names, or {name, color?, shortcut?}.

    `by` is None for the command line. Raises Invalid for a schema or policy that makes no sense, Conflict for a taken slug.
    """
    if by is not None:
        require(by, Permission.MANAGE_MODULES)
    if not SLUG.fullmatch(slug):
        raise Invalid("A slug begins with a small letter and has only small letters, digits, - and _.")
    if task not in Task.values:
        raise Invalid(f"There is no task {task}; there are {', '.join(Task.values)}.")
    schema = LabelSchema(
        revision=1,
        labels=_read_labels(labels),
        attributes=[_read_attribute(attribute) for attribute in attributes],
        text=_read_text(text or {}),
        reasons=_read_names(reasons, "A reason"),
    )
    if AiModule.objects.filter(slug=slug).exists():
        raise Conflict(f"There is a module {slug} already.")
    policy = read_policy(review_policy or {})
    module = AiModule.objects.create(
        slug=slug,
        name=name or slug,
        task=task,
        review_policy=policy,
        accepts_unlabelled=accepts_unlabelled,
        **_read_features(task, encoding, dims),
    )
    schema.module = module
    schema.save(force_insert=True)
    record(by, "add", module, task=task, schema=schema.pk)
    return module


def read_policy(given: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the parts of a review policy that differ from the default; raises Invalid."""
    unknown = set(given) - set(asdict(ReviewPolicy()))
    if unknown:
        raise Invalid(f"A review policy has no {', '.join(sorted(map(str, unknown)))}.")
    policy = ReviewPolicy(**given)
    if not isinstance(policy.overlap, int) or not 1 <= policy.overlap <= MAX_OVERLAP:
        raise Invalid(f"overlap must be from 1 to {MAX_OVERLAP} judgements.")
    if policy.city_labels not in CityLabels.values:
        raise Invalid(f"city_labels must be one of {', '.join(CityLabels.values)}.")
    if not isinstance(policy.check_share, int | float) or not 0 <= policy.check_share <= 1:
        raise Invalid("check_share must be from 0 to 1.")
    return dict(given)


def _read_features(task: str, encoding: str, dims: int | None) -> dict[str, Any]:
    """Check what a module of task features says of them, and no other one may."""
    if task != Task.FEATURES:
        if encoding or dims is not None:
            raise Invalid("Only a module of the task features has an encoding and dims.")
        return {}
    if not isinstance(encoding, str) or not ENCODING.fullmatch(encoding):
        raise Invalid("A module of the task features names their encoding: letters, digits and ._-, 80 at most.")
    if isinstance(dims, bool) or not isinstance(dims, int) or not 1 <= dims <= MAX_DIMS:
        raise Invalid(f"A module of the task features says how many numbers a row has: dims, from 1 to {MAX_DIMS:,}.")
    return {"encoding": encoding, "dims": dims}


def _read_labels(given: Labels) -> list[dict[str, Any]]:
    """Give each label an id that stays, a colour, and a digit to press for the first nine."""
    if not isinstance(given, list | tuple) or len(given) > MAX_LABELS:
        raise Invalid(f"The labels of a schema are a list of {MAX_LABELS} at most.")
    if not all(isinstance(label, str | Mapping) for label in given):
        raise Invalid("A label is a name, or an object with a name.")
    asked = [{"name": label} if isinstance(label, str) else dict(label) for label in given]
    names = _read_names([label.get("name") for label in asked], "A label")
    return [
        {
            "id": number,
            "name": name,
            "color": str(label.get("color") or COLORS[(number - 1) % len(COLORS)])[:20],
            "shortcut": str(label.get("shortcut") or _default_key(number, name, names))[:1],
        }
        for number, (name, label) in enumerate(zip(names, asked, strict=True), start=1)
    ]


def _default_key(number: int, name: str, names: Sequence[str]) -> str:
    """Answer the key of a label that asks for none: digits are their own keys, else the first nine have 1 to 9."""
    if all(len(other) == 1 and other.isdigit() for other in names):
        return name
    return str(number) if number <= 9 else ""


def _read_attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping) or given.get("type") not in ATTRIBUTE_TYPES:
        raise Invalid(f"An attribute is an object whose type is one of {', '.join(sorted(ATTRIBUTE_TYPES))}.")
    if given.get("per", "sample") not in {"sample", "box"}:
        raise Invalid("An attribute is per sample or per box.")
    return {
        "name": _read_names([given.get("name")], "An attribute")[0],
        "type": given["type"],
        "values": _read_names(given.get("values") or [], "A value"),
        "required": bool(given.get("required")),
        "per": given.get("per", "sample"),
    }


def _read_text(given: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(given) - {"pattern", "normalise", "max_length"}:
        raise Invalid(f"A text rule has no {', '.join(sorted(map(str, unknown)))}.")
    try:
        re.compile(given.get("pattern") or "")
    except (re.error, TypeError) as error:
        raise Invalid(f"The pattern of the text is no regular expression: {error}.") from error
    if given.get("normalise", "space") not in NORMALISERS:
        raise Invalid(f"normalise must be one of {', '.join(NORMALISERS)}.")
    if not isinstance(given.get("max_length", 1), int) or not 1 <= given.get("max_length", 1) <= 2_000:
        raise Invalid("max_length must be from 1 to 2,000.")
    return dict(given)


def _read_names(given: Sequence[Any], noun: str) -> list[str]:
    if not isinstance(given, list | tuple):
        raise Invalid(f"{noun} stands in a list.")
    for name in given:
        if not isinstance(name, str) or not 0 < len(name) <= 60 or not name.isprintable():
            raise Invalid(f"{noun} has a printable name of at most 60 characters.")
    if len(set(given)) < len(given):
        raise Invalid(f"{noun} is named twice.")
    return list(given)
