"""The first half of an import: everything is read, checked and stored, in a form that nobody sees yet and that can be removed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.bulk import write
from core.canonical import canonical_sha256
from learning.actions import city as cities
from learning.actions import image_import
from learning.actions.image_import import Arrival, Known, Picture
from learning.defects import Defect
from learning.images import Inspected
from learning.models import City, LearningSample, SampleState
from training import local
from training.actions.importing_batches import KnownSample, Matched, Matcher, batches, refusal_of
from training.actions.importing_trial import store_report, terms_of
from training.actions.importing_work import Hold, source_of
from training.formats import Source
from training.formats.base import Wrong, is_image
from training.import_records import REASONS, Ready, Terms, ready
from training.import_report import Report
from training.import_source import Pictures
from training.models import ImportedRecord, ImportPhase, RecordFate

MOST_PICTURES, MOST_BYTES = 64, 32 * 2**20
"""So many pictures, or so many bytes of them, are held in memory at once."""
TRIES = 2


def take(hold: Hold) -> tuple[Report, Any]:
    """Make everything ready; answers what was found, and the stored CSV of what is not taken. Raises Refusal."""
    job = hold.job
    hold.begin(ImportPhase.TAKING, records=job.records or None)
    hold.beat(must_clear=True)
    terms = terms_of(job, is_trial=False)
    with TemporaryDirectory(dir=local.scratch()) as folder, source_of(hold) as (source, found):
        with (
            Report(Path(folder) / "errors.csv") as report,
            ThreadPoolExecutor(settings.DECODERS + 2, thread_name_prefix="import") as pool,
        ):
            matcher = Matcher(job, Pictures(source), report)
            taking = _Taking(hold, source, report, terms, matcher, pool)
            for batch in batches(matcher, source, found, terms):
                taking.take(batch.rows)
                hold.told(report.tally.records)
        report.tally.notes.update(terms.notes)
        report.tally.left_out.update(getattr(source, "left_out", {}))
        return report, store_report(job, report)


@dataclass
class _Seen:
    """A record with its picture, looked at whole, in the schema's words."""

    matched: Matched
    content: bytes
    facts: Inspected
    ready: Ready


