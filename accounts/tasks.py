"""What workers do for the accounts."""

from celery import shared_task

from accounts.actions import idempotency


@shared_task(name="accounts.tasks.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Forget the keys of requests that nobody sends again."""
    idempotency.forget_old()
