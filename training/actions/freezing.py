"""Reading the settled samples of a dataset for a freeze, and writing its members: short chunks by key, no long snapshot is held.

On PostgreSQL a thread talks to the database, on the caller's connection and in its transaction, while the caller spells what was
read before: the two take about as long as each other.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from core import bulk
from learning.models import Camera, City, HitlLabel, LearningSample
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
    "city_id",
    "camera_id",
    "object__name",
    "object__sha256",
    "object__size",
    "object__media_type",
    "object__width",
    "object__height",
)
"""As `Members` has them, but for the weight, which comes after the camera."""
CITY, CAMERA = COLUMNS.index("city_id"), COLUMNS.index("camera_id")
END = 2**63 - 1
"""After the last key."""
HOLES = 2**61 + 1, 2**61 + 2
"""Stand, in a statement that is spelled once, for the keys after and until which it is asked."""
PLAIN = 1.0
"""What a sample weighs that nobody gave a weight."""
MANY = 10_000
Row = tuple[Any, ...]


def places_of(dataset_id: Any, after: int) -> "QuerySet[TrainingSample, Any]":
    """Select what a freeze looks at of a dataset: the keys of its samples that nobody rejected, in their order."""
    rows = TrainingSample.objects.filter(dataset=dataset_id, rejection_reason="", sample_id__gt=after)
    return rows.order_by("sample_id").values_list("sample_id")


def rows_of(dataset_id: Any, after: int, until: int) -> "QuerySet[LearningSample, Any]":
    """Select what of these places is fit: settled, with an object, to be trained on; a truth is JSON as the database holds it.

    The range stands on both sides, for a planner does not carry it over: it chooses whether to walk it or to look keys up.
    """
    fit = LearningSample.objects.settled().filter(object__isnull=False, object__deleted_at__isnull=True)
    fit = fit.may_be_trained_on()  # consent may have been withdrawn since it was gathered
    places = places_of(dataset_id, after).order_by().filter(sample_id__lte=until)
    asked = fit.filter(pk__gt=after, pk__lte=until, pk__in=places).annotate(truth_json=Cast("truth", TextField()))
    return asked.order_by("pk").values_list(*COLUMNS)


def weights_of(after: int, until: int) -> "QuerySet[HitlLabel, Any]":
    """Select what people gave as weights in this range of samples; of one sample's the last counts."""
    weighed = HitlLabel.objects.filter(sample_id__gt=after, sample_id__lte=until, confidence_override__isnull=False)
    return weighed.order_by("id").values_list("sample_id", "confidence_override")


class Reader:
    """Reads a dataset in the order of its samples' keys: `fetch` a chunk, then take it as `members`.

    `fetch` may run in another thread of its caller's connection, where that is PostgreSQL's.
    """

    def __init__(self, dataset_id: Any, chunk: int) -> None:
        self._ends = _Statement(lambda after, _: places_of(dataset_id, after)[chunk - 1 : chunk])
        self._rows = _Statement(lambda after, until: rows_of(dataset_id, after, until))
        self._weighed = _Statement(weights_of)
        self._last, self._fetched, self._weights = 0, list[Row](), dict[int, float]()
        self._cities = _Names(City.objects.values_list("pk", "slug"))
        self._cameras = _Names(Camera.objects.values_list("pk", "camera_id"))

    def fetch(self) -> bool:
        """Read the next chunk; False where there is none."""
        while self._last < END:
            ends = self._ends.read(self._last)
            after, self._last = self._last, int(ends[0][0]) if ends else END
            if rows := self._rows.read(after, self._last):
                self._fetched, self._weights = rows, dict(self._weighed.read(after, self._last))
                return True
        return False

    def members(self) -> Members:
        """Answer what was fetched."""
        columns: list[Sequence[Any]] = list(zip(*self._fetched, strict=True))
        self._fetched, weights = [], self._weights
        weight = [weights.get(key, PLAIN) for key in columns[0]] if weights else [PLAIN] * len(columns[0])
        columns[CITY], columns[CAMERA] = self._cities.of(columns[CITY]), self._cameras.of(columns[CAMERA])
        columns.insert(CAMERA + 1, weight)
        return Members(*columns)


class _Names:
    """Names by key, each asked for once: a join would read them with each row."""

    def __init__(self, rows: "QuerySet[Any, Any]") -> None:
        self._rows, self._known = rows, dict[int, str]()

    def of(self, keys: Sequence[int | UUID]) -> list[str]:
        """Answer the name of each."""
        numbers = list(map(int, keys))  # a UUID is hashed and compared in Python
        if new := set(numbers) - self._known.keys():
            self._known.update((int(key), name) for key, name in self._rows.filter(pk__in=new))
        return list(map(self._known.__getitem__, numbers))


class _Statement:
    """A query of a range, (after, until]; on PostgreSQL it is spelled once, planned for each, and read in the server's own format."""

    def __init__(self, make: "Callable[[int, int], QuerySet[Any, Any]]") -> None:
        self._make, self._cursor = make, _cursor()
        if self._cursor is not None:
            self._errors = connection.wrap_database_errors
            self._sql, self._parameters = make(*HOLES).query.sql_with_params()

    def read(self, after: int, until: int = END) -> list[Row]:
        """Run it for this range."""
        if self._cursor is None:
            return list(self._make(after, until))
        filled = [{HOLES[0]: after, HOLES[1]: until}.get(each, each) for each in self._parameters]
        with self._errors:
            self._cursor.execute(self._sql, filled, prepare=False)
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
