"""Reading the settled samples of a dataset for a freeze, and writing its members: short chunks by key, no long snapshot is held.

On PostgreSQL a thread talks to the database, on the caller's connection and in its transaction, while the caller spells what was
read before: the two take about as long as each other.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, Self

import psycopg
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce

from core import bulk
from learning.models import HitlLabel, LearningSample
from training.manifest import Members
from training.models import DatasetMember, DatasetVersion, TrainingSample

COLUMNS = (
    "pk",
    "sample_id",
    "event_id",
    "source_name",
    "group_key",
    "label_status",
    "captured_at",
    "image_quality_score",
    "truth_json",
    "truth_sha256",
    "city__slug",
    "camera__camera_id",
    "weight",
    "object__name",
    "object__sha256",
    "object__size",
    "object__media_type",
    "object__width",
    "object__height",
)
KEY = 2**61 + 1
"""Stands, in a statement that is spelled once, for the key or the keys that are asked for."""
MANY = 10_000
Row = tuple[Any, ...]


def places_of(dataset_id: Any, after: int) -> "QuerySet[TrainingSample, Any]":
    """Select what a freeze looks at of a dataset: the keys of its samples that nobody rejected, in their order."""
    rows = TrainingSample.objects.filter(dataset=dataset_id, rejection_reason="", sample_id__gt=after)
    return rows.order_by("sample_id").values_list("sample_id")


def rows_of(keys: Sequence[int]) -> "QuerySet[LearningSample, Any]":
    """Select what of these samples is fit: settled, with an object, to be trained on; a truth is JSON as the database holds it."""
    fit = LearningSample.objects.settled().filter(object__isnull=False, object__deleted_at__isnull=True)
    fit = fit.may_be_trained_on()  # consent may have been withdrawn since it was gathered
    weighed = HitlLabel.objects.filter(sample=OuterRef("pk"), confidence_override__isnull=False).order_by("-id")
    weight = Coalesce(Subquery(weighed.values("confidence_override")[:1]), Value(1.0))
    asked = fit.filter(pk__among=keys).annotate(truth_json=Cast("truth", TextField()), weight=weight)
    return asked.order_by().values_list(*COLUMNS)


class Reader:
    """Reads a dataset in the order of its samples' keys: `fetch` a chunk, then take it as `members`.

    `fetch` may run in another thread of its caller's connection, where that is PostgreSQL's.
    """

    def __init__(self, dataset_id: Any, chunk: int) -> None:
        self._places = _Statement(lambda key: places_of(dataset_id, key)[:chunk])
        self._rows = _Statement(lambda keys: rows_of(keys if isinstance(keys, list) else [keys]))
        self._last, self._fetched = 0, list[Row]()

    def fetch(self) -> bool:
        """Read the next chunk; False where there is none."""
        while keys := [key for (key,) in self._places.read(self._last)]:
            self._last = keys[-1]
            if rows := self._rows.read(keys):
                self._fetched = sorted(rows, key=itemgetter(0))
                return True
        return False

    def members(self) -> Members:
        """Answer what was fetched."""
        members = Members(*zip(*self._fetched, strict=True))
        self._fetched = []
        return members


class _Statement:
    """A query with one hole; on PostgreSQL it is spelled and planned once, and its rows come in the server's own format."""

    def __init__(self, make: Callable[[Any], "QuerySet[Any, Any]"]) -> None:
        self._make, self._cursor = make, _cursor()
        if self._cursor is not None:
            self._errors = connection.wrap_database_errors
            self._sql, self._parameters = make(KEY).query.sql_with_params()

    def read(self, hole: Any) -> list[Row]:
        """Run it with this in its hole."""
        if self._cursor is None:
            return list(self._make(hole))
        asked = f"{{{','.join(map(str, hole))}}}" if isinstance(hole, list) else hole  # an array as one text costs a tenth
        filled = [asked if each in (KEY, [KEY]) else each for each in self._parameters]
        with self._errors:
            self._cursor.execute(self._sql, filled)
            rows: list[Row] = self._cursor.fetchall()
        return rows


class Beside:
    """Lets jobs that talk to the database run beside their caller, who must not touch the connection meanwhile."""

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="freeze") if connection.vendor == "postgresql" else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    @contextmanager
    def run(self, job: "Callable[[], bool]") -> "Iterator[Future[bool]]":
        """Begin a job, and wait for it at the end of the block, whatever happened in it; elsewhere it is done before."""
        if self._pool is None:
            done: Future[bool] = Future()
            done.set_result(job())
            yield done
            return
        running = self._pool.submit(job)
        try:
            yield running
        finally:
            running.exception()


class Writer:
    """Writes members in the caller's transaction; also from a thread beside it."""

    def __init__(self, version: DatasetVersion) -> None:
        self._version, self._cursor = version, _cursor()
        if self._cursor is not None:
            self._errors = connection.wrap_database_errors

    def write(self, keys: Sequence[int], splits: Sequence[str]) -> None:
        """Write the members of these samples."""
        if self._cursor is None:
            facts = {"version_id": self._version.pk, "sample_id": list(keys), "split": list(splits)}
            bulk.write(DatasetMember, len(keys), facts)
            return
        start = f"{self._version.pk}\t"
        lines = "".join([f"{start}{key}\t{split}\n" for key, split in zip(keys, splits, strict=True)])
        with self._errors, self._cursor.copy("COPY dataset_members (version_id, sample_id, split) FROM STDIN") as copy:
            copy.write(lines)


def need_not_wait() -> None:
    """Let this transaction's commit not wait for the disk: what a freeze wrote counts only with its last one, which waits for all."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO OFF")


def tell_planner(members: int) -> None:
    """Have PostgreSQL look at the members once many have come: of a version it never saw it expects one, and walks them all."""
    if connection.vendor == "postgresql" and members >= MANY:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE dataset_members")


def _cursor() -> Any:
    """Answer a cursor of the driver's own on PostgreSQL: its rows cost a third of those of Django's."""
    if connection.vendor != "postgresql":
        return None
    connection.ensure_connection()
    cursor: Any = psycopg.Cursor(connection.connection)
    cursor.format = psycopg.pq.Format.BINARY
    return cursor
