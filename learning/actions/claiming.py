"""Who gets the next slot: one statement, by index, and no slot to two people."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

TRIES = 5

# Slots wait in groups of who judged the sample before. `parts` walks the groups by their first index entries (a loose
# index scan), so its cost is the number of groups and not of slots; `heads` takes the best free slot of each group
# without me, skipping what another claim holds at this moment. The last test is for samples I judged too late for
# judged_by to say so; it is no NOT EXISTS, which PostgreSQL turns into a join over all that I ever judged.
CLAIM = """
UPDATE review_slots SET state = 'leased', lease_user_id = %(user)s, leased_at = %(now)s, lease_until = %(until)s
WHERE id = (
    WITH RECURSIVE parts(judged_by) AS (
        SELECT MIN(judged_by) FROM review_slots WHERE queue_key = %(queue)s AND state IN ('open', 'leased')
        UNION ALL
        SELECT (SELECT MIN(later.judged_by) FROM review_slots later
                WHERE later.queue_key = %(queue)s AND later.state IN ('open', 'leased') AND later.judged_by > parts.judged_by)
        FROM parts WHERE parts.judged_by IS NOT NULL
    ),
    heads(id) AS MATERIALIZED (
        SELECT (SELECT slot.id FROM review_slots slot
                WHERE slot.queue_key = %(queue)s AND slot.judged_by = parts.judged_by
                  AND slot.state IN ('open', 'leased') AND (slot.state = 'open' OR slot.lease_until < %(now)s)
                  AND (slot.only_user_id IS NULL OR slot.only_user_id = %(user)s)
                  AND COALESCE((SELECT FALSE FROM review_slots mine
                                WHERE mine.sample_id = slot.sample_id AND mine.lease_user_id = %(user)s
                                  AND mine.state IN ('leased', 'done') AND mine.id <> slot.id LIMIT 1), TRUE)
                ORDER BY slot.priority DESC, slot.id LIMIT 1 {lock})
        FROM parts WHERE parts.judged_by IS NOT NULL AND ',' || parts.judged_by || ',' NOT LIKE %(me)s
    )
    SELECT best.id FROM review_slots best JOIN heads ON best.id = heads.id ORDER BY best.priority DESC, best.id LIMIT 1
)
RETURNING id
"""
LOCK = {"postgresql": "FOR UPDATE SKIP LOCKED", "sqlite": ""}
"""On SQLite the write lock of the transaction keeps others out."""


def claim(queue: str, user: int, *, now: datetime, until: datetime) -> int | None:
    """Lease the best free slot of a queue to a user and answer its key, or None where nothing waits for them.

    Runs in the caller's transaction. Where the same person leased the same sample a moment ago in another window, the
    database refuses the second lease and the next slot is tried.
    """
    facts: dict[str, Any] = {"queue": queue, "user": user, "now": _bound(now), "until": _bound(until), "me": f"%,{user},%"}
    statement = CLAIM.format(lock=LOCK[connection.vendor])
    for _ in range(TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, facts)
                row = cursor.fetchone()
                return int(row[0]) if row else None
        except IntegrityError:
            continue
    return None


def _bound(moment: datetime) -> datetime | str | None:
    """Spell a time as this database's columns hold it."""
    return connection.ops.adapt_datetimefield_value(moment)
