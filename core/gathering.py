"""What is too small to be a commit each: kept in the memory of a web process, and written together every few seconds by a thread.

A process that is killed loses what it had gathered since the last writing: only what decides nothing is kept so.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from typing import Any, Generic, Protocol, Self, TypeVar

import structlog
from django.db import Error, connection

IDLE_SECONDS = 30.0

logger = structlog.get_logger(__name__)


class Pile(Sized, Protocol):
    """What is gathered: a set or a Counter, to which what could not be written is added again."""

    def update(self, more: Self, /) -> Any: ...


P = TypeVar("P", bound=Pile)


class Gathering(ABC, Generic[P]):
    """Gather in `adding` and have it written by `write` every `every` seconds; a subclass says how a pile is kept.

    The thread begins with the first that is added where `by_itself` holds, and ends after half a minute without any.
    """

    name: str
    every: float

    def __init__(self, *, by_itself: bool = True) -> None:
        self.pile = self.empty()
        self.by_itself = by_itself
        self._lock = threading.Lock()
        self._is_alive = False

    @abstractmethod
    def empty(self) -> P:
        """Answer a pile of nothing."""

    @abstractmethod
    def keep(self, pile: P) -> int:
        """Write a pile; answers how many it was."""

    @contextmanager
    def adding(self) -> Iterator[P]:
        """Hand out the pile to add to, which no other thread has meanwhile."""
        with self._lock:
            yield self.pile
            begins = self.by_itself and not self._is_alive
            self._is_alive = self._is_alive or begins
        if begins:
            threading.Thread(target=self._go_on, name=self.name, daemon=True).start()

    def write(self) -> int:
        """Write what was gathered since the last time and answer how many; where the database fails, it is all still there."""
        with self._lock:
            pile, self.pile = self.pile, self.empty()
        try:
            return self.keep(pile) if pile else 0
        except Error:
            with self._lock:
                self.pile.update(pile)
            raise

    def _go_on(self) -> None:
        wait, idle = threading.Event(), 0.0
        try:
            while idle < IDLE_SECONDS or self.pile:
                wait.wait(self.every)
                try:
                    idle = 0.0 if self.write() else idle + self.every
                except Error:
                    logger.warning(
                        "what was gathered could not be written; it is tried again", gathering=self.name, exc_info=True
                    )
                connection.close()  # a pool or the server may end it meanwhile
        finally:
            with self._lock:
                self._is_alive = False  # whatever ended it, the next one begins another
