"""Answer images with the model in use, on this machine: no network, no hub."""

import json
import sqlite3
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cc_edge import bundle
from cc_edge.errors import EdgeError, Misconfigured, Unfit
from cc_edge.home import Home
from cc_edge.model import Model
from cc_edge.slots import Slot, Slots
from cc_edge.state import State

READS = 5


def infer(home: Home, module: str, images: Iterable[Path]) -> int:
    """Print one JSON line an image; answers how many could not be answered, each of which has a line with its error."""
    slot, model = load_active(home, module)
    answered, confidence, failed, began = 0, 0.0, 0, time.monotonic()
    for image in images:
        try:
            answer = model.answer(image.read_bytes())
        except (OSError, Unfit) as error:
            failed += 1
            sentence = str(error) if isinstance(error, EdgeError) else f"The file cannot be read: {error.strerror}."
            _print({"file": str(image), "error": sentence})
            continue
        answered += 1
        confidence += answer.confidence
        line = {"file": str(image), "module": module, "version": slot.version}
        _print({**line, "value": answer.value, "confidence": answer.confidence})
    if answered:
        _count(home, slot, answered, confidence, time.monotonic() - began)
    return failed


def load_active(home: Home, module: str) -> tuple[Slot, Model]:
    """Load the model in use; raises Misconfigured where there is none yet."""
    slots = Slots(home.modules, module)
    for _ in range(READS):
        before = slots.active()
        if before is None:
            raise Misconfigured(f"This edge runs no model of {module} yet.")
        with suppress(FileNotFoundError):
            content = bundle.load(slots.current)
            if slots.active() == before:  # not switched while we read
                return before, Model(content)
    raise Unfit(f"The model of {module} on this machine is not whole.")


def _count(home: Home, slot: Slot, images: int, confidence: float, seconds: float) -> None:
    """Leave a note for the next heartbeat; an answer is never lost for the sake of its count."""
    with suppress(sqlite3.Error), State(home.database) as state:
        state.count_answers(slot.module, slot.version, images=images, confidence=confidence, seconds=seconds)


def _print(line: dict[str, object]) -> None:
    json.dump(line, sys.stdout)
    sys.stdout.write("\n")
