"""What runs beside the web: rollouts move on, edges that can be called are told."""

from typing import Any

import structlog
from celery import shared_task

from core.errors import Refusal
from deployments.actions import measuring, push, rollout, withdrawal

PUSH_RETRIES = 3
FIRST_BACKOFF = 5  # seconds, then twice as long each time

logger = structlog.get_logger(__name__)


@shared_task(name="deployments.tasks.advance_rollouts")
def advance_rollouts() -> None:
    """Take the next step of every rollout that has one; one that cannot go on does not keep back the others."""
    for rollout_id in rollout.due():
        try:
            rollout.advance(rollout_id)
        except Refusal as refusal:
            logger.warning("rollout did not advance", rollout=str(rollout_id), reason=refusal.detail)


@shared_task(name="deployments.tasks.withdraw_unheld")
def withdraw_unheld() -> None:
    """Take deprecated versions that no edge holds off the signed lists."""
    withdrawal.withdraw_unheld()


@shared_task(name="deployments.tasks.forget_measured")
def forget_measured() -> None:
    """Delete what edges measured long ago."""
    while measuring.forget_measured():
        pass


@shared_task(name="deployments.tasks.push_assignment", bind=True, max_retries=PUSH_RETRIES)
def push_assignment(self: Any, edge_id: int) -> None:
    """Tell one edge what it shall run; where it does not answer, thrice more. Its poll finds the same in any case."""
    tries = self.request.retries
    try:
        push.deliver(edge_id, attempt=tries + 1)
    except push.NotDelivered as failure:
        if tries < PUSH_RETRIES:
            raise self.retry(countdown=FIRST_BACKOFF * 2**tries) from failure
