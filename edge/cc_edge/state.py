"""What an agent must not forget: the newest assignment, what became of each deployment, and reports not yet delivered."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value BLOB);
CREATE TABLE IF NOT EXISTS attempt (
    deployment TEXT NOT NULL, attempt INTEGER NOT NULL, last_seq INTEGER NOT NULL, status TEXT NOT NULL,
    PRIMARY KEY (deployment, attempt)
);
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, deployment TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answered (
    module TEXT NOT NULL, version TEXT NOT NULL, images INTEGER NOT NULL, confidence REAL NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (module, version)
);
"""
TERMINAL = frozenset({"completed", "failed"})
REPORTS_A_REQUEST = 100
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

    def count_answers(self, module: str, version: str, *, images: int, confidence: float, seconds: float) -> None:
        """Add answered images to what the next heartbeat tells: how many, summed confidence, summed seconds."""
        upsert = """INSERT INTO answered VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET images = images + excluded.images,
            confidence = confidence + excluded.confidence, seconds = seconds + excluded.seconds"""
        self._db.execute(upsert, (module, version, images, confidence, seconds))

    def answered(self) -> list[dict[str, Any]]:
        """Answer the sums of answered images a module and version since they were last told."""
        rows = self._db.execute("SELECT module, version, images, confidence, seconds FROM answered").fetchall()
        names = ("ai_module", "version", "images", "confidence_sum", "seconds_sum")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def told(self, sums: list[dict[str, Any]]) -> None:
        """Take off what the hub has heard; what was counted meanwhile stays."""
        with self._writing() as db:
            for told in sums:
                db.execute(
                    """UPDATE answered SET images = images - :images, confidence = confidence - :confidence_sum,
                    seconds = seconds - :seconds_sum WHERE module = :ai_module AND version = :version""",
                    told,
                )
            db.execute("DELETE FROM answered WHERE images <= 0")
