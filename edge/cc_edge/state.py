"""What an agent must not forget: the newest assignment, what became of each deployment, and reports not yet delivered."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cc_edge.measuring import Tally

SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB);
CREATE TABLE IF NOT EXISTS attempt (
    deployment TEXT NOT NULL, attempt INTEGER NOT NULL, last_seq INTEGER NOT NULL, status TEXT NOT NULL,
    PRIMARY KEY (deployment, attempt)
);
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, deployment TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS measured (
    id INTEGER PRIMARY KEY AUTOINCREMENT, module TEXT NOT NULL, version TEXT NOT NULL, since TEXT NOT NULL,
    is_told INTEGER NOT NULL DEFAULT 0, sums TEXT NOT NULL
);
"""
TERMINAL = frozenset({"completed", "failed"})
REPORTS_A_REQUEST = 100
NOTES_A_HEARTBEAT = 50
LONGEST_SENTENCE = 1000


@dataclass(frozen=True)
class Waiting:
    """Reports of one deployment that the hub has not acknowledged; `last` is the newest row's id."""

    deployment: str
    last: int
    reports: list[dict[str, Any]]


def wall_clock() -> datetime:
    """Answer what this machine believes the time to be."""
    return datetime.now(UTC)


class State:
    """`state.sqlite3`; every change is on disk before the call returns. `read_clock` is the machine's own clock."""

    def __init__(self, path: Path, read_clock: Callable[[], datetime] = wall_clock) -> None:
        self._read_clock = read_clock
        self._db = sqlite3.connect(path, isolation_level=None, timeout=20)
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def fact(self, name: str) -> Any:
        """Answer a fact as it was remembered, None where it never was."""
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def remember(self, **facts: Any) -> None:
        """Keep facts, all or none; None forgets."""
        with self._writing() as db:
            for name, value in facts.items():
                db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def now(self) -> datetime:
        """Answer the time, never below the newest signed time seen: a clock set back makes no expired document valid."""
        floor = self.fact("clock_floor")
        return max(self._read_clock(), datetime.fromisoformat(floor)) if floor else self._read_clock()

    def saw_time(self, signed_at: datetime | None) -> None:
        """Remember the moment that a verified document was signed at, where it is the newest."""
        floor = self.fact("clock_floor")
        if signed_at is not None and (floor is None or signed_at > datetime.fromisoformat(floor)):
            self.remember(clock_floor=signed_at.isoformat())

    def is_over(self, deployment: str, attempt: int) -> bool:
        """Tell whether this attempt ended here, well or badly."""
        query = "SELECT status FROM attempt WHERE deployment = ? AND attempt = ?"
        row = self._db.execute(query, (deployment, attempt)).fetchone()
        return bool(row) and row[0] in TERMINAL

    def report(self, deployment: str, attempt: int, status: str, *, percent: int = 0, error: str = "") -> None:
        """Queue a report under the attempt's next number; an attempt that is over says nothing more."""
        if self.is_over(deployment, attempt):
            return
        with self._writing() as db:
            upsert = """INSERT INTO attempt VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE
                SET last_seq = last_seq + 1, status = excluded.status RETURNING last_seq"""
            seq = db.execute(upsert, (deployment, attempt, status)).fetchone()[0]
            body = {
                "attempt": attempt,
                "seq": seq,
                "status": status,
                "progress_percent": percent,
                "error_message": error[:LONGEST_SENTENCE] or None,
                "at": self.now().isoformat(),
            }
            db.execute("INSERT INTO outbox (deployment, body) VALUES (?, ?)", (deployment, json.dumps(body)))

    def waiting(self) -> Waiting | None:
        """Answer the oldest reports not acknowledged, of one deployment, in order."""
        first = self._db.execute("SELECT deployment FROM outbox ORDER BY id LIMIT 1").fetchone()
        if first is None:
            return None
        query = "SELECT id, body FROM outbox WHERE deployment = ? ORDER BY id LIMIT ?"
        rows = self._db.execute(query, (first[0], REPORTS_A_REQUEST)).fetchall()
        return Waiting(first[0], rows[-1][0], [json.loads(row[1]) for row in rows])

    def acknowledge(self, delivered: Waiting) -> None:
        """Drop reports that the hub has taken."""
        query = "DELETE FROM outbox WHERE deployment = ? AND id <= ?"
        self._db.execute(query, (delivered.deployment, delivered.last))

    def count_waiting(self) -> int:
        """Answer how many reports wait."""
        return int(self._db.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def measure(self, module: str, version: str, tally: Tally) -> None:
        """Add what was measured of a version to what the next heartbeat tells."""
        with self._writing() as db:
            query = "SELECT id, sums FROM measured WHERE module = ? AND version = ? AND NOT is_told"
            row = db.execute(query, (module, version)).fetchone()
            if row is None:
                insert = "INSERT INTO measured (module, version, since, sums) VALUES (?, ?, ?, ?)"
                db.execute(insert, (module, version, self.now().isoformat(), json.dumps(tally.as_document())))
                return
            whole = Tally()
            for sums in (json.loads(row[1]), tally.as_document()):
                whole.add(sums)
            db.execute("UPDATE measured SET sums = ? WHERE id = ?", (json.dumps(whole.as_document()), row[0]))

    def measured(self) -> dict[int, dict[str, Any]]:
        """Answer the notes for a heartbeat, by number; they do not change any more, so that one told twice is known again."""
        with self._writing() as db:
            db.execute("UPDATE measured SET is_told = 1")
            query = "SELECT id, module, version, since, sums FROM measured ORDER BY id LIMIT ?"
            rows = db.execute(query, (NOTES_A_HEARTBEAT,)).fetchall()
        return {
            number: {"ai_module": module, "version": version, "since": since, **json.loads(sums)}
            for number, module, version, since, sums in rows
        }

    def told(self, notes: Iterable[int]) -> None:
        """Drop the notes that the hub has heard."""
        with self._writing() as db:
            db.executemany("DELETE FROM measured WHERE id = ?", [(number,) for number in notes])
