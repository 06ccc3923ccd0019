"""What an export writes: the members of a dataset as they are, or of a frozen version, read in short chunks by key.

No snapshot is held longer than a chunk, and a truth is passed on as the text that the database keeps.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast

from learning.annotation import Schema
from learning.models import HitlLabel, LearningSample, SampleState, StoredObject
from learning.renaming import Renames, in_current_names
from training import local
from training.export_names import Names
from training.formats import ExportMember
from training.manifest import read_members
from training.models import DatasetExport, DatasetMember, DatasetVersion, TrainingSample

CHUNK = 5_000
MOST_SHARED = 200_000
"""So many names that several samples share are remembered; where there are more, all samples are named by their ids."""
COLUMNS = (
    "sample_id",
    "source_name",
    "object__name",
    "object__alias",
    "object__size",
    "object__width",
    "object__height",
    "truth_text",
)
WHOLE = len("2026-11-20 12:00:00")
FACTS = (
    "event_id",
    "group_key",
    "object__sha256",
    "object__media_type",
    "weight",
    "city__slug",
    "camera__camera_id",
    "captured_text",
)
"""What only our own JSON Lines say of a sample beside."""


@dataclass(frozen=True)
class Kept:
    """Where the image of a member lies; None in its place where the store has it no more."""

    name: str
    alias: str
    size: int


Row = tuple[ExportMember, Kept | None]


def schema_of(export: DatasetExport) -> Schema:
    """Answer the schema of the version, or the module's of today."""
    if export.version is None:
        return export.dataset.module.schema
    frozen = export.version.label_schema
    parts = {name: frozen.get(name) for name in ("labels", "attributes", "text")}
    return SimpleNamespace(**{**parts, "labels": parts["labels"] or []})


def rows_of(export: DatasetExport, names: Names, *, with_facts: bool) -> Iterator[Row]:
    """Yield each member, under its name, in the order of the samples; splits only of a version."""
    schema = schema_of(export)
    renames = Renames.of(schema.labels, schema.attributes)
    current = _translated(renames) if renames else _as_it_is
    if export.version is None:
        return _live(export.dataset_id, names, current, with_facts=with_facts)
    return _frozen(export.version, names, current, with_facts=with_facts)


def names_of(export: DatasetExport) -> Names:
    """Look which names several members share, so that each gets one of its own."""
    if export.version is None:
        rows: QuerySet[Any] = TrainingSample.objects.filter(dataset=export.dataset_id, rejection_reason="")
        rows = rows.filter(sample__state=SampleState.SETTLED)
    else:
        rows = DatasetMember.objects.filter(version=export.version)
    grouped = rows.order_by().values("sample__source_name").annotate(n=Count("sample"))
    several = grouped.filter(Q(n__gt=1) | Q(sample__source_name="")).values_list("sample__source_name", flat=True)
    shared = set(several[: MOST_SHARED + 1])
    if len(shared) > MOST_SHARED:
        return Names(by_id=True)
    has_unnamed = "" in shared
    shared.discard("")
    is_mixed = bool(shared) or (has_unnamed and rows.exclude(sample__source_name="").exists())
    return Names(frozenset(shared), is_mixed=is_mixed)


def _live(dataset_id: Any, names: Names, current: Callable[[Any], Any], *, with_facts: bool) -> Iterator[Row]:
    """Read the members that a freeze would take: settled, not rejected, with an image, and with consent.

    Keys first, then what belongs to them: asked for all at once, a database may take the rare rows of people for its start.
    """
    columns = (*COLUMNS, *FACTS) if with_facts else COLUMNS
    for keys in _keys(dataset_id):
        rows = _fetched(_samples(keys, with_facts=with_facts).values_list(*columns))
        for sample_id, source, name, alias, size, width, height, truth, *facts in rows:
            member = ExportMember(
                name=names.name_of(source, sample_id, name),
                sample_id=sample_id,
                width=width,
                height=height,
                value=current(truth),
                facts=_facts(width, height, facts) if facts else None,
            )
            yield member, Kept(name, alias, size)


