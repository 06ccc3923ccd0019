"""Rows that are jobs: a worker claims one by a token, says every so often that it is alive, and loses it where it falls silent.

Such a row has the columns `token` and `beat_at`, with a prefix where it stands for several jobs. The verbs of each job say what
is to be done; every write of a worker is conditional on its token.
"""

import secrets
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from core.queue import enqueue

LOST_AFTER = timedelta(seconds=60)
"""How long the worker of a row may be silent before another one takes over."""
AT_ONCE = 100
Row = TypeVar("Row", bound=Model)


def unclaimed(prefix: str = "") -> Q:
    """Select what no living worker has in hand."""
    beat = f"{prefix}beat_at"
    return Q(**{f"{beat}__isnull": True}) | Q(**{f"{beat}__lt": timezone.now() - LOST_AFTER})


def claim(rows: QuerySet[Row], pk: Any, *joined: str, prefix: str = "", **also: Any) -> Row | None:
    """Become the worker of a row, unless it is not among `rows`, which are to be done, or another worker is alive.

    Answers it with the relations `joined`; `also` is set on it.
    """
    token = secrets.token_hex(16)
    changes = {f"{prefix}token": token, f"{prefix}beat_at": timezone.now(), **also}
    if not rows.filter(unclaimed(prefix), pk=pk).update(**changes):
        return None
    return QuerySet(rows.model).select_related(*joined).filter(pk=pk, **{f"{prefix}token": token}).first()


def wake(rows: QuerySet[Any], task: str, *, prefix: str = "") -> int:
    """Send for a worker for each row that is to be done and has none (a lost message, a killed worker); answers how many."""
    keys = list(rows.filter(unclaimed(prefix)).values_list("pk", flat=True)[:AT_ONCE])
    for key in keys:
        enqueue(task, str(key))
    return len(keys)
