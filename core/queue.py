"""Waking workers: by task name, after commit. The row is the job; a lost message only costs time."""

import logging
from typing import Any

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)


def enqueue(task: str, *args: Any, queue: str = "default") -> None:
    """Send `task` to `queue` once the current transaction has committed (at once where there is none).

    A broker that does not answer is logged, never raised: what must happen stands in a row, and beat sweeps it up.
    """
    transaction.on_commit(lambda: _send(task, args, queue), robust=True)


def _send(task: str, args: tuple[Any, ...], queue: str) -> None:
    try:
        current_app.send_task(task, args=args, queue=queue, retry=False)
    except Exception:  # any transport error: kombu has no common base for them
        logger.exception("task %s was not sent; the sweeper will", task)
