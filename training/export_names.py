"""Under which name an image stands in an export: the one it came with, where no other has it, else its sample's id.

So what was imported is exported under the names it had, and names never leave the folder they are unpacked into.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

MOST = 255
PLAIN = re.compile(r"[^\w.-]|\.(?=\.)", re.ASCII)
DRIVE = re.compile(r"[A-Za-z]:")
ORDINARY = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)
"""What most names are: looked at first, for the rules below take five times as long."""


def usable(source: str) -> bool:
    """Tell whether a name is relative, in posix spelling, and stays where it is put."""
    if len(source) <= MOST and ORDINARY.fullmatch(source):
        return True
    parts = source.split("/")
    return (
        bool(source)
        and len(source) <= MOST
        and source.isprintable()
        and "\\" not in source
        and not DRIVE.match(source)
        and not any(part in ("", ".", "..") or part != part.strip() for part in parts)
    )


def plain(sample_id: str) -> str:
    """Answer a sample's id as a file name; one that had to be changed bears a part of its hash, so that it stays its own."""
    spelled = PLAIN.sub("_", sample_id)[:150]
    if spelled == sample_id and not spelled.startswith("."):
        return spelled
    return f"{spelled.lstrip('.')}-{hashlib.sha256(sample_id.encode()).hexdigest()[:8]}"


@dataclass
class Names:
    """Gives each sample of one export its name; `shared` are the sources that several have.

    Where some have a name of their own and others do not, all given names are remembered by their hash, so that none is given
    twice: 70 bytes a sample.
    """

    shared: frozenset[str] = frozenset()
    is_mixed: bool = False
    by_id: bool = False
    renamed: int = 0
    given: set[int] = field(default_factory=set)

    def name_of(self, source: str, sample_id: str, object_name: str) -> str:
        """Answer the name, with the extension of the object where it is made of the sample's id."""
        name = source
        if self.by_id or source in self.shared or not usable(source):
            self.renamed += bool(source)
            name = f"{plain(sample_id)}{PurePosixPath(object_name).suffix}"
        return self._once(name, sample_id, object_name) if self.is_mixed else name

    def _once(self, name: str, sample_id: str, object_name: str) -> str:
        if hash(name) in self.given:
            self.renamed += 1
            name = (
                f"{plain(sample_id)}-{hashlib.sha256(sample_id.encode()).hexdigest()[:16]}{PurePosixPath(object_name).suffix}"
            )
        self.given.add(hash(name))
        return name
