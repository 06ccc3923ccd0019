"""A program of the site's own beside the agent (`--managed`): told when its model was changed, and asked whether it does well.

A hook is a command. `activate` runs after `current` was turned: the program loads the model anew, or is started again. `probe` runs in
every round of the probation; it asks the program whether it answers. Ended with another status than 0, or not within a minute, is no.
Both know CC_MODULE, CC_VERSION and CC_MODEL, the folder of the model.
"""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cc_edge.errors import Unfit

SECONDS = 60
SHOWN = 300


@dataclass(frozen=True)
class Hooks:
    """What the site wants to be called; `probation` is for how many seconds a new model must do well before it counts."""

    activate: str = ""
    probe: str = ""
    probation: float = 60.0

    @property
    def are_there(self) -> bool:
        """Whether there is a program to ask at all."""
        return bool(self.activate or self.probe)

    def activated(self, module: str, version: str, folder: Path) -> None:
        """Have the program take the model; raises Unfit with what it said."""
        _run(self.activate, "The program did not take the model", module, version, folder)

    def probed(self, module: str, version: str, folder: Path) -> None:
        """Ask whether it does well; raises Unfit with what it said."""
        _run(self.probe, "The program does not do well with the model", module, version, folder)


def _run(command: str, sentence: str, module: str, version: str, folder: Path) -> None:
    if not command:
        return
    known = {"CC_MODULE": module, "CC_VERSION": version, "CC_MODEL": str(folder)}
    try:
        done = subprocess.run(  # the site's own command, not the hub's
            shlex.split(command), env={**os.environ, **known}, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unfit(f"{sentence}: no answer within {SECONDS} s.") from error
    except OSError as error:
        raise Unfit(f"{sentence}: {command.split(maxsplit=1)[0]} cannot be run ({error.strerror}).") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-SHOWN:]
        raise Unfit(f"{sentence}: it ended with {done.returncode}{f', {said}' if said else ''}.")
