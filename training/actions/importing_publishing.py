"""The last step of an import: what was made ready becomes visible, chunk by chunk, and nothing stops it any more.

Each chunk is one transaction, which also removes it from what is ready: a worker that is killed is followed by another one that
goes on behind it. Before the first chunk nothing is visible, and whatever could refuse the import has been asked.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.actions.event import record
from learning.actions import image_import, label_import, near_duplicates
from learning.actions.label_import import Heard, Said
from learning.models import City, LearningSample, SampleState
from training import plan
from training.actions import dataset as dataset_verbs
from training.actions.importing_work import Hold, let_go
from training.import_report import Report
from training.models import (
    DatasetDelta,
    ImportedRecord,
    ImportPhase,
    ImportState,
    RecordFate,
    TrainingDataset,
    TrainingSample,
)

CHUNK, CHUNK_OF_NEW = 2_000, 500
COLUMNS = (
    "number",
    "sample_id",
    "is_new",
    "fate",
    "said_text",
    "said_sha256",
    "is_as_predicted",
    "confidence",
    "earlier_text",
    "look",
    "split",
)


class Row(msgspec.Struct, gc=False):
    """A record that is ready, its values as JSON text."""

    number: int
    sample: int
    is_new: bool
    fate: str
    said: str | None
    sha256: str
    is_as_predicted: bool
    confidence: float | None
    earlier: str | None
    look: Any
    split: str


@transaction.atomic
def begin(hold: Hold, report: Report, kept: Any) -> None:
    """Ask everything that may refuse, and take the room that the plan grants: from here on the import goes to its end."""
    job = hold.job
    hold.beat()
    dataset = TrainingDataset.objects.select_related("organization").get(pk=job.dataset_id)
    dataset_verbs.refuse_archived(dataset)
    ready = ImportedRecord.objects.filter(job=job)
    size = plan.spend_bytes(dataset, LearningSample.objects.filter(pk__in=ready.values("sample")))
    if size:
        DatasetDelta.objects.create(dataset=dataset, bytes=size)
    hold.beat(must_clear=False, report=kept, counts=report.tally.as_document())
    hold.begin(ImportPhase.PUBLISHING, records=ready.count())


def publish(hold: Hold) -> None:
    """Let the records count, and end the import; begun anywhere again, it goes on."""
    _know_sizes()
    last = 0
    while rows := _next(hold, last):
        _publish(hold, rows)
        last = rows[-1].number  # so that the next look does not walk over what was removed
    _finish(hold)
    let_go(hold.job)


def _know_sizes() -> None:
    """Have PostgreSQL count what was just written: it would take many rows for few, and sort all of them for each chunk."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(ImportedRecord._meta.db_table)}")


def _next(hold: Hold, last: int) -> list[Row]:
    ready = ImportedRecord.objects.filter(job=hold.job, number__gt=last).order_by("number")
    shown = ready.annotate(said_text=Cast("said", TextField()), earlier_text=Cast("earlier", TextField()))
    rows = [Row(*row) for row in shown.values_list(*COLUMNS)[:CHUNK_OF_NEW]]
    if not any(row.is_new for row in rows):  # of those that are there already more are done at once
        rows += [Row(*row) for row in shown.values_list(*COLUMNS)[CHUNK_OF_NEW:CHUNK]]
        rows = rows[: next((place for place, row in enumerate(rows) if row.is_new), len(rows))]
    return rows


@transaction.atomic
def _publish(hold: Hold, rows: Sequence[Row]) -> None:
    job = hold.job
    hold.beat(handled=job.handled + len(rows))
    new = [row for row in rows if row.is_new]
    if new:
        _group(job.city or City.objects.get(pk=_city_of(new)), new)
    heard = _say(hold, rows)
    _place(job.dataset, rows, heard)
    ImportedRecord.objects.filter(job=job, number__range=(rows[0].number, rows[-1].number)).delete()
    if heard.refused or heard.unchanged:
        hold.beat(counts=_recounted(job.counts, heard))


