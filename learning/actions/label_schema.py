"""Verbs on label schemas: a new revision, checked against what was said before; a preview of it changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.queue import enqueue
from learning import schema_changes, schema_reading
from learning.actions import label_use
from learning.models import AiModule, LabelSchema, LearningSample, SchemaPart
from learning.renaming import names_of

MAX_NOTE = 300


class Undecided(Conflict):
    """Whether something was ever said takes longer to tell than a person waits."""

    code = "looking"

    def __init__(self, part: SchemaPart, row: Mapping[str, Any]) -> None:
        super().__init__(
            f"This module holds so much that it takes a while to tell whether anybody ever said {row['name']}: it is being looked "
            "for now. Ask again in a few minutes, or retire it instead."
        )
        self.part, self.number = part, row["id"]


def revise(module: AiModule, *, by: User | None, based_on: int, note: str = "", **content: Any) -> LabelSchema:
    """Answer the module's next revision, with the parts of LabelSchema.CONTENT that `content` names; the others stay.

    Revisions before it, and what was said by them, stay as they are: a label keeps its id under another name, and one that
    was used is retired, never left out. The same content again is the newest revision as it is. `by` is None for the command
    line. Raises Invalid, and Conflict where `based_on` is no longer the newest revision.
    """
    if by is not None:
        require(by, Permission.MANAGE_MODULES)
    with _looked_for(module):
        return _revise(module, by, based_on, note, content)


@transaction.atomic
def _revise(module: AiModule, by: User | None, based_on: int, note: str, content: Mapping[str, Any]) -> LabelSchema:
    newest = AiModule.objects.select_for_update().get(pk=module.pk).schema
    read = _read(newest, content)
    if read == newest.content:
        return newest
    if based_on != newest.revision:
        raise Conflict(
            f"Revision {newest.revision} of this schema was saved meanwhile: look at what it changes, then make your changes anew.",
            code="schema_revised",
            facts={"revision": newest.revision},
        )
    _check(newest, read)
    schema = newest.successor(**read, note=read_note(note), created_by=by)
    schema.save(force_insert=True)
    record(by, "revise_schema", module, revision=schema.revision, **_counted(schema_changes.changes(newest.content, read)))
    return schema


def preview(module: AiModule, **content: Any) -> tuple[dict[str, Any], list[schema_changes.Change]]:
    """Answer the content that `revise` would keep and what it changes; raises Invalid as it does."""
    newest = module.schema
    read = _read(newest, content)
    with _looked_for(module):
        _check(newest, read)
    return read, schema_changes.changes(newest.content, read)


@contextmanager
def _looked_for(module: AiModule) -> Iterator[None]:
    """Have a worker look on where it could not be decided, once the transaction that asked is over."""
    try:
        yield
    except Undecided as undecided:
        enqueue("learning.tasks.look_for_use", module.pk, undecided.part.value, undecided.number)
        raise


def read_note(note: Any) -> str:
    """Answer why a revision was made, in a few words; raises Invalid."""
    if not isinstance(note, str) or len(note) > MAX_NOTE or not (note.isprintable() or not note):
        raise Invalid(f"A note is one line of text of at most {MAX_NOTE} characters.", errors={"note": ["is too long"]})
    return note.strip()


def use_of(module: AiModule, labels: Iterable[Mapping[str, Any]], most: int = 10_000) -> dict[int, int]:
    """Answer label id → how many of the module's newest settled samples say it, looking at `most` of them."""
    ids = {name: label["id"] for label in labels for name in names_of(label)}
    counts = dict.fromkeys(ids.values(), 0)
    truths = LearningSample.objects.settled().filter(module=module).order_by("-id").values_list("truth", flat=True)[:most]
    for truth in truths:
        said = {(truth or {}).get("label"), *(box["label"] for box in (truth or {}).get("boxes") or ())}
        for number in {ids[name] for name in said if name in ids}:
            counts[number] += 1
    return counts


def _read(newest: LabelSchema, content: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(content) - set(LabelSchema.CONTENT):
        raise Invalid(f"A label schema has no {', '.join(sorted(map(str, unknown)))}.")
    return {**newest.content, **{name: _READERS[name](newest, given) for name, given in content.items()}}


def _read_labels(newest: LabelSchema, given: schema_reading.Labels) -> list[dict[str, Any]]:
    return schema_reading.read_labels(given, newest.labels, first_id=_next_id(newest, "labels"))


def _read_attributes(newest: LabelSchema, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return schema_reading.read_attributes(given, newest.attributes, first_id=_next_id(newest, "attributes"))


def _next_id(newest: LabelSchema, part: str) -> int:
    """Answer the id of the next label or attribute: none is ever given twice in a module."""
    every = LabelSchema.objects.filter(module=newest.module_id).values_list(part, flat=True)
    return max((row["id"] for rows in every for row in rows), default=0) + 1


_READERS: dict[str, Callable[[LabelSchema, Any], Any]] = {
    "labels": _read_labels,
    "attributes": _read_attributes,
    "text": lambda _, given: schema_reading.read_text(given),
    "reasons": lambda _, given: schema_reading.read_reasons(given),
    "reject_reasons": lambda _, given: schema_reading.read_reasons(given),
    "guide": lambda _, given: schema_reading.read_guide(given),
}


def _check(newest: LabelSchema, read: Mapping[str, Any]) -> None:
    """Raise Invalid where a revision would forget what was used, or show what is not there."""
    _refuse_used(newest, read)
    shown = {name for label in read["labels"] for name in label.get("examples", ())}
    known = {name for label in newest.labels for name in label.get("examples", ())}
    there = LearningSample.objects.filter(module=newest.module_id, sample_id__in=shown - known).values_list(
        "sample_id", flat=True
    )
    if missing := sorted(shown - known - set(there)):
        raise Invalid(f"There is no sample {missing[0][:60]} in this module that could be shown as an example.")


def _refuse_used(newest: LabelSchema, read: Mapping[str, Any]) -> None:
    """Raise Invalid where a label or an attribute that was used is left out, and Undecided where that takes long to tell."""
    for part, name in ((SchemaPart.LABEL, "labels"), (SchemaPart.ATTRIBUTE, "attributes")):
        kept = {row["id"] for row in read[name]}
        for row in getattr(newest, name):
            if row["id"] in kept:
                continue
            said = label_use.was_said(newest.module, part, row)
            if said is None:
                raise Undecided(part, row)
            if said:
                why = "was used: retire it instead of leaving it out, so that what was said keeps its meaning"
                raise Invalid(f"{row['name']} {why}.")


def _counted(found: Sequence[schema_changes.Change]) -> dict[str, int]:
    """Answer how many changes there are of each kind: what the audit may hold of them."""
    counts: dict[str, int] = {}
    for change in found:
        counts[change.kind] = counts.get(change.kind, 0) + 1
    return counts
