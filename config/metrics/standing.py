"""How the hub stands, as gauges: each is one bounded question, none counts a table that grows for ever, no label is anybody's text.

A count that stops at MOST says MOST: there are at least so many.
"""

import shutil
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.models import Min, QuerySet
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from accounts.models import Announcement, WebhookDelivery
from config.models import Backup, Pulse, Restore
from config.queues import lengths
from config.version import VERSION
from core.file_store import FileStore
from core.storage import store
from deployments.models import EdgeServer, Rollout, RolloutState
from deployments.narrowing import STANDS
from learning.actions import store as object_store
from learning.models import City, Erasure, ReportKind, UploadBatch
from learning.silence import overdue
from training.models import DatasetVersion, JobStatus, TrainingJob, TrainingRun, TrustDocument, VersionState
from training.models.run import ALIVE

MOST = 10_000
FRESH_SECONDS = 5.0

Sample = tuple[str, str, dict[str, str], float]
"""Name without `cc_`, what it says, labels, value."""


class Standing(Collector):
    """The gauges, asked for at most every five seconds however often and by whomever they are read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = -FRESH_SECONDS
        self._families: list[GaugeMetricFamily] = []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Answer them."""
        with self._lock:
            if monotonic() - self._read_at > FRESH_SECONDS:
                self._families, self._read_at = list(_families(samples())), monotonic()
            return self._families


def samples() -> Iterator[Sample]:
    """Yield what can be asked; where the database does not answer, that."""
    yield "info", "The release that runs.", {"version": VERSION}, 1
    yield from _disks()
    try:
        found = [one for ask in ASKED for one in ask(timezone.now())]
    except Error:
        yield "database_up", "Whether the database answers.", {}, 0
        return
    yield "database_up", "Whether the database answers.", {}, 1
    yield from found


def _families(asked: Iterable[Sample]) -> Iterator[GaugeMetricFamily]:
    by_name: dict[str, GaugeMetricFamily] = {}
    for name, says, labels, value in asked:
        family = by_name.get(name)
        if family is None:
            family = by_name[name] = GaugeMetricFamily(f"cc_{name}", says, labels=list(labels))
        family.add_metric(list(labels.values()), value)
    yield from by_name.values()


def _bounded(rows: QuerySet[Any]) -> int:
    return rows.order_by()[:MOST].count()


def _age(at: datetime | None, now: datetime) -> float:
    """Answer how long ago something was in seconds, 0 where it never was."""
    return max(0.0, (now - at).total_seconds()) if at else 0.0


def _disks() -> Iterator[Sample]:
    places = {"var": Path(settings.VAR)}
    objects = store()
    if isinstance(objects, FileStore):
        places["store"] = objects.root
    for place, path in places.items():
        there = next(each for each in (path, *path.parents) if each.exists())
        usage = shutil.disk_usage(there)
        yield "disk_free_ratio", "The free part of the disk that holds it.", {"place": place}, usage.free / usage.total


def _beat(now: datetime) -> Iterator[Sample]:
    if at := Pulse.objects.filter(name=Pulse.BEAT).values_list("at", flat=True).first():
        yield "beat_age_seconds", "Seconds since a worker last did what the beat sent.", {}, _age(at, now)
    for queue, length in lengths().items():
        yield "queue_length", "Messages that wait for a worker.", {"queue": queue}, length


def _trust(now: datetime) -> Iterator[Sample]:
    left: dict[str, float] = {}
    rows = TrustDocument.objects.newest().values_list("role", "expires_at", "published_at")
    for role, expires_at, published_at in rows:
        name = "organizations" if role.startswith("org-") else role
        seconds = (expires_at - now).total_seconds()
        left[name] = min(seconds, left.get(name, seconds))
        if role == "timestamp":
            yield "trust_timestamp_age_seconds", "Seconds since the timestamp was signed.", {}, _age(published_at, now)
    for name, seconds in left.items():
        yield "trust_expires_seconds", "Seconds until the newest document of a role expires.", {"role": name}, seconds


def _jobs(now: datetime) -> Iterator[Sample]:
    jobs = TrainingJob.objects.all()
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        yield "jobs", "Training jobs that wait or run.", {"status": status.value}, _bounded(jobs.filter(status=status))
    queued = jobs.filter(status=JobStatus.QUEUED).aggregate(at=Min("created_at"))["at"]
    yield "job_queued_oldest_seconds", "How long the oldest queued job has waited.", {}, _age(queued, now)
    silent = TrainingRun.objects.filter(state__in=sorted(ALIVE)).aggregate(at=Min("heartbeat_at"))["at"]
    yield "run_silent_seconds", "How long the most silent run has said nothing.", {}, _age(silent, now)
    freezing = DatasetVersion.objects.filter(state=VersionState.FREEZING).aggregate(at=Min("created_at"))["at"]
    yield "freezing_oldest_seconds", "How long the oldest version that is being frozen has been so.", {}, _age(freezing, now)


def _fleet(now: datetime) -> Iterator[Sample]:
    for state in (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.ROLLING_BACK):
        rows = Rollout.objects.filter(state=state)
        yield "rollouts", "Rollouts on their way.", {"state": state.value}, _bounded(rows)
    yield "edges", "Edge servers in service.", {}, _bounded(EdgeServer.objects.in_service())
    for word in ("silent", "drift", "held"):
        yield f"edges_{word}", f"Edge servers in service: {word}.", {}, _bounded(STANDS[word](EdgeServer.objects.all()))


def _learning(now: datetime) -> Iterator[Sample]:
    yield "cities_overdue", "Cities silent for longer than they may be.", {}, _bounded(overdue(City.objects.all()))
    sealed = UploadBatch.objects.sealed().aggregate(at=Min("sealed_at"))["at"]
    yield "batch_unverified_oldest_seconds", "How long the oldest sealed batch has waited for its end.", {}, _age(sealed, now)
    waiting = Erasure.objects.waiting()
    yield "erasures_late", "Erasures that should have been done by now.", {}, _bounded(waiting.filter(due_at__lt=now))
    report = object_store.latest(ReportKind.CHECK)
    if report is not None:
        yield "store_check_passed", "Whether the store last kept all its promises.", {}, float(report.passed)


def _outbox(now: datetime) -> Iterator[Sample]:
    oldest = Announcement.objects.order_by("pk").values_list("event__at", flat=True).first()
    yield "outbox_oldest_seconds", "How long the oldest event has waited to be told.", {}, _age(oldest, now)
    due = WebhookDelivery.objects.filter(due_at__isnull=False, tries__gt=0)
    yield "webhook_deliveries_failing", "Deliveries that failed and are tried again.", {}, _bounded(due)


def _backups(now: datetime) -> Iterator[Sample]:
    if at := Backup.objects.order_by("-taken_at").values_list("taken_at", flat=True).first():
        yield "backup_age_seconds", "Seconds since the last backup.", {}, _age(at, now)
    yield (
        "restore_open",
        "Whether the hub is open, and not closed after a restore.",
        {},
        float(not Restore.objects.closed().exists()),
    )


ASKED = (_beat, _trust, _jobs, _fleet, _learning, _outbox, _backups)
STANDING = Standing()
