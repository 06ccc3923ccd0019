"""Two places for each module's model, and a link to the one in use.

    <dir>/modules/<module>/{a,b}/   each a whole, checked bundle with slot.json beside it
    <dir>/modules/<module>/current  → a or b, replaced in one step

The link is the truth: whatever moment the process is killed at, `current` names a slot that was complete, synced to disk
and checked before the link was turned.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cc_edge.errors import Unfit

MODULE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
FACTS = "slot.json"
NAMES = ("a", "b")
CURRENT, TURNING, INCOMING, OUTGOING = "current", ".current", ".incoming", ".outgoing"


@dataclass(frozen=True)
class Slot:
    """What lies in a slot and why it was put there; `sha256` is the bundle's.

    `left_deployment` and `left_attempt` name what the hub wanted to run instead, where a person at the site went back to this.
    """

    module: str
    version: str
    sha256: str
    deployment: str
    attempt: int
    installed_at: str
    left_deployment: str = ""
    left_attempt: int = 0


class Slots:
    """The two slots of one module."""

    def __init__(self, modules: Path, module: str) -> None:
        if not MODULE.fullmatch(module):
            raise Unfit(f"{module[:80]!r} is no name of a module.")
        self.folder = modules / module

    @property
    def current(self) -> Path:
        """The link that programs may follow."""
        return self.folder / CURRENT

    def active(self) -> Slot | None:
        """Answer what runs, None before the first install."""
        name = self._current_name()
        return self._facts(name) if name else None

    def other(self) -> Slot | None:
        """Answer what ran before and is kept to go back to."""
        return self._facts(self._other_name())

    def other_folder(self) -> Path:
        """Answer the folder of the slot that is not in use."""
        return self.folder / self._other_name()

    def install(self, fill: Callable[[Path], None], slot: Slot) -> None:
        """Have `fill` write and check a model in an empty folder, then put it into the free slot and turn the link.

        Whatever `fill` raises leaves both slots as they were.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        incoming, outgoing = self.folder / INCOMING, self.folder / OUTGOING
        _remove(incoming)
        incoming.mkdir()
        try:
            fill(incoming)
            _write(incoming / FACTS, slot)
            _sync_tree(incoming)
        except BaseException:
            _remove(incoming)
            raise
        with self._alone():
            target = self.other_folder()
            _remove(outgoing)
            with contextlib.suppress(FileNotFoundError):
                target.rename(outgoing)
            incoming.rename(target)
            _sync(self.folder)
            self._turn(target.name)
        _remove(outgoing)

    def switch(self, slot: Slot) -> None:
        """Go to the model of the other slot, which the caller has checked, under new facts; raises Unfit if it is another now."""
        with self._alone():
            other = self.other()
            if other is None or other.sha256 != slot.sha256:
                raise Unfit("The model to go to was changed at this moment.")
            self._restate(self._other_name(), slot)
            self._turn(self._other_name())

    def go_back(self, to: Slot, *, at: str) -> Slot:
        """Go to the other slot's model, which the caller has checked, by this site's own decision; answers its new facts."""
        with self._alone():
            active, other = self.active(), self.other()
            if active is None or other != to:
                raise Unfit("The model to go back to was changed at this moment; look again.")
            slot = replace(to, installed_at=at, left_deployment=active.deployment, left_attempt=active.attempt)
            self._restate(self._other_name(), slot)
            self._turn(self._other_name())
        return slot

    def keep(self, slot: Slot) -> None:
        """Give the active model new facts: it was asked for again. Raises Unfit if another is active now."""
        with self._alone():
            active = self.active()
            if active is None or active.sha256 != slot.sha256:
                raise Unfit("The model in use was changed at this moment.")
            self._restate(self._current_name() or NAMES[0], slot)

    def tidy(self) -> None:
        """Remove what a killed process left half-way."""
        if self.folder.is_dir():
            with self._alone():
                for name in (INCOMING, OUTGOING, TURNING):
                    _remove(self.folder / name)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process turns this module's link: the agent and a person may want to at once."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _restate(self, name: str, slot: Slot) -> None:
        scratch = self.folder / name / f".{FACTS}"
        _write(scratch, slot)
        _sync(scratch)
        scratch.replace(self.folder / name / FACTS)
        _sync(self.folder / name)

    def _turn(self, name: str) -> None:
        turning = self.folder / TURNING
        turning.unlink(missing_ok=True)
        turning.symlink_to(name)
        turning.replace(self.current)
        _sync(self.folder)

    def _current_name(self) -> str | None:
        try:
            name = str(self.current.readlink())
        except OSError:
            return None
        return name if name in NAMES else None

    def _other_name(self) -> str:
        return "b" if self._current_name() == "a" else "a"

    def _facts(self, name: str) -> Slot | None:
        try:
            facts: dict[str, Any] = json.loads((self.folder / name / FACTS).read_text())
            return Slot(**facts)
        except (OSError, ValueError, TypeError):
            return None


def modules_in(modules: Path) -> list[str]:
    """Answer the modules that have a folder, in order of name."""
    return sorted(path.name for path in modules.iterdir() if MODULE.fullmatch(path.name)) if modules.is_dir() else []


def _write(path: Path, slot: Slot) -> None:
    path.write_text(json.dumps(asdict(slot), indent=1) + "\n")


def _sync_tree(folder: Path) -> None:
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)
