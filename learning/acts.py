"""What can be done with many samples at once. Apps above add their own in AppConfig.ready; nothing here knows them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms

from accounts.models import User
from accounts.policy import Permission, is_allowed
from core.errors import Missing


@dataclass(frozen=True)
class Outcome:
    """What became of a chunk: how many samples were changed, and how many were let be, by the reason (a sentence's end)."""

    changed: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


class ActForm(forms.Form):
    """What an act wants to know beside the samples."""

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.user = user

    @property
    def facts(self) -> dict[str, Any]:
        """Answer it as plain values, as it is kept with the selection."""
        return dict(self.cleaned_data)


@dataclass(frozen=True)
class Act:
    """One act: `apply(keys, by, facts)` does it to a chunk in the caller's transaction, and may be stopped between chunks."""

    name: str
    label: Any
    explained: Any
    permission: Permission
    apply: Callable[[Sequence[int], User, Mapping[str, Any]], Outcome]
    form: type[ActForm] = ActForm
    is_grave: bool = False


_ACTS: dict[str, Act] = {}


def register(act: Act) -> None:
    """Offer an act; done in AppConfig.ready."""
    _ACTS[act.name] = act


def act_named(name: str) -> Act:
    """Answer the act of this name; raises Missing."""
    if name not in _ACTS:
        raise Missing("There is no such act.")
    return _ACTS[name]


def acts_of(user: User) -> list[Act]:
    """Answer what `user` may do with many samples, in the order in which it was registered."""
    return [act for act in _ACTS.values() if is_allowed(user, act.permission)]
