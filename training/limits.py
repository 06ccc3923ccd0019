"""What one run may use of its host: time, memory and disk, of all the processes it started together."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from training.executor import Execution
from training.models import ExitReason

TIME_LIMIT_SECONDS = 6 * 3600
LOOK_SECONDS = 2.0
MEBIBYTE = 1 << 20
MEMORY_FACTS = Path("/proc/vmstat")


class Failure(Exception):
    """The run failed by its own fault: a reason, and a sentence for a person."""

    def __init__(self, reason: ExitReason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason, self.sentence = reason, sentence


class Limits:
    """The limits of one run: those its job asks for (`training_config`), else the worker's."""

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        self._folder, self._began, self._looked_at, self._kills = folder, time.monotonic(), 0.0, _kills_for_memory()
        self.seconds = float(config.get("time_limit_seconds", TIME_LIMIT_SECONDS))
        self.memory = int(config.get("memory_limit_mb", settings.RUN_MEMORY_MB)) * MEBIBYTE
        self.disk = int(settings.RUN_DISK_MB) * MEBIBYTE

    def begin(self) -> None:
        """Let the time run."""
        self._began, self._kills = time.monotonic(), _kills_for_memory()

    def was_memory_short(self) -> bool:
        """Tell whether the kernel ended any process of this host for want of memory since the run began."""
        return _kills_for_memory() > self._kills

    def check(self, program: Execution) -> None:
        """Look after the program every two seconds; raises Failure where it uses more than it may."""
        now = time.monotonic()
        if now - self._began > self.seconds:
            raise Failure(ExitReason.TIMEOUT, f"It took longer than its limit of {self.seconds:.0f} seconds.")
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        if self.memory and (used := program.memory()) > self.memory:
            sentence = f"It used {used // MEBIBYTE:,} MiB of memory; it may use {self.memory // MEBIBYTE:,}."
            raise Failure(ExitReason.OUT_OF_MEMORY, sentence)
        if self.disk and (used := written(self._folder)) > self.disk:
            sentence = f"It wrote {used // MEBIBYTE:,} MiB into its folder; it may write {self.disk // MEBIBYTE:,}."
            raise Failure(ExitReason.USER_ERROR, sentence)


def _kills_for_memory() -> int:
    """Answer how many processes the kernel ended for want of memory since it started; 0 where it does not tell."""
    try:
        facts = dict(line.split() for line in MEMORY_FACTS.read_text().splitlines())
        return int(facts.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0


def written(folder: Path) -> int:
    """Answer how many bytes of disk a folder takes, without what it only links to."""
    total, waiting = 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:  # it went while we looked
            continue
    return total
