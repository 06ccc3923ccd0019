"""Verbs on the proof of a frozen version: ask for one, and have a worker read everything again. The row is the job."""

from time import monotonic
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.claims import claim, wake
from core.errors import Conflict
from core.lifecycle import LostRace
from core.queue import enqueue
from training.models import DatasetVersion
from training.verification import verify

logger = structlog.get_logger(__name__)

ASKED = DatasetVersion.objects.filter(verify_asked_at__isnull=False)
BEAT_SECONDS = 2.0


class LostProof(LostRace):
    """Another worker took over this proof."""


@transaction.atomic
def ask(version: DatasetVersion, *, by: User, objects: bool = False) -> DatasetVersion:
    """Have a frozen version proved by a worker, with `objects` each image too; asked again meanwhile, it is the same proof."""
    require(by, Permission.FREEZE_VERSION, version)
    if version.frozen_at is None:
        raise Conflict(f"{version} is {version.state}; it can be verified once it is frozen.")
    asked = DatasetVersion.objects.filter(pk=version.pk, verify_asked_at__isnull=True)
    fresh = {"verify_token": "", "verify_beat_at": None, "verify_done": 0}
    if asked.update(verify_asked_at=timezone.now(), verify_objects=objects, **fresh):
        record(by, "verify", version, objects=objects)
        enqueue("training.tasks.prove_version", str(version.pk))
    version.refresh_from_db()
    return version


def prove(version_id: Any) -> DatasetVersion | None:
    """Prove a version that is asked to be: run by a worker, as often as it likes, by one at a time.

    Answers the version with what was found, or None where there was nothing to do for this one.
    """
    version = _claim(version_id)
    if version is None:
        return None
    try:
        verdict = verify(version, objects=version.verify_objects, tick=_Beat(version))
        with transaction.atomic():
            return _finish(version, verdict.as_document())
    except LostProof:
        logger.warning("another worker took over the proof", version=str(version.pk))
        return None


def sweep() -> int:
    """Wake a worker for each proof that nobody works on (a lost message, a killed worker); answers how many."""
    return wake(ASKED, "training.tasks.prove_version", prefix="verify_")


class _Beat:
    """Says now and then that the worker is alive, and how far it is; raises LostProof."""

    def __init__(self, version: DatasetVersion) -> None:
        self.version, self.last, self.done = version, monotonic(), 0

    def __call__(self, done: int) -> None:
        self.done = max(self.done, done)
        if monotonic() - self.last >= BEAT_SECONDS:
            self.last = monotonic()
            _hold(self.version, verify_beat_at=timezone.now(), verify_done=self.done)


def _claim(version_id: Any) -> DatasetVersion | None:
    return claim(ASKED, version_id, "dataset", "manifest", "truth", prefix="verify_", verify_done=0)


def _hold(version: DatasetVersion, **fields: Any) -> None:
    if not DatasetVersion.objects.filter(pk=version.pk, verify_token=version.verify_token).update(**fields):
        raise LostProof("Another worker took over this proof.")


def _finish(version: DatasetVersion, found: dict[str, Any]) -> DatasetVersion | None:
    """Keep what was found; where an erasure wrote the files anew meanwhile it counts for nothing, and is done once more."""
    now = DatasetVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if (now.manifest_id, now.truth_id) != (version.manifest_id, version.truth_id):
        _hold(version, verify_token="", verify_beat_at=None, verify_done=0)
        enqueue("training.tasks.prove_version", str(version.pk))
        return None
    facts = {"verification": found, "verified_at": timezone.now(), "verify_asked_at": None, "verify_token": ""}
    _hold(version, **facts, verify_beat_at=None)
    record(None, "verified", now, members=found["members"], faults=len(found["faults"]))
    now.refresh_from_db()
    return now
