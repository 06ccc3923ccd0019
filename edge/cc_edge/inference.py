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
from cc_edge.measuring import Tally
from cc_edge.model import Model
from cc_edge.slots import Slot, Slots
from cc_edge.state import State

READS = 5


def infer(home: Home, module: str, images: Iterable[Path]) -> int:
    """Print one JSON line an image; answers how many could not be answered, each of which has a line with its error."""
    slot, model = load_active(home, module)
    tally = Tally()
    for image in images:
        try:
            content, began = image.read_bytes(), time.monotonic()
            answer = model.answer(content)
        except (OSError, Unfit) as error:
            tally.failed()
            sentence = str(error) if isinstance(error, EdgeError) else f"The file cannot be read: {error.strerror}."
            _print({"file": str(image), "error": sentence})
            continue
        tally.answered(answer, time.monotonic() - began)
        line = {"file": str(image), "module": module, "version": slot.version}
        _print({**line, "value": answer.value, "confidence": answer.confidence})
    _keep(home, slot, tally)
    return tally.errors


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


def _keep(home: Home, slot: Slot, tally: Tally) -> None:
    """Leave a note for the next heartbeat; an answer is never lost for the sake of its count."""
    with suppress(sqlite3.Error), State(home.database) as state:
        state.measure(slot.module, slot.version, tally)


def _print(line: dict[str, object]) -> None:
    json.dump(line, sys.stdout)
    sys.stdout.write("\n")
