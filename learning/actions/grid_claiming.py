"""Who gets the next page of tiles: one statement, from the front of the queue, and no slot to two people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from learning.actions.claiming import LOCK, bound
from learning.models import Task
from learning.models.review import HAND

FRONT = 5_000
"""How far into each part of the queue a page looks for its class."""
PARTS = 200

GROUPS = """
WITH RECURSIVE parts(judged_by) AS (
    SELECT MIN(judged_by) FROM review_slots WHERE queue_key = %(queue)s AND state IN ('open', 'leased')
    UNION ALL
    SELECT (SELECT MIN(later.judged_by) FROM review_slots later
            WHERE later.queue_key = %(queue)s AND later.state IN ('open', 'leased') AND later.judged_by > parts.judged_by)
    FROM parts WHERE parts.judged_by IS NOT NULL
)
SELECT judged_by FROM parts WHERE judged_by IS NOT NULL AND ',' || judged_by || ',' NOT LIKE %(me)s
"""

FREE = "(slot.state = 'open' OR (slot.lease_until < %(now)s AND slot.lease_user_id <> %(user)s))"

PART = f"""
SELECT * FROM (
    SELECT slot.id, slot.priority, slot.sample_id FROM review_slots slot
    WHERE slot.queue_key = %(queue)s AND slot.judged_by = %({{part}})s AND slot.state IN ('open', 'leased') AND {FREE}
      AND (slot.only_user_id IS NULL OR slot.only_user_id = %(user)s)
      AND NOT slot.in_full AND slot.skipped_by NOT LIKE %(me)s
    ORDER BY slot.priority DESC, slot.id LIMIT {FRONT}
) {{part}}
"""  # noqa: S608  (of constants)

CLASSES = """
SELECT {named}, COUNT(*) FROM ({front}) near JOIN learning_samples sample ON sample.id = near.sample_id
WHERE sample.object_id IS NOT NULL AND {asked} GROUP BY 1 ORDER BY 2 DESC, 1
"""

# The rows are locked below their LIMIT, so that a page that somebody else claims at this moment is skipped and not waited for;
# what is free is asked again of the locked row. No sample comes twice to one person, nor twice to one page.
CLAIM = """
UPDATE review_slots SET state = 'leased', lease_user_id = %(user)s, leased_at = %(now)s, lease_until = %(until)s,
    place = picked.place
FROM (
    SELECT ready.id, ROW_NUMBER() OVER (ORDER BY ready.priority DESC, ready.id) + {hand} AS place FROM (
        SELECT slot.id, slot.priority
        FROM review_slots slot
        JOIN ({front}) near ON near.id = slot.id
        JOIN learning_samples sample ON sample.id = slot.sample_id
        WHERE slot.state IN ('open', 'leased') AND {free} AND sample.object_id IS NOT NULL AND {asked}
          AND COALESCE((SELECT FALSE FROM review_slots other
                        WHERE other.sample_id = slot.sample_id AND other.id <> slot.id
                          AND ((other.lease_user_id = %(user)s
                                AND (other.state = 'leased' OR (other.state = 'done' AND other.label_id IS NOT NULL)))
                               OR (other.id < slot.id AND other.queue_key = slot.queue_key
                                   AND other.state IN ('open', 'leased')))
                        LIMIT 1), TRUE)
        ORDER BY slot.priority DESC, slot.id LIMIT %(wanted)s {lock}
    ) ready
) picked
WHERE review_slots.id = picked.id
RETURNING review_slots.id
"""
LOCKED = {vendor: words.replace("FOR UPDATE", "FOR UPDATE OF slot") for vendor, words in LOCK.items()}
NAMED = {Task.CLASSIFICATION: "sample.prediction ->> 'label'", Task.TEXT: "''"}
IS_SAID = {
    Task.CLASSIFICATION: "sample.prediction ->> 'label' <> ''",
    Task.TEXT: "sample.prediction ->> 'text' <> ''",
}


@dataclass(frozen=True)
class Front:
    """The slots at the front of a queue that one person could take now, wherever they were judged before."""

    task: str
    facts: dict[str, Any]
    parts: str

    def classes(self) -> dict[str, int]:
        """Answer the predicted classes with how many of each there are, the most frequent first; of texts, "" alone."""
        asked = IS_SAID[Task(self.task)]
        with connection.cursor() as cursor:
            cursor.execute(CLASSES.format(named=NAMED[Task(self.task)], front=self.parts, asked=asked), self.facts)
            return dict(cursor.fetchall())

    def claim(self, label: str, wanted: int, until: datetime) -> list[int]:
        """Lease the best of one class, at most `wanted`, and answer their slots.

        Runs in the caller's transaction, and raises django.db.IntegrityError where the same person takes a page in another
        window at this very moment: the caller begins anew.
        """
        asked = IS_SAID[Task(self.task)]
        if self.task == Task.CLASSIFICATION:
            asked = f"{NAMED[Task.CLASSIFICATION]} = %(label)s"
        lock = LOCKED[connection.vendor]
        statement = CLAIM.format(hand=HAND, front=self.parts, free=FREE, asked=asked, lock=lock)
        with connection.cursor() as cursor:
            cursor.execute(statement, {**self.facts, "label": label, "wanted": wanted, "until": bound(until)})
            return [row[0] for row in cursor.fetchall()]


def front(queue: str, task: str, user: int, now: datetime) -> Front | None:
    """Answer the front of a queue (its key) for a person; None where all that waits there was judged by them."""
    facts: dict[str, Any] = {"queue": queue, "user": user, "now": bound(now), "me": f"%,{user},%"}
    with connection.cursor() as cursor:
        cursor.execute(GROUPS, facts)
        groups = {f"part{number}": row[0] for number, row in enumerate(cursor.fetchmany(PARTS))}
    if not groups:
        return None
    return Front(task, {**facts, **groups}, " UNION ALL ".join(PART.format(part=name) for name in groups))
