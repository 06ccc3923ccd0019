"""The names of images in an export: those they came with, as long as each leads to a file of its own."""

from collections.abc import Callable
from itertools import count

from training.export_names import plain
from training.formats.base import ExportMember, Notes, cleaned, stem_of


class Names:
    """Gives out names that are unique, also where a file system knows no upper case; others go by their sample_id.

    With `by_stem` they are unique without their suffixes too: each has a file of annotations of its own. `refuses` tells of a name that a reader of the format would understand as something else.
    """

    def __init__(
        self, notes: Notes, refuses: Callable[[str, ExportMember], bool] = lambda name, member: False, *, by_stem: bool = True
    ) -> None:
        self.notes, self.refuses, self.by_stem = notes, refuses, by_stem
        self.given: set[int] = set()

    def of(self, member: ExportMember) -> str:
        """Answer the name of a member."""
        name = member.name
        if cleaned(name, type(self.notes)()) != name or self.refuses(name, member) or self._key(name) in self.given:
            self.notes["renamed"] += 1
            dot = name.rfind(".")
            suffix = name[dot:] if dot >= 0 and name[dot + 1 :].isalnum() and len(name) - dot <= 6 else ""
            name = self._free(plain(member.sample_id), suffix)
        self.given.add(self._key(name))
        return name

    def _free(self, stem: str, suffix: str) -> str:
        names = (f"{stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
        return next(name for name in names if self._key(name) not in self.given)

    def _key(self, name: str) -> int:
        return hash((stem_of(name) if self.by_stem else name).casefold())
