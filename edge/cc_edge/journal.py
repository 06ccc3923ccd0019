"""What this client remembers of a delivery under way, so that a killed upload goes on where it was."""

import hashlib
import sqlite3
import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (source TEXT PRIMARY KEY, client_batch_id TEXT NOT NULL, day TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS item (
    client_batch_id TEXT NOT NULL, event_id TEXT NOT NULL, content TEXT NOT NULL, object TEXT NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (client_batch_id, event_id)
);
"""


class Journal:
    """A small SQLite file; one delivery at a time a source, its accepted items, and which of them lie in the store."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {SCHEMA}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()

    def begin(self, source: str, day: str) -> tuple[str, str]:
        """Answer (client_batch_id, day) of the unfinished delivery of `source`, or of a new one."""
        insert = "INSERT INTO delivery VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        self._db.execute(insert, (source, str(uuid.uuid4()), day))
        row = self._db.execute("SELECT client_batch_id, day FROM delivery WHERE source = ?", (source,)).fetchone()
        return str(row[0]), str(row[1])

    def accept(self, delivery: str, event_id: str, content: str, name: str) -> bool:
        """Remember an accepted item and its object's name; answers whether that object is uploaded already."""
        upsert = """INSERT INTO item VALUES (?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET content = excluded.content,
            object = excluded.object, uploaded = uploaded AND object = excluded.object RETURNING uploaded"""
        with self._lock:
            return bool(self._db.execute(upsert, (delivery, event_id, content, name)).fetchone()[0])

    def uploaded(self, delivery: str, event_id: str) -> None:
        """Remember that the object lies in the store."""
        with self._lock:
            query = "UPDATE item SET uploaded = 1 WHERE client_batch_id = ? AND event_id = ?"
            self._db.execute(query, (delivery, event_id))

    def seal_of(self, delivery: str) -> tuple[int, str]:
        """Answer how many items were accepted, and the SHA-256 over their lines in byte order, as the hub counts them."""
        query = "SELECT event_id || ':' || content FROM item WHERE client_batch_id = ?"
        lines = sorted(row[0].encode() for row in self._db.execute(query, (delivery,)))
        return len(lines), hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()

    def finish(self, delivery: str) -> None:
        """Forget a delivery that the hub has closed."""
        self._db.execute("DELETE FROM item WHERE client_batch_id = ?", (delivery,))
        self._db.execute("DELETE FROM delivery WHERE client_batch_id = ?", (delivery,))
