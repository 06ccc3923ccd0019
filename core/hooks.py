"""What lower apps announce and upper apps subscribe to: synchronous, set-wise, in the verb's own transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Payload = TypeVar("Payload")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class SampleChange:
    """One learning sample's truth before and after a verb: bigint key, state and canonical hash of the truth.

    `task` is its module's, where the verb knows it without asking.
    """

    sample: int
    old_state: str
    new_state: str
    old_truth: str
    new_truth: str
    task: str = ""


@dataclass(frozen=True)
class Impact:
    """One thing an erasure touches: its kind, its public id, and a sentence about what becomes of it."""

    kind: str
    id: str
    consequence: str


@dataclass
class Hook(Generic[Payload, Answer]):
    """A named announcement; subscribers are called in the order of the apps, and their rows are joined."""

    name: str
    subscribers: list[Callable[[Payload], Iterable[Answer] | None]] = field(default_factory=list)

    def subscribe(self, function: Callable[[Payload], Iterable[Answer] | None]) -> None:
        """Call `function` on each announcement; done in AppConfig.ready, once."""
        if function not in self.subscribers:
            self.subscribers.append(function)

    def announce(self, payload: Payload) -> list[Answer]:
        """Tell all subscribers; what they raise undoes the verb."""
        return [row for function in self.subscribers for row in (function(payload) or ())]


samples_settled: Hook[Sequence[SampleChange], None] = Hook("samples_settled")
erasure_impact: Hook[Sequence[int], Impact] = Hook("erasure_impact")
objects_gone: Hook[Sequence[int], None] = Hook("objects_gone")
assigning_key_changed: Hook[None, None] = Hook("assigning_key_changed")