def _group(city: City, new: Sequence[Row]) -> None:
    """Tell which of the new images look like others of their city, under the city's lock."""
    City.objects.select_for_update(no_key=True).get(pk=city.pk)
    rows = LearningSample.objects.filter(pk__among=[row.sample for row in new], state=SampleState.RECEIVED)
    samples = {sample.pk: sample for sample in rows.order_by("pk")}
    looks = {
        samples[row.sample].object_id: image_import.fingerprint_in(row.look)
        for row in new
        if row.look and row.sample in samples and samples[row.sample].object_id
    }
    groups = near_duplicates.place(city, looks, list(samples.values()))  # type: ignore[arg-type]  # none is None
    moved = [samples[key] for key, group in groups.items() if samples[key].group_key != group]
    for sample in moved:
        sample.group_key = groups[sample.pk]
    LearningSample.objects.bulk_update(moved, ["group_key"], batch_size=500)


def _city_of(new: Sequence[Row]) -> int:
    return LearningSample.objects.values_list("city_id", flat=True).get(pk=new[0].sample)


def _say(hold: Hold, rows: Sequence[Row]) -> Heard:
    """Have each record count as what it is."""
    job, module, by = hold.job, hold.job.dataset.module, hold.job.created_by
    said: dict[str, list[Said]] = {}
    for row in rows:
        one = Said(row.sample, row.said, row.sha256, row.is_as_predicted, row.confidence, row.earlier)
        said.setdefault(row.fate, []).append(one)
    heard = Heard()
    for fate, some in said.items():
        if fate == RecordFate.TRUTH:
            _add(heard, label_import.as_truth(some, by=by, module=module))
        elif fate == RecordFate.JUDGEMENT:
            _add(heard, label_import.as_judgement(some, by=by, module=module))
        elif fate == RecordFate.PREDICTION:
            told = {"model": "import", "version": job.format}
            _add(heard, label_import.as_prediction(some, module=module, predicted_by=told))
        else:
            label_import.as_unlabelled([one.sample for one in some], module=module)
    return heard


def _add(heard: Heard, more: Heard) -> None:
    heard.changed += more.changed
    heard.unchanged += more.unchanged
    heard.refused |= more.refused


def _place(dataset: TrainingDataset, rows: Sequence[Row], heard: Heard) -> None:
    """Give the samples their places in the dataset, where they have none; the room was taken before."""
    keys = [row.sample for row in rows if row.sample not in heard.refused or row.is_new]
    there = set(TrainingSample.objects.filter(dataset=dataset, sample__among=keys).values_list("sample_id", flat=True))
    wanted = [key for key in keys if key not in there]
    if not wanted:
        return
    samples = LearningSample.objects.verified().filter(pk__among=wanted, erased_at__isnull=True)
    dataset_verbs.gather(dataset, samples.settled(), size=0)
    dataset_verbs.gather(dataset, samples.exclude(state=SampleState.SETTLED), is_labeled=False, size=0)
    dataset_verbs.activate(dataset)
    added = set(wanted)
    for split in {row.split for row in rows if row.split}:
        of_split = [row.sample for row in rows if row.split == split and row.sample in added]
        TrainingSample.objects.filter(dataset=dataset, sample__among=of_split).update(metadata={"split": split})


def _recounted(counts: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """Answer the counts with what was refused at the last moment, because it changed while the import went on."""
    refused = len(heard.refused)
    reasons = Counter(counts.get("reasons", {})) + Counter(heard.refused.values())
    return {
        **counts,
        "accepted": counts["accepted"] - refused,
        "rejected": counts["rejected"] + refused,
        "unchanged": counts["unchanged"] + heard.unchanged,
        "reasons": dict(sorted(reasons.items())),
    }


@transaction.atomic
def _finish(hold: Hold) -> None:
    job = hold.job
    hold.beat()
    job.move(ImportState.DONE, finished_at=timezone.now(), phase="", token="", beat_at=None)
    counts = {name: job.counts[name] for name in ("records", "accepted", "rejected", "new_images", "known_images")}
    record(
        job.created_by,
        "import",
        job,
        dataset=str(job.dataset_id),
        taken_as=job.taken_as,
        asked_for_by=job.created_by_id,
        **counts,
    )
