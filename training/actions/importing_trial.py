"""The dry run of an import: everything is read and matched, nothing is written but what was found and twenty drawn records."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from learning import images
from learning.actions import image_import
from learning.actions import object as stored_object
from learning.annotation import Rules
from learning.defects import Defect
from learning.models import ObjectKind
from training import local
from training.actions.importing_batches import Batch, Matched, Matcher, batches
from training.actions.importing_work import Hold, source_of
from training.formats import Source
from training.formats.base import Wrong
from training.import_records import UNDECIDED, Ready, Terms, guessed, ready
from training.import_report import Report
from training.import_source import Pictures
from training.models import DatasetImport, ImportPhase, ImportState

SHOWN = 20
KEPT_FOR = timedelta(days=7)
CSV = "text/csv"


@dataclass
class _Draw:
    """Twenty of the records that would be taken, each as likely as any other; the same in every run."""

    dice: random.Random
    seen: int = 0
    drawn: list[tuple[Matched, Ready]] = field(default_factory=list)

    def offer(self, matched: Matched, found: Ready) -> None:
        """Take one more into account."""
        self.seen += 1
        if len(self.drawn) < SHOWN:
            self.drawn.append((matched, found))
        elif (place := self.dice.randrange(self.seen)) < SHOWN:
            self.drawn[place] = (matched, found)


def check(hold: Hold) -> None:
    """Read the whole file, note what is in it and what would be taken, and wait for a person; raises Refusal."""
    job = hold.job
    hold.begin(ImportPhase.READING, records=None)
    terms = terms_of(job, is_trial=True)
    draw = _Draw(random.Random(str(job.pk)))  # noqa: S311  (which ones are shown is no secret)
    with TemporaryDirectory(dir=local.scratch()) as folder, source_of(hold) as (source, found):
        with Report(Path(folder) / "errors.csv") as report:
            matcher = Matcher(job, Pictures(source), report)
            for batch in batches(matcher, source, found, terms):
                _note(batch, draw, report)
                hold.told(report.tally.records)
        report.tally.notes.update(terms.notes)
        report.tally.left_out.update(getattr(source, "left_out", {}))
        drawn = _drawn(hold, source, draw, terms)
        kept = store_report(job, report)
    _checked(hold, terms, report, drawn, kept)


def terms_of(job: DatasetImport, *, is_trial: bool) -> Terms:
    """Answer how this import reads records; in a dry run what is not decided is guessed, from the dataset's last import too."""
    schema = job.dataset.module.schema
    guess = None
    if is_trial:
        last = last_mapping(job)
        guess = lambda category: guessed(schema, [category], last)  # noqa: E731
    return Terms(dict(job.mapping), Rules.of(schema), job.taken_as, job.empty, guess)


def last_mapping(job: DatasetImport) -> dict[str, str | None]:
    """Answer what the last import into this dataset took categories for."""
    done = DatasetImport.objects.filter(dataset=job.dataset, state=ImportState.DONE).exclude(pk=job.pk)
    found: dict[str, str | None] = done.order_by("-created_at").values_list("mapping", flat=True).first() or {}
    return found


def store_report(job: DatasetImport, report: Report) -> Any:
    """Keep the CSV of what was not taken, where there is any; answers its object or None."""
    if not report.lines:
        return None
    return stored_object.store_bytes(
        report.path,
        kind=ObjectKind.EXPORT,
        media_type=CSV,
        metadata={"uploaded_at": timezone.now().isoformat(timespec="seconds"), "dataset_import": str(job.pk)},
        delete_at=timezone.now() + timedelta(days=settings.EXPORT_DAYS),
    )


def _note(batch: Batch, draw: _Draw, report: Report) -> None:
    for matched, found in batch.fitting():
        report.tally.accepted += 1
        report.tally.empty += found.value == {"boxes": []} or found.value is None
        report.tally.known_images += matched.sample is not None
        report.tally.new_images += matched.sample is None
        report.leave_out(found.record, found.misfits)
        draw.offer(matched, found)


def _drawn(hold: Hold, source: Source, draw: _Draw, terms: Terms) -> list[dict[str, Any]]:
    """Look at the drawn pictures, and answer each with its value and a thumbnail; what is no picture says so."""
    job = hold.job
    trial = Terms(dict(terms.mapping), terms.rules, terms.fate, terms.empty, lambda _: {})

    def look(one: tuple[Matched, Ready]) -> tuple[dict[str, Any], bytes]:
        matched, found = one
        document = {"name": found.record.name, "value": found.value}
        if matched.sample is not None:
            width, height = matched.sample.size or (None, None)
            return {**document, "sample": matched.sample.sample_id, "width": width, "height": height}, b""
        try:
            facts = image_import.inspected(matched.content(source), job.dataset.module)
            document["value"] = ready(found.record, (facts.width, facts.height), trial).value
        except (Defect, Wrong) as wrong:
            return {**document, "problem": wrong.detail}, b""
        return {**document, "width": facts.width, "height": facts.height}, facts.thumbnail

    with ThreadPoolExecutor(settings.DECODERS, thread_name_prefix="import") as pool:
        seen = hold.each(pool, look, draw.drawn)
    return [_with_thumbnail(job, document, thumbnail) for document, thumbnail in seen]


def _with_thumbnail(job: DatasetImport, document: dict[str, Any], thumbnail: bytes) -> dict[str, Any]:
    if not thumbnail:
        return document
    kept = stored_object.store_bytes(
        thumbnail,
        kind=ObjectKind.EXPORT,
        media_type=images.THUMBNAIL_TYPE,
        metadata={"uploaded_at": timezone.now().isoformat(timespec="seconds"), "dataset_import": str(job.pk)},
        delete_at=timezone.now() + KEPT_FOR,
    )
    return {**document, "object": str(kept.pk)}


@transaction.atomic
def _checked(hold: Hold, terms: Terms, report: Report, drawn: list[dict[str, Any]], kept: Any) -> None:
    job = hold.job
    hold.beat()
    decided = {name: label for name, label in terms.mapping.items() if label is not UNDECIDED}
    job.move(
        ImportState.CHECKED,
        categories=dict(terms.categories.most_common()),
        mapping={name: decided[name] for name in sorted(decided)},
        counts=report.tally.as_document(),
        drawn=drawn,
        report=kept,
        phase="",
        handled=report.tally.records,
        records=report.tally.records,
        beat_at=None,
        token="",
    )
    record(None, "check", job, records=report.tally.records, accepted=report.tally.accepted, rejected=report.tally.rejected)
