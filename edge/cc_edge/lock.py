"""One process at a time in a folder; the lock falls with the process, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cc_edge.errors import AlreadyRunning, Misconfigured


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock file for the length of a block; raises AlreadyRunning at once where another holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    except OSError as error:
        raise Misconfigured(f"Cannot write {path}: {error.strerror}.") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(f"Another cc-edge holds {path}.") from error
        yield
