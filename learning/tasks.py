"""What workers do for the learning store."""

from celery import shared_task
from django.utils import timezone

from learning.actions import batch, discarding
from learning.models import BatchState, UploadBatch

EXPIRED_AT_ONCE = 20


@shared_task(name="learning.tasks.verify_batch")
def verify_batch(batch_id: str) -> None:
    """Verify what of one sealed batch nobody else has in hand."""
    batch.verify(batch_id)


@shared_task(name="learning.tasks.sweep_sealed")
def sweep_sealed() -> None:
    """Verify sealed batches whose message was lost or whose worker died, and give up those nobody sealed."""
    for batch_id in list(UploadBatch.objects.sealed().order_by("sealed_at").values_list("pk", flat=True)):
        batch.verify(batch_id)
    overdue = UploadBatch.objects.filter(state=BatchState.OPEN, opened_at__lt=timezone.now() - batch.UNSEALED_FOR)
    for unsealed in overdue[:EXPIRED_AT_ONCE]:
        discarding.remove_discarded(batch.expire(unsealed, by=None))
    discarding.sweep_discarded()
