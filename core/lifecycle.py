"""Moves between states: a table beside the field, one guarded UPDATE, and a refusal that raises."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models

from core.errors import Conflict
from core.prepared import update


class IllegalMove(Conflict):
    """The table of moves has no such step."""

    code = "illegal_move"


class LostRace(Conflict):
    """Somebody else moved the row first."""

    code = "lost_race"


class Lifecycle(models.Model):
    """A row whose state changes only along MOVES.

    `MOVES` maps each state to the states that may follow it; `STATE_FIELD` names the column.
    """

    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {}
    STATE_FIELD: ClassVar[str] = "state"

    class Meta:
        abstract = True

    def can_move(self, new: str) -> bool:
        """Tell whether the table allows the step from the state this instance was read in."""
        return new in self.MOVES[getattr(self, self.STATE_FIELD)]

    def move(self, new: str, **fields: Any) -> None:
        """Move the row to `new` and set `fields`, if it is still in the state this instance was read in.

        Raises IllegalMove when MOVES has no such step, LostRace when the row was moved meanwhile.
        """
        old = getattr(self, self.STATE_FIELD)
        noun = self._meta.verbose_name
        if new not in self.MOVES[old]:
            raise IllegalMove(f"A {noun} that is {old} cannot become {new}.", facts={"state": str(old)})
        changes = {self.STATE_FIELD: new, **fields}
        if not self._update(old, changes):
            raise LostRace(f"This {noun} was changed by someone else just now; look at it again.")
        for name, value in changes.items():
            setattr(self, name, value)

    def _update(self, old: str, changes: Mapping[str, Any]) -> int:
        where = {"pk": self.pk, self.STATE_FIELD: old}
        if any(hasattr(value, "resolve_expression") for value in changes.values()):
            return type(self)._base_manager.filter(**where).update(**changes)
        return update(type(self), where, changes)
