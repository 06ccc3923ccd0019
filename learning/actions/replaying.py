"""Erasing again what an older database brought back: the ledger says what, nobody is asked a second time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import Conflict
from learning.actions import erasing, erasure, ledger
from learning.models import SubjectKind

REFERENCE = "replay of the ledger"


def replay(files: Sequence[Path] = (), *, from_store: bool = True) -> dict[str, Any]:
    """Take the ledger's pages back from the store and from `files`, and erase whatever of it is there; twice is success.

    Answers how many entries the database lacked and how many samples went again, and of the last one its erasure. What is under
    legal hold waits for the hold, as it would have.
    """
    taken = ledger.take_back() if from_store else 0
    taken += sum(ledger.take_back(file) for file in files)
    made = erasure.draft(SubjectKind.LEDGER, {}, by=None, reference=REFERENCE)
    erasure.gather(made.pk)
    made.refresh_from_db()
    try:
        erasure.confirm_replay(made)
    except Conflict:
        erasure.discard(made, by=None)
        return {"ledger_entries_taken_back": taken, "erased_again": 0}
    ended = erasing.run(made.pk)
    return {
        "ledger_entries_taken_back": taken,
        "erased_again": ended.counts.get("samples", 0) if ended else 0,
        "erasure": made.pk,
    }