def _keys(dataset_id: Any) -> Iterator[list[int]]:
    places = TrainingSample.objects.filter(dataset=dataset_id, rejection_reason="").order_by("sample_id")
    last = 0
    while keys := list(places.filter(sample_id__gt=last).values_list("sample_id", flat=True)[:CHUNK]):
        yield keys
        last = keys[-1]


def _samples(keys: Sequence[int], *, with_facts: bool) -> Any:
    rows: Any = LearningSample.objects.settled().may_be_trained_on().filter(pk__among=keys)
    rows = rows.filter(object__isnull=False, object__deleted_at__isnull=True)
    rows = rows.annotate(truth_text=Cast("truth", TextField())).order_by("pk")
    if with_facts:
        weighed = HitlLabel.objects.filter(sample=OuterRef("pk"), confidence_override__isnull=False).order_by("-id")
        rows = rows.annotate(weight=Subquery(weighed.values("confidence_override")[:1]))
        rows = rows.annotate(captured_text=Cast("captured_at", TextField()))
    return rows


def _fetched(rows: Any) -> Iterable[Any]:
    """Answer the rows of a chunk; PostgreSQL's driver has them whole already, and Django would hand them on a hundred at a time."""
    if connection.vendor != "postgresql":
        return list(rows)
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        fetched: list[Any] = cursor.fetchall()
    return fetched


def _facts(width: int | None, height: int | None, rest: Sequence[Any]) -> Mapping[str, Any]:
    event, group, sha256, media_type, weight, city, camera, captured_at = rest
    return {
        "event_id": event,
        "group": group,
        "object": {"sha256": sha256, "media_type": media_type, "width": width, "height": height},
        "weight": 1.0 if weight is None else weight,
        "city": city,
        "camera_id": camera,
        "captured_at": _moment(captured_at),
    }


def _moment(text: str) -> str:
    """Spell a time as ISO 8601; to read and to write it takes ten times as long as to move what the database says."""
    if len(text) == WHOLE or (len(text) == WHOLE + 3 and text.endswith("+00")):
        return f"{text[:10]}T{text[11:19]}+00:00"
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _as_it_is(truth: Any) -> Any:
    """Pass a truth on; PostgreSQL spells the same value the same way, SQLite as it was written at the time."""
    if not isinstance(truth, str):
        return truth
    return truth.encode() if connection.vendor == "postgresql" else orjson.dumps(orjson.loads(truth))


def _translated(renames: Renames) -> Callable[[Any], Any]:
    """Answer what spells a truth in the names that the labels have now."""
    return lambda truth: in_current_names(orjson.loads(truth) if isinstance(truth, str) else truth, renames)


def _frozen(version: DatasetVersion, names: Names, current: Callable[[Any], Any], *, with_facts: bool) -> Iterator[Row]:
    """Read both files of the version; what was erased meanwhile is left out, also where the files are not rewritten yet."""
    assert version.manifest is not None
    assert version.truth is not None
    paths = [local.cached(kept.name, kept.alias, kept.sha256) for kept in (version.manifest, version.truth)]
    members = DatasetMember.objects.filter(version=version, erased_at__isnull=False)
    erased = set(members.values_list("sample__sample_id", flat=True))
    for lines in _chunks(read_members(*paths)):
        there = _objects([line["object"]["name"] for line, _ in lines])
        for line, right in lines:
            if right["truth"] is None or line["sample_id"] in erased:
                continue
            facts = {key: value for key, value in line["object"].items() if key not in ("name", "size")}
            member = ExportMember(
                name=names.name_of(line.get("source", ""), line["sample_id"], line["object"]["name"]),
                sample_id=line["sample_id"],
                width=facts["width"],
                height=facts["height"],
                split=line["split"],
                value=current(right["truth"]),
                facts={**{key: line[key] for key in LINE}, "object": facts} if with_facts else None,
            )
            yield member, there.get(line["object"]["name"])


LINE = ("event_id", "group", "weight", "city", "camera_id", "captured_at")


def _objects(names: list[str]) -> dict[str, Kept]:
    rows = StoredObject.objects.filter(name__in=names, deleted_at__isnull=True).values_list("name", "alias", "size")
    return {row[0]: Kept(*row) for row in rows}


def _chunks(members: Iterable[Any]) -> Iterator[list[Any]]:
    chunk = []
    for member in members:
        chunk.append(member)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
