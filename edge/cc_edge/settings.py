"""`cc-edge.toml`: where the hub is, where the samples come from, and what of them is sent. The command line goes before it."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cc_edge.errors import Misconfigured
from cc_edge.selection import Selection

NAME = "cc-edge.toml"
TEXTS = {"hub", "city", "key_file", "source", "from_command", "images", "state"}
TABLES = {"map", "defaults", "csv", "filter"}


@dataclass
class Settings:
    """The file's content; relative paths are taken from where the file lies."""

    hub: str = ""
    city: str = ""
    key_file: Path | None = None
    source: Path | None = None
    from_command: str = ""
    images: Path | None = None
    state: Path | None = None
    max_minutes: float | None = None
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    map: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    filter: Selection = field(default_factory=Selection)

    @classmethod
    def find(cls, path: Path | None) -> Self:
        """Read `path`, or cc-edge.toml of the working folder where there is one; raises Misconfigured."""
        chosen = path or Path(NAME)
        if path is None and not chosen.is_file():
            return cls()
        try:
            table = tomllib.loads(chosen.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Misconfigured(f"{chosen} cannot be read: {error}") from error
        return cls._read(table, chosen.resolve().parent)

    @classmethod
    def _read(cls, table: Mapping[str, Any], folder: Path) -> Self:
        made = cls()
        for name, value in table.items():
            if name in TEXTS and isinstance(value, str):
                is_path = name in {"key_file", "source", "images", "state"}
                setattr(made, name, folder / Path(value).expanduser() if is_path else value)
            elif name == "max_minutes" and isinstance(value, int | float) and value > 0:
                made.max_minutes = float(value)
            elif name in TABLES and isinstance(value, dict):
                made._read_table(name, value)
            else:
                raise Misconfigured(f"{NAME}: {name} = {value!r} is not understood.")
        return made

    def _read_table(self, name: str, table: dict[str, Any]) -> None:
        if name == "filter":
            self.filter = Selection.read(table)
        elif name == "defaults":
            self.defaults = table
        elif name == "map" and all(isinstance(column, str) for column in table.values()):
            self.map = table
        elif name == "csv" and set(table) <= {"delimiter", "encoding"} and all(isinstance(v, str) for v in table.values()):
            self.delimiter, self.encoding = table.get("delimiter", ","), table.get("encoding", self.encoding)
        else:
            raise Misconfigured(f"{NAME}: [{name}] is not understood.")


def chosen(given: str | None, name: str, kept: str) -> str:
    """Answer what the command line says, else the environment, else the file."""
    return given or os.environ.get(name, "") or kept
