"""Doing once what is asked twice under the same key."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import IdempotencyRecord, User
from core.errors import Conflict, Malformed

MAX_KEY = 200
KEPT_FOR = timedelta(days=30)
"""Longer than anybody sends a request again."""

Row = TypeVar("Row", bound=models.Model)


def once(key: str, request: Any, verb: Callable[[], Row], *, by: User) -> str:
    """Call `verb`, which makes a row, unless `by` had it called under this key before; answers the key of the row it made.

    `request` (JSON) is what was asked: the same key with another request raises Conflict. A verb that refuses leaves no
    trace, so that its request may be sent again. Without a key the verb is simply called.
    """
    if not key:
        return str(verb().pk)
    if len(key) > MAX_KEY or not key.isascii() or not key.isprintable():
        raise Malformed(f"An Idempotency-Key is plain text of {MAX_KEY} characters at most.")
    asked = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
    try:
        return _first(key, asked, verb, by)
    except _Known as known:
        if known.record.request_sha256 != asked:
            raise Conflict("This Idempotency-Key was used for another request.", code="idempotency_key_used") from None
        return known.record.object_id


def forget_old() -> int:
    """Forget keys that were used over KEPT_FOR ago; answers how many. The same key then makes another row."""
    return IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]


class _Known(Exception):
    """This key has its answer."""

    def __init__(self, record: IdempotencyRecord) -> None:
        super().__init__(record.key)
        self.record = record


@transaction.atomic
def _first(key: str, asked: str, verb: Callable[[], Row], by: User) -> str:
    """Take the key and call the verb in one transaction; a second request waits here, and then finds the first one's row."""
    try:
        with transaction.atomic():
            record = IdempotencyRecord.objects.create(user=by, key=key, request_sha256=asked)
    except IntegrityError:
        raise _Known(IdempotencyRecord.objects.get(user=by, key=key)) from None
    made = verb()
    record.object_type, record.object_id = made._meta.label_lower, str(made.pk)
    record.save(update_fields=["object_type", "object_id"])
    return record.object_id
