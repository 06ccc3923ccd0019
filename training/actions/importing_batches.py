"""The records of a file in batches, each matched with a picture: one in the file itself, else a sample of the dataset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast

from learning.annotation import Size
from learning.defects import Defect
from learning.models import HitlLabel, LearningSample, SampleState
from learning.models.label import LabelSource
from learning.stripping import stripped
from training.archives import Damaged
from training.formats import Bad, Format, Record, Source
from training.formats.base import Wrong, stem_of
from training.import_records import REASONS, Ready, Terms, ready
from training.import_report import Report
from training.import_source import Pictures
from training.models import DatasetImport, TakenAs, TrainingSample

BATCH = 2_000
UNSEEN: Size = (10_000, 10_000)
"""In a dry run the size of a picture that nobody has decoded, where boxes are counted in shares of it."""
COLUMNS = ("pk", "sample_id", "source_name", "state", "erased_at", "object__width", "object__height", "predicted")


class KnownSample(NamedTuple):
    """A sample of the dataset, as far as an import asks."""

    pk: int
    sample_id: str
    source_name: str
    state: str
    erased_at: Any
    width: int | None
    height: int | None
    predicted: str | None

    @property
    def size(self) -> Size | None:
        """Width and height of its image, where they are known."""
        return (self.width, self.height) if self.width and self.height else None

    @property
    def prediction(self) -> Any:
        """The prediction, read."""
        return None if self.predicted is None else msgspec.json.decode(self.predicted)


@dataclass(slots=True)
class Matched:
    """A record with its picture: `path` in the source, or a sample that the dataset has."""

    record: Record
    path: str | None = None
    sample: KnownSample | None = None

    def content(self, source: Source) -> bytes:
        """Read the picture, without what says whose and where; raises Defect where it cannot be read, or is larger than an image may be."""
        assert self.path is not None
        most = settings.UPLOAD_MAX_BYTES
        if source.size(self.path) > most:
            raise Defect("oversize", f"A file may have {most:,} bytes at most.")
        try:
            with source.open(self.path) as stream:
                return stripped(stream.read(most + 1))
        except (Damaged, OSError) as error:
            raise Defect("not_readable", f"{self.path} cannot be read from the archive.") from error


@dataclass
class Batch:
    """Some records that have a picture."""

    rows: list[Matched]
    terms: Terms
    report: Report

    def fitting(self) -> Iterator[tuple[Matched, Ready]]:
        """Yield the records that can be taken as far as they can be told without their picture; the others are reported."""
        for matched in self.rows:
            record = matched.record
            size = matched.sample.size if matched.sample else None
            if size is None and matched.path and record.relative and not (record.width and record.height):
                size = UNSEEN
            try:
                yield matched, ready(record, size, self.terms)
            except Wrong as wrong:
                self.report.refuse(record, wrong)


@dataclass
class Matcher:
    """Finds the pictures of records; each is given to one record only."""

    job: DatasetImport
    pictures: Pictures
    report: Report
    seen: set[int] = field(default_factory=set)
    seen_paths: set[str] = field(default_factory=set)

    def match(self, records: Sequence[Record]) -> list[Matched]:
        """Answer the records that have a picture; the others are reported."""
        found = [self._in_source(record) for record in records]
        open_ones = [one for one in found if one is not None and one.path is None]
        self._in_dataset(open_ones)
        return [one for one in found if one is not None and (one.path or one.sample) and self._is_first(one)]

    def _in_source(self, record: Record) -> Matched | None:
        try:
            return Matched(record, self.pictures.find(record))
        except LookupError as several:
            self.report.refuse(record, Wrong("image_ambiguous", str(several)))
            return None

    def _in_dataset(self, rows: Sequence[Matched]) -> None:
        ids = [_ids(row.record) for row in rows]
        by_id = self._by_id(ids)
        left = [row for row, named in zip(rows, ids, strict=True) if not any(name in by_id for name in named)]
        by_name = self._by_name(left)
        judged = self.judged([*by_id.values(), *(one for several in by_name.values() for one in several)])
        for row, named in zip(rows, ids, strict=True):
            row.sample = next((by_id[name] for name in named if name in by_id), None)
            wrong = None if row.sample else _named(row, by_name)
            if wrong is None and row.sample and (reason := refusal_of(row.sample, self.job, judged)):
                wrong = Wrong(reason, REASONS[reason])
            if wrong is not None:
                row.sample = None
                self.report.refuse(row.record, wrong)

    def _by_id(self, ids: Sequence[list[str]]) -> dict[str, KnownSample]:
        wanted = {name for named in ids for name in named}
        return {one.sample_id: one for one in self._samples(sample_id__among=list(wanted))} if wanted else {}

    def _by_name(self, rows: Sequence[Matched]) -> dict[str, list[KnownSample]]:
        """Look samples up by what their files were called."""
        wanted = {name for row in rows for name in _names(row.record)}
        found: dict[str, list[KnownSample]] = {}
        for one in self._samples(source_name__among=list(wanted)) if wanted else ():
            found.setdefault(one.source_name, []).append(one)
        return found

    def _samples(self, **named: Any) -> Iterator[KnownSample]:
        here = TrainingSample.objects.filter(dataset=self.job.dataset_id, sample=OuterRef("pk"))
        rows = LearningSample.objects.filter(Exists(here), **named)
        if "source_name__among" in named:
            rows = rows.exclude(source_name="")  # what the index of names holds
        shown = rows.annotate(predicted=Cast("prediction", TextField())).values_list(*COLUMNS)
        return map(KnownSample._make, shown)

    def judged(self, samples: Sequence[KnownSample]) -> set[int]:
        """Answer those that somebody judged, of whom no prediction is wanted any more, nor a second judgement of one person."""
        if self.job.taken_as == TakenAs.TRUTH or not samples:
            return set()
        labels = HitlLabel.objects.standing().filter(sample__among=[one.pk for one in samples])
        if self.job.taken_as == TakenAs.JUDGEMENT:
            labels = labels.filter(annotator=self.job.created_by, label_source=LabelSource.REVIEW)
        return set(labels.values_list("sample_id", flat=True))

    def _is_first(self, row: Matched) -> bool:
        """Tell whether no other record had this picture; a second one is reported."""
        if row.path is not None:
            is_first = row.path not in self.seen_paths
            self.seen_paths.add(row.path)
        else:
            assert row.sample is not None
            is_first = row.sample.pk not in self.seen
            self.seen.add(row.sample.pk)
        if not is_first and row.record.value is None and row.record.prediction is None:
            self.report.tally.records -= 1  # only that the picture is there, which was known
        elif not is_first:
            self.report.refuse(row.record, Wrong("duplicate", REASONS["duplicate"]))
        return is_first


def batches(matcher: Matcher, source: Source, found: Format, terms: Terms) -> Iterator[Batch]:
    """Read the file, a batch after the other; what is wrong with it is reported."""
    report, waiting = matcher.report, list[Record]()
    for one in found.read(source, terms.notes):
        if isinstance(one, Bad):
            report.bad(one)
            continue
        report.tally.records += 1
        waiting.append(one)
        if len(waiting) >= BATCH:
            yield Batch(matcher.match(waiting), terms, report)
            waiting = []
    yield Batch(matcher.match(waiting), terms, report)


def refusal_of(sample: KnownSample, job: DatasetImport, judged: set[int]) -> str:
    """Answer why a sample cannot take what the file says, as a code of REASONS, or ""."""
    if sample.erased_at is not None:
        return "erased"
    if sample.state == SampleState.RECEIVED:
        return "in_other_import"
    if sample.state == SampleState.EXCLUDED and job.taken_as != TakenAs.JUDGEMENT:
        return "sample_excluded"
    is_judged = sample.pk in judged or (job.taken_as == TakenAs.PREDICTION and sample.state == SampleState.SETTLED)
    return "judged_already" if is_judged else ""


def _named(row: Matched, by_name: dict[str, list[KnownSample]]) -> Wrong | None:
    """Give a record the sample that goes by its name; answers why there is none."""
    for name in _names(row.record):
        if several := by_name.get(name):
            if len(several) > 1:
                return Wrong("image_ambiguous", f"Several samples of the dataset are called {name}.")
            row.sample = several[0]
            return None
    return Wrong("image_missing", "It is neither in what was brought nor in the dataset.")


def _ids(record: Record) -> list[str]:
    """Answer the sample ids that a record may mean: its own, or its file's name as our exports spell it."""
    if record.sample_id:
        return [record.sample_id]
    base = record.name.rpartition("/")[2]
    stem = stem_of(base)
    return [stem] if stem == base else [stem, base]


def _names(record: Record) -> list[str]:
    """Answer the names that its file may have had when it came, the likeliest first."""
    base = record.name.rpartition("/")[2]
    names = [record.name] if base == record.name else [record.name, base]
    return [*names, *record.also, *(name.rpartition("/")[2] for name in record.also)]