@dataclass
class _Taking:
    """What taking records needs, and how many are ready."""

    hold: Hold
    source: Source
    report: Report
    terms: Terms
    matcher: Matcher
    pool: ThreadPoolExecutor
    number: int = 0
    at: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        job = self.hold.job
        self.module = job.dataset.module
        self.city: City = job.city or cities.hub()

    def take(self, rows: Sequence[Matched]) -> None:
        """Make the records of a batch ready."""
        self._take_known([row for row in rows if row.sample is not None])
        for part in self._parts([row for row in rows if row.sample is None]):
            self._take_pictures(part)

    def _take_known(self, rows: Sequence[Matched]) -> None:
        """Those whose sample the dataset has."""
        taken = []
        for row in rows:
            assert row.sample is not None
            try:
                taken.append((row.sample, ready(row.record, row.sample.size, self.terms)))
            except Wrong as wrong:
                self.report.refuse(row.record, wrong)
        with transaction.atomic():
            self.hold.beat(handled=self.report.tally.records)
            self._write([self._line(sample.pk, one, sample.prediction) for sample, one in taken])
        for _, one in taken:
            self._count(one, is_new=False)

    def _parts(self, rows: Sequence[Matched]) -> Iterator[list[tuple[Matched, bytes]]]:
        """Read the pictures, as many as may be in memory at once."""
        part: list[tuple[Matched, bytes]] = []
        size = 0
        for row in rows:
            self.hold.tick()
            try:
                content = row.content(self.source)
            except Defect as defect:
                self.report.refuse(row.record, defect)
                continue
            part.append((row, content))
            size += len(content)
            if len(part) >= MOST_PICTURES or size >= MOST_BYTES:
                yield part
                part, size = [], 0
        if part:
            yield part

    def _take_pictures(self, part: Sequence[tuple[Matched, bytes]]) -> None:
        """Those whose picture was brought along: stored where the hub has it not, with a sample that nobody sees."""
        seen = self._looked_at(part)
        if not seen:
            return
        for attempt in range(TRIES):
            known = image_import.known(self.city, self.module, {one.facts.sha256 for one in seen})
            there, new, wrong = self._sorted(seen, known)
            try:
                arrivals = self._write_part(there, new, known)
                break
            except IntegrityError:  # another import brought one of them at this moment
                if attempt + 1 == TRIES:
                    raise
        for one, reason in wrong:
            self.report.refuse(one.matched.record, Wrong(reason, REASONS[reason]))
        self.hold.each(self.pool, image_import.put, arrivals)
        with transaction.atomic():
            self.hold.beat(handled=self.report.tally.records)
            image_import.finish(arrivals)
        self.matcher.seen.update(arrival.sample.pk for arrival in arrivals)
        self.matcher.seen.update(sample.pk for _, sample in there)
        for found in new:
            self._count(found.ready, is_new=True)
        for found, _ in there:
            self._count(found.ready, is_new=False)

    def _looked_at(self, part: Sequence[tuple[Matched, bytes]]) -> list[_Seen]:
        def look(one: tuple[Matched, bytes]) -> Inspected | Defect:
            try:
                return image_import.inspected(one[1], self.module)
            except Defect as defect:
                return defect

        seen = []
        for (row, content), facts in zip(part, self.hold.each(self.pool, look, part), strict=True):
            if isinstance(facts, Defect):
                self.report.refuse(row.record, facts)
                continue
            try:
                seen.append(_Seen(row, content, facts, ready(row.record, (facts.width, facts.height), self.terms)))
            except Wrong as wrong:
                self.report.refuse(row.record, wrong)
        return seen

    def _sorted(
        self, seen: Sequence[_Seen], known: Known
    ) -> tuple[list[tuple[_Seen, KnownSample]], list[_Seen], list[tuple[_Seen, str]]]:
        """Part what the hub has, what is new, and what is not taken (with the reason)."""
        there, new, wrong = list[tuple[_Seen, KnownSample]](), list[_Seen](), list[tuple[_Seen, str]]()
        met = set[str]()
        rows = {sha256: _known_sample(sample) for sha256, sample in known.samples.items()}
        judged = self.matcher.judged(list(rows.values()))
        for one in seen:
            sha256, sample = one.facts.sha256, rows.get(one.facts.sha256)
            if sha256 in met or (sample and sample.pk in self.matcher.seen):
                wrong.append((one, "duplicate"))
            elif sha256 in known.erased:
                wrong.append((one, "erased"))
            elif sample is None:
                new.append(one)
            elif reason := refusal_of(sample, self.hold.job, judged):
                wrong.append((one, reason))
            else:
                there.append((one, sample))
            met.add(sha256)
        return there, new, wrong

    def _write_part(self, there: Sequence[tuple[_Seen, KnownSample]], new: Sequence[_Seen], known: Known) -> list[Arrival]:
        pictures = [self._picture(one) for one in new]
        job, number = self.hold.job, self.number
        try:
            with transaction.atomic():
                self.hold.beat(handled=self.report.tally.records)
                arrivals = image_import.begin(
                    pictures, city=self.city, module=self.module, by=job.created_by, at=self.at, objects=known.objects
                )
                lines = [
                    self._line(arrival.sample.pk, one.ready, arrival.sample.prediction)
                    | {"is_new": True, "look": None if arrival.is_stored else image_import.look_of(one.facts)}
                    for arrival, one in zip(arrivals, new, strict=True)
                ]
                self._write([*lines, *(self._line(sample.pk, one.ready, sample.prediction) for one, sample in there)])
        except BaseException:
            self.number = number
            raise
        return arrivals

    def _picture(self, one: _Seen) -> Picture:
        record, job = one.matched.record, self.hold.job
        # as the file names it, so that an export names it so again; where it lies in the archive is the archive's matter
        name = record.name if is_image(record.name) else one.matched.path or record.name
        by = {"model": "import", "version": job.format}
        return Picture(
            one.content, one.facts, name, record.sample_id or "", one.ready.prediction, by, _share(record.confidence)
        )

    def _line(self, sample: int, one: Ready, prediction: Any) -> dict[str, Any]:
        """Answer a record as it is kept until it is published."""
        self.number += 1
        is_same = one.value is not None and prediction == one.value and canonical_sha256(prediction) == one.sha256
        return {
            "number": self.number,
            "sample_id": sample,
            "is_new": False,
            "fate": one.fate,
            "said": one.value,
            "said_sha256": one.sha256,
            "is_as_predicted": is_same,
            "confidence": _share(one.record.confidence),
            "earlier": one.earlier or None,
            "look": None,
            "split": one.record.split or "",
        }

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        if lines:
            columns = {name: [line[name] for line in lines] for name in lines[0]}
            write(ImportedRecord, len(lines), {"job_id": self.hold.job.pk, **columns})

    def _count(self, one: Ready, *, is_new: bool) -> None:
        tally = self.report.tally
        tally.accepted += 1
        tally.new_images += is_new
        tally.known_images += not is_new
        tally.empty += one.fate != RecordFate.NOTHING and one.value == {"boxes": []}
        self.report.leave_out(one.record, one.misfits)


def _known_sample(sample: LearningSample) -> KnownSample:
    obj = sample.object
    size = (obj.width, obj.height) if obj else (None, None)
    is_unseen = sample.state == SampleState.RECEIVED
    return KnownSample(
        sample.pk,
        sample.sample_id,
        sample.source_name,
        sample.state,
        sample.erased_at,
        *size,
        None if is_unseen or sample.prediction is None else _json(sample.prediction),
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _share(number: float | None) -> float | None:
    return number if number is not None and 0 <= number <= 1 else None
