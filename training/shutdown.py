"""Whether this worker goes down: one byte that a worker and the processes it forked have in common.

The signal arrives in the worker's first process, the run is supervised in a child of it.
"""

import mmap

_begun = mmap.mmap(-1, 1)


def begin() -> None:
    """Say that this worker goes down."""
    _begun[0] = 1


def has_begun() -> bool:
    """Tell whether it does."""
    return _begun[0] == 1
