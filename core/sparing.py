"""What others import beside what we want of them, left out: a web process at rest holds only what it uses."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Have these modules be as if not installed for the length of a block, unless they are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules |= dict.fromkeys(hidden)  # type: ignore[arg-type]  # None is how Python spells it
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
