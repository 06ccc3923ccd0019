"""The worker's hold on an import: claiming it, saying that it is alive, and what it may no longer do once it has lost it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from core import claims
from core.errors import Conflict
from core.lifecycle import LostRace
from learning.actions import image_import, purging
from learning.actions.discarding import remove_discarded
from training import import_source, local
from training.formats import FORMATS, Format, Source
from training.models import DatasetImport, ImportedRecord, ImportPhase, ImportState

CHUNK = 500
BEAT_EVERY = 1.0
Argument = TypeVar("Argument")
Result = TypeVar("Result")


class LostImport(LostRace):
    """The import was cancelled, or another worker took it over."""


class Hold:
    """One worker's hold on an import: every write goes through `beat`, which is refused once the hold is lost."""

    def __init__(self, job: DatasetImport) -> None:
        self.job, self.state, self._beaten = job, job.state, monotonic()

    def beat(self, **fields: Any) -> None:
        """Say that this worker is alive, set `fields`, and hold the row within a transaction; raises LostImport."""
        mine = DatasetImport.objects.filter(pk=self.job.pk, state=self.state, token=self.job.token)
        if not mine.update(beat_at=timezone.now(), **fields):
            raise LostImport("This import was taken back, or another worker goes on with it.")
        self._beaten = monotonic()
        for name, value in fields.items():
            setattr(self.job, name, value)

    def tick(self) -> None:
        """Do so where it was not said for a second; cheap enough for every record."""
        if monotonic() - self._beaten >= BEAT_EVERY:
            self.beat()

    def told(self, handled: int) -> None:
        """Do so, and say how many records were handled."""
        if monotonic() - self._beaten >= BEAT_EVERY:
            self.beat(handled=handled)

    def begin(self, phase: ImportPhase, *, records: int | None) -> None:
        """Begin a phase, of which `records` are known to come."""
        self.beat(phase=phase, phase_began_at=timezone.now(), handled=0, records=records)

    def each(self, pool: ThreadPoolExecutor, function: Callable[[Argument], Result], rows: Sequence[Argument]) -> list[Result]:
        """Call `function` of each row in threads, and answer the results in order; the hold is kept for as long as it takes."""
        waiting: list[Future[Result]] = [pool.submit(function, row) for row in rows]
        try:
            while wait(waiting, timeout=BEAT_EVERY).not_done:
                self.beat()
            return [done.result() for done in waiting]
        finally:
            for future in waiting:
                future.cancel()


def claim(job_id: Any) -> Hold | None:
    """Become the worker of an import, unless there is nothing to do or another one is alive."""
    relations = ("dataset__organization", "dataset__module", "city", "source", "report", "created_by")
    job = claims.claim(DatasetImport.objects.to_run(), job_id, *relations)
    return Hold(job) if job else None


@contextmanager
def source_of(hold: Hold) -> Iterator[tuple[Source, Format]]:
    """Open what was brought, in its format; raises Conflict where it is gone, Invalid where it is of no known format."""
    job = hold.job
    if job.source is None or job.source.deleted_at is not None:
        raise Conflict("The file is gone: its days are over, or an erasure took it. Bring it again.")
    copy = local.cached(job.source.name, job.source.alias, job.source.sha256, tick=hold.tick)
    with import_source.opened(copy, job.file_name, hold.tick) as source:
        found = import_source.format_of(source, job.format, FORMATS)
        if not job.format:
            hold.beat(format=found.slug)
        yield source, found


def fail(hold: Hold, sentence: str) -> None:
    """End an import that cannot be done; nothing of it stays."""
    with transaction.atomic():
        hold.beat()
        hold.job.move(ImportState.FAILED, error_message=sentence, finished_at=timezone.now(), phase="")
        record(None, "refuse", hold.job, reason=sentence, asked_for_by=hold.job.created_by_id)
    hold.state = ImportState.FAILED
    clear(hold)
    let_go(hold.job)


def clear(hold: Hold) -> None:
    """Remove what was written of an import: its samples, which nobody saw, and their objects; may be stopped anywhere."""
    job = hold.job
    if not job.must_clear:
        return
    rows = ImportedRecord.objects.filter(job=job)
    while chunk := dict(rows.order_by("number").values_list("number", "sample_id")[:CHUNK]):
        with transaction.atomic():
            hold.beat()
            new = rows.filter(number__in=list(chunk), is_new=True).values_list("sample_id", flat=True)
            names = image_import.withdraw(list(new))
            rows.filter(number__in=list(chunk)).delete()
        remove_discarded(names)
    hold.beat(must_clear=False)


def let_go(job: DatasetImport) -> None:
    """Delete the file that was brought and what was drawn of it: they are of no more use."""
    drawn = [one["object"] for one in job.drawn if one.get("object")]
    with transaction.atomic():
        purging.delete([key for key in (job.source_id, *drawn) if key])
        DatasetImport.objects.filter(pk=job.pk).update(source=None, drawn=[])
    purging.purge()
