"""Writing what a run's worker has to write, across a database or a store that goes away and comes back."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from core.storage import StoreError
from training.models import RunState, TrainingRun

AGAIN_SECONDS = 0.5
STORE_SECONDS = 600.0
"""How long a worker waits for the store: hours of training may hang on it, and its run is alive meanwhile."""
STORE_AGAIN_SECONDS = 5.0
ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
AWAY = (OperationalError, InterfaceError)
"""What Django raises where the database does not answer, or stopped doing so."""

logger = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


def patiently(run: TrainingRun, write: Callable[[], Answer]) -> Answer | None:
    """Do a write of the run's, again and again while the database is away, until the run would be given up for lost.

    A database that went away in a commit may have written or not. So the write must be one that may be done twice; where the
    run is found ended by this very worker, that was the write before, and the answer is None. Raises LostRun.
    """
    began, is_again = time.monotonic(), False
    while True:
        try:
            if is_again:
                run.refresh_from_db(fields=["state"])  # a write that was taken back left it as it would have been
                if run.state in ENDED:
                    return None
            return write()
        except AWAY:
            if connection.in_atomic_block or time.monotonic() - began > settings.RUN_LOST_SECONDS:
                raise
            logger.warning("the database is away; the run waits for it", run=str(run.pk))
            close_old_connections()
            time.sleep(AGAIN_SECONDS)
            is_again = True


def through_outage(act: Callable[[], Answer], *, tick: Callable[[], None]) -> Answer:
    """Do what needs the store, again and again while it does not answer, for STORE_SECONDS at most; raises StoreError.

    It must be something that may be done twice. `tick` is called while it waits, and may raise.
    """
    began = time.monotonic()
    while True:
        try:
            return act()
        except StoreError as error:
            if not error.is_passing or time.monotonic() - began > STORE_SECONDS:
                raise
            logger.warning("the store is away; the run waits for it", reason=str(error))
        tried = time.monotonic()
        while time.monotonic() - tried < STORE_AGAIN_SECONDS:
            tick()
            time.sleep(min(AGAIN_SECONDS, STORE_AGAIN_SECONDS))
