"""Who gets the next slot: one statement, by index, and no slot to two people."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from core.prepared import execute
from learning.models.review import queue_key

FREE_AFTER = timedelta(days=3)
"""When work that was returned to somebody is anyone's."""

# Slots wait in groups of who judged the sample before. `parts` walks the groups by their first index entries (a loose
# index scan), so its cost is the number of groups and not of slots; `heads` takes the best free slot of each group
# without me, skipping what another claim holds at this moment. The last test is for samples I judged too late for
# judged_by to say so; it is no NOT EXISTS, which PostgreSQL turns into a join over all that I ever judged. A dispute that
# any reviewer may settle says so by naming nobody. Nothing is claimed by a hand that is full; what lies on the grid page,
# behind the hand's three places, is none of it.
CLAIM = """
UPDATE review_slots SET state = 'leased', lease_user_id = %(user)s, leased_at = %(now)s, lease_until = %(until)s, place = (
    SELECT MIN(free.place) FROM (SELECT 1 AS place UNION ALL SELECT 2 UNION ALL SELECT 3) free
    WHERE NOT EXISTS (SELECT 1 FROM review_slots held WHERE held.lease_user_id = %(user)s AND held.queue_key = %(queue)s
                      AND held.state = 'leased' AND held.place = free.place)
)
WHERE (SELECT COUNT(*) FROM review_slots held
       WHERE held.lease_user_id = %(user)s AND held.queue_key = %(queue)s AND held.state = 'leased'
       AND held.place <= 3) < %(wanted)s
AND NOT EXISTS (SELECT 1 FROM annotator_pauses pause
                WHERE pause.user_id = %(user)s AND pause.module_id = %(module)s AND pause.lifted_at IS NULL)
AND id = (
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
                  AND slot.state IN ('open', 'leased')
                  AND (slot.state = 'open' OR (slot.lease_until < %(now)s AND slot.lease_user_id <> %(user)s))
                  AND (slot.only_user_id IS NULL OR slot.only_user_id = %(user)s
                       OR (slot.kind = 'rework' AND slot.created_at < %(free)s))
                  AND ({again} OR slot.skipped_by NOT LIKE %(me)s)
                  AND (slot.only_user_id = %(user)s OR (slot.kind = 'senior' AND slot.judged_by = '')
                       OR COALESCE((SELECT FALSE FROM review_slots mine
                                    WHERE mine.sample_id = slot.sample_id AND mine.lease_user_id = %(user)s
                                      AND (mine.state = 'leased' OR (mine.state = 'done' AND mine.label_id IS NOT NULL))
                                      AND mine.id <> slot.id LIMIT 1), TRUE))
                ORDER BY slot.priority DESC, slot.id LIMIT 1 {lock})
        FROM parts WHERE parts.judged_by IS NOT NULL AND ',' || parts.judged_by || ',' NOT LIKE %(me)s
    )
    SELECT heads.id FROM heads WHERE heads.id IS NOT NULL
    ORDER BY (SELECT best.priority FROM review_slots best WHERE best.id = heads.id) DESC, heads.id LIMIT 1
)
RETURNING id
"""
LOCK = {"postgresql": "FOR UPDATE SKIP LOCKED", "sqlite": ""}
"""On SQLite the write lock of the transaction keeps others out."""


def claim(module: int, queue: str, user: int, *, now: datetime, until: datetime, wanted: int = 1, again: bool = False) -> bool:
    """Lease the best free slot of a queue to a user whose hand there holds fewer than `wanted`; tells whether one was there.

    Who is paused in the module gets none. What they skipped is theirs only `again`. Runs in the caller's transaction, and raises django.db.IntegrityError where the
    same person takes a sample in another window at this very moment: the caller begins anew.
    """
    facts: dict[str, Any] = {
        "queue": queue_key(module, queue),
        "module": module,
        "user": user,
        "now": bound(now),
        "until": bound(until),
        "free": bound(now - FREE_AFTER),
        "wanted": wanted,
        "me": f"%,{user},%",
    }
    given, _count = execute(CLAIM.format(lock=LOCK[connection.vendor], again="TRUE" if again else "FALSE"), facts)
    return bool(given)


def bound(moment: datetime) -> datetime | str | None:
    """Spell a time as this database's columns hold it."""
    return connection.ops.adapt_datetimefield_value(moment)
