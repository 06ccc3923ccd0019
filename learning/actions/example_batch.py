"""Taking many examples at once: the database is asked and written once a chunk, and the store put to from several threads."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.db import IntegrityError

from accounts.models import User
from core.errors import Conflict, Refusal
from learning import previews
from learning.actions import city as cities
from learning.actions import example, ledger
from learning.actions import object as stored_object
from learning.actions import sample as samples
from learning.actions.example_writing import MEDIA_TYPES, Facts, Incoming, event_of, metadata_of, write
from learning.actions.object import Content
from learning.annotation import Rules
from learning.features import Features
from learning.models import AiModule, LearningSample, ObjectKind, StoredObject, TrainingExample

Outcome: TypeAlias = "bool | Refusal"
"""Whether an example is new (else it is there already), or why it was refused."""


@dataclass(frozen=True)
class _Read:
    place: int
    content: bytes
    facts: Facts
    found: Features

    @property
    def event(self) -> str:
        return event_of(self.facts, self.found.sha256)

    @property
    def look(self) -> tuple[str, str]:
        """By which an example is known again."""
        return self.facts.user_id, f"sha256:{self.found.sha256}"


def add_many(arrivals: Sequence[tuple[bytes, Facts]], *, by: User | None, module: AiModule) -> list[Outcome]:
    """Take a chunk of NPZs, each as `example.add` does, and answer what became of each, in order.

    Files and rows are one: all that is new in the chunk is there, or nothing. Raises Refused, Invalid for a module that takes
    no features, or StoreError. Not for transactions.
    """
    example.check_module(by, module)
    outcomes: dict[int, Outcome] = {}
    fresh = _sift(_read(arrivals, module, outcomes), outcomes)
    if fresh:
        _keep(fresh, module, by, outcomes)
    return [outcomes[place] for place in range(len(arrivals))]


def _read(arrivals: Sequence[tuple[bytes, Facts]], module: AiModule, outcomes: dict[int, Outcome]) -> list[_Read]:
    """Check each one by itself; answers those that may be taken."""
    rules, read = Rules.of(module.schema), []
    for place, (content, facts) in enumerate(arrivals):
        try:
            example.check_facts(facts, rules)
            read.append(_Read(place, content, facts, example.inspected(content, module)))
        except Refusal as refusal:
            outcomes[place] = refusal
    return read


def _sift(read: Sequence[_Read], outcomes: dict[int, Outcome]) -> list[_Read]:
    """Answer those that are new: neither here already, nor twice in the chunk, nor in another's place, nor erased."""
    hub, rows = cities.hub(), TrainingExample.objects.all()
    events = {one.event for one in read}
    users, hashes = {one.facts.user_id for one in read}, {one.look[1] for one in read}
    records = {one.facts.record_id for one in read if one.facts.record_id}
    known = set(rows.filter(user_id__in=users, features_hash__in=hashes).values_list("user_id", "features_hash"))
    recorded = set(rows.filter(record_id__in=records).values_list("record_id", flat=True)) if records else set()
    taken = set(LearningSample.objects.filter(city=hub, event_id__in=events).values_list("event_id", flat=True))
    erased = ledger.erased_among(hub, events)
    fresh = []
    for one in read:
        if one.look in known:
            outcomes[one.place] = False
        elif one.facts.record_id in recorded:
            outcomes[one.place] = Conflict("There is another example of this record_id.", code="record_id_conflict")
        elif one.facts.source and one.event in taken:
            outcomes[one.place] = Conflict("There is another file under this path.", code="event_id_conflict")
        elif one.event in erased:
            outcomes[one.place] = Conflict("This was erased, and is not taken again.", code="erased")
        else:
            fresh.append(one)
            known.add(one.look)
            taken.add(one.event)
            recorded |= {one.facts.record_id} - {None}
    return fresh


def _keep(fresh: Sequence[_Read], module: AiModule, by: User | None, outcomes: dict[int, Outcome]) -> None:
    """Store and write what is new."""
    kept: list[StoredObject] = []
    try:
        kept = stored_object.put_many([content for one in fresh for content in _contents(one)], owner=by)
        pairs = zip(fresh, kept[::2], kept[1::2], strict=True)
        write(module, [Incoming(one.facts, one.found, _with(obj, drawing)) for one, obj, drawing in pairs], by)
        outcomes.update((one.place, True) for one in fresh)
    except IntegrityError:  # somebody brought one of them at the same moment
        samples.discard(kept)
        for one in fresh:
            try:
                outcomes[one.place] = example.add(one.content, by=by, module=module, facts=one.facts)[1]
            except Refusal as refusal:
                outcomes[one.place] = refusal
    except BaseException:
        samples.discard(kept)
        raise


def _contents(one: _Read) -> tuple[Content, Content]:
    told = metadata_of(one.facts, one.found)
    drawing = previews.preview(io.BytesIO(one.content))
    return (
        Content(one.content, ObjectKind.FEATURES, MEDIA_TYPES[ObjectKind.FEATURES], told),
        Content(drawing, ObjectKind.THUMBNAIL, MEDIA_TYPES[ObjectKind.THUMBNAIL], told),
    )


def _with(obj: StoredObject, drawing: StoredObject) -> StoredObject:
    obj.thumbnail = drawing
    return obj
