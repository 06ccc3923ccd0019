"""What workers do for the hub itself."""

from celery import shared_task
from django.utils import timezone

from config.models import Pulse


@shared_task(name="config.tasks.pulse")
def pulse() -> None:
    """Say that beat, queue and worker live."""
    Pulse.objects.update_or_create(name=Pulse.BEAT, defaults={"at": timezone.now()})
