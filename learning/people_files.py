"""Reading people from folders `<normalized_name>/<files>`, with a table of names beside them where there is one.

Knows files, not the database.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
TABLE = "people.csv"
KNOWN = ("full_name", "wikidata_id", "occupation", "country", "description")
MOST_ROWS = 100_000


@dataclass(frozen=True)
class Folder:
    """A person's folder: its path below the root, its own name, the files in order, and what the table says of the person."""

    path: str
    name: str
    files: tuple[Path, ...]
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """The name the table gives, else the folder's in people's spelling."""
        return self.facts.get("full_name") or self.name.replace("_", " ").title()


class NameTable:
    """Rows of people by the name of their folder; of several with one name, the one that another part of the path names."""

    def __init__(self, path: Path | None) -> None:
        self.rows: dict[str, list[dict[str, str]]] = {}
        if path is None:
            return
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for _, row in zip(range(MOST_ROWS), csv.DictReader(stream), strict=False):
                clean = {key: value.strip() for key, value in row.items() if key and isinstance(value, str)}
                self.rows.setdefault(clean.get("normalized_name", ""), []).append(clean)

    def of(self, path: Path) -> dict[str, str]:
        """Answer what is known of the person of a folder."""
        rows = self.rows.get(path.name, [])
        if len(rows) > 1:
            parts = set(path.parts[:-1])
            rows = [row for row in rows if parts & set(row.values())] or rows
        return {name: rows[0][name] for name in KNOWN if rows and rows[0].get(name)}


def folders_in(root: Path, table: Path | None = None) -> Iterator[Folder]:
    """Find each folder below `root` that holds images, in the order of their paths."""
    given = table or (root / TABLE if (root / TABLE).is_file() else None)
    names = NameTable(given)
    by_folder: dict[Path, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.parent != root:
            by_folder.setdefault(path.parent, []).append(path)
    for folder, files in sorted(by_folder.items()):
        below = folder.relative_to(root)
        yield Folder(below.as_posix(), folder.name, tuple(files), names.of(below))
