"""What workers do for the accounts."""

from celery import shared_task

from accounts.actions import announcing, delivering, idempotency, notification, sealing, viewing
from accounts.models import User


@shared_task(name="accounts.tasks.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Forget the keys of requests that nobody sends again."""
    idempotency.forget_old()


@shared_task(name="accounts.tasks.announce")
def announce() -> None:
    """Tell people and webhooks of what they wait for."""
    announcing.announce()


@shared_task(name="accounts.tasks.deliver")
def deliver(webhook_id: str) -> None:
    """Deliver what is due to one webhook."""
    delivering.deliver(webhook_id)


@shared_task(name="accounts.tasks.forget_told")
def forget_told() -> None:
    """Forget notifications and deliveries of long ago."""
    notification.forget_old()
    delivering.forget_old()


@shared_task(name="accounts.tasks.fold_views")
def fold_views() -> None:
    """Make one row of what each person was shown on a day that is over, and forget what is long ago."""
    viewing.fold()
    viewing.forget_old()


@shared_task(name="accounts.tasks.seal_events")
def seal_events() -> None:
    """Seal the events that no transaction can add to any more."""
    sealing.seal()


@shared_task(name="accounts.tasks.verify_events")
def verify_events(user_id: int | None = None) -> None:
    """Prove, once a day and whenever somebody asks, that what was sealed is still so."""
    sealing.verify(by=User.objects.filter(pk=user_id).first() if user_id else None)
