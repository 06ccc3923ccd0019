"""Verbs on AI modules and their label schemas."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from learning import schema_reading
from learning.actions import policy as policies
from learning.actions.label_schema import read_note
from learning.models import AiModule, LabelSchema, ReviewPolicy, Task

SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
NEW = "new"
"""The word of a page's address in place of a slug."""
MAX_DIMS = 100_000
MAX_NAME = 120
ENCODING = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@transaction.atomic
def add(
    slug: str,
    *,
    by: User | None,
    name: str,
    task: str,
    labels: schema_reading.Labels = (),
    attributes: Sequence[Mapping[str, Any]] = (),
    text: Mapping[str, Any] | None = None,
    reasons: Sequence[str] = (),
    reject_reasons: Sequence[str] = (),
    guide: str = "",
    note: str = "",
    review_policy: Mapping[str, Any] | None = None,
    accepts_unlabelled: bool = False,
    min_quality: float = 0.0,
    encoding: str = "",
    dims: int | None = None,
) -> AiModule:
    """Make a module with the first revision of its schema; labels are names, or {name, color?, shortcut?}.

    `by` is None for the command line. Raises Invalid for a schema or policy that makes no sense, Conflict for a taken slug.
    """
    if by is not None:
        require(by, Permission.MANAGE_MODULES)
    if not SLUG.fullmatch(slug) or slug == NEW:
        raise Invalid("A slug begins with a small letter and has only small letters, digits, - and _; new is taken.")
    if task not in Task.values:
        raise Invalid(f"There is no task {task}; there are {', '.join(Task.values)}.")
    schema = LabelSchema(
        revision=1,
        labels=schema_reading.read_labels(labels),
        attributes=schema_reading.read_attributes(attributes),
        text=schema_reading.read_text({} if text is None else text),
        reasons=schema_reading.read_reasons(reasons),
        reject_reasons=schema_reading.read_reasons(reject_reasons),
        guide=schema_reading.read_guide(guide),
        note=read_note(note),
        created_by=by,
    )
    if AiModule.objects.filter(slug=slug).exists():
        raise Conflict(f"There is a module {slug} already.")
    policy = ReviewPolicy.of(policies.read({} if review_policy is None else review_policy))
    _check_flag(accepts_unlabelled)
    module = AiModule.objects.create(
        slug=slug,
        name=_read_name(name) or slug,
        task=task,
        accepts_unlabelled=accepts_unlabelled,
        min_quality=_read_quality(min_quality),
        **_read_features(task, encoding, dims),
    )
    policies.keep(module, policy, by=by)
    schema.module = module
    schema.save(force_insert=True)
    record(by, "add", module, task=task, schema=schema.pk)
    return module


@transaction.atomic
def revise(
    module: AiModule,
    *,
    by: User,
    name: str | None = None,
    accepts_unlabelled: bool | None = None,
    min_quality: float | None = None,
) -> AiModule:
    """Change what a module is called and takes; what is None stays. What came before is not read anew. Raises Invalid."""
    require(by, Permission.MANAGE_MODULES)
    if accepts_unlabelled is not None:
        _check_flag(accepts_unlabelled)
    asked = {
        "name": None if name is None else _read_name(name) or module.slug,
        "accepts_unlabelled": accepts_unlabelled,
        "min_quality": None if min_quality is None else _read_quality(min_quality),
    }
    row = AiModule.objects.select_for_update().get(pk=module.pk)
    changed = {field: value for field, value in asked.items() if value is not None and value != getattr(row, field)}
    for field, value in changed.items():
        setattr(row, field, value)
    if changed:
        row.save(update_fields=list(changed))
        record(by, "revise", row, **changed)
    return row


def copied(schema: LabelSchema) -> dict[str, Any]:
    """Answer what another module's schema may begin with: the labels in use under new ids, without their past and pictures."""
    kept = ("name", "color", "shortcut", "guide")
    labels = [{part: label[part] for part in kept if part in label} for label in schema.labels if not label.get("retired")]
    past = {"id", "formerly", "values_formerly"}
    asked = [attribute for attribute in schema.attributes if not attribute.get("retired")]
    attributes = [{part: said for part, said in attribute.items() if part not in past} for attribute in asked]
    return {**schema.content, "labels": labels, "attributes": attributes}


def _check_flag(flag: Any) -> None:
    if not isinstance(flag, bool):
        raise Invalid("accepts_unlabelled is true or false.", errors={"accepts_unlabelled": ["is true or false"]})


def _read_name(name: Any) -> str:
    if not isinstance(name, str) or len(name) > MAX_NAME or not (name.isprintable() or not name):
        raise Invalid(f"A name is printable text of at most {MAX_NAME} characters.", errors={"name": ["is too long"]})
    return name.strip()


def _read_quality(share: Any) -> float:
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise Invalid("The least image quality is from 0 to 1.", errors={"min_quality": ["is out of bounds"]})
    return float(share)


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
