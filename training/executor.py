"""Where a run's program runs: here, a subprocess of this host. The supervisor knows only what `Execution` says."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
MAX_LINE = 64 * 1024
READ = 64 * 1024
KILLS = 20
"""So often what a program started is looked for and killed: it may fork meanwhile."""


class Execution(Protocol):
    """A program at work on a folder."""

    def read(self, seconds: float) -> list[tuple[str, bytes]]:
        """Answer what it wrote, as ("out"|"err", line); waits up to `seconds` for something."""
        ...

    def status(self) -> int | None:
        """Answer its exit status (negative: killed by that signal), None while it runs."""
        ...

    def memory(self) -> int:
        """Answer how many bytes it and all it started hold."""
        ...

    def ask_to_stop(self) -> None:
        """Ask it to end soon."""
        ...

    def kill(self) -> None:
        """End it, and all it started, now."""
        ...

    def close(self) -> list[tuple[str, bytes]]:
        """Free what it held, and answer the last lines."""
        ...


class Executor(Protocol):
    """Starts programs on folders."""

    def start(self, command: Sequence[str], folder: Path) -> Execution:
        """Start `command FOLDER`; at the end of its standard input it must stop by itself."""
        ...


class LocalExecutor:
    """Subprocesses of this process, each in a session of its own, with no secret of ours in its environment."""

    def start(self, command: Sequence[str], folder: Path) -> "LocalExecution":
        """Start the program with the folder as its last argument and its working directory."""
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [*command, str(folder)],
            cwd=folder,
            env={**environment, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return LocalExecution(process, f"TMPDIR={temporary}")


class LocalExecution:
    """One subprocess and its pipes; its standard input stays open as long as we live."""

    def __init__(self, process: "subprocess.Popen[bytes]", mark: str) -> None:
        self._process, self._mark = process, os.fsencode(mark)
        self._selector = selectors.DefaultSelector()
        self._lines: dict[str, Lines] = {}
        for name, stream in (("out", process.stdout), ("err", process.stderr)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, name)
            self._lines[name] = Lines()

    def read(self, seconds: float) -> list[tuple[str, bytes]]:
        """Read both pipes once; a closed one is no longer watched."""
        if not self._selector.get_map():
            time.sleep(min(seconds, 0.05))
            return []
        found: list[tuple[str, bytes]] = []
        for key, _ in self._selector.select(seconds):
            found += self._drain(key.fileobj, key.data)  # type: ignore[arg-type]
        return found

    def status(self) -> int | None:
        """Answer the exit status once the program has ended."""
        return self._process.poll()

    def memory(self) -> int:
        """Add up what the program and all it started hold; pages they share count once."""
        return sum(_proportional(pid) for pid in started_by(self._process.pid, self._mark))

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the program's group."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the program and all it started, also what left its group or session, and wait for the program."""
        self._signal(signal.SIGKILL)
        for _ in range(KILLS):
            left = list(started_by(self._process.pid, self._mark))
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                break
        self._process.wait()

    def close(self) -> list[tuple[str, bytes]]:
        """Kill what the program left behind, and read the pipes to their end."""
        self.kill()
        found: list[tuple[str, bytes]] = []
        while self._selector.get_map() and (ready := self._selector.select(0)):
            for key, _ in ready:
                found += self._drain(key.fileobj, key.data)  # type: ignore[arg-type]
        for name, lines in self._lines.items():
            found += [(name, line) for line in lines.rest()]
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return found

    def _drain(self, stream: IO[bytes], name: str) -> list[tuple[str, bytes]]:
        try:
            piece = os.read(stream.fileno(), READ)
        except BlockingIOError:
            return []
        if not piece:
            self._selector.unregister(stream)
        return [(name, line) for line in self._lines[name].feed(piece)]

    def _signal(self, number: signal.Signals) -> None:
        # the session outlives its leader where that left children behind, so the group is signalled in any case
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class Lines:
    """Cuts a stream of bytes into lines, and a line that is too long at MAX_LINE bytes or a little more."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take a piece and yield the lines that are whole."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        yield from whole
        if len(self._rest) > MAX_LINE:
            yield self._rest
            self._rest = b""

    def rest(self) -> list[bytes]:
        """Answer what came without an end of line."""
        return [self._rest] if self._rest else []


def started_by(session: int, mark: bytes) -> Iterator[int]:
    """Yield the processes that live of a session, and those anywhere whose environment carries the mark they were started with."""
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            state, _, _, of_session = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:4]
            if state != "Z" and (int(of_session) == session or mark in Path(entry.path, "environ").read_bytes().split(b"\0")):
                yield int(entry.name)
        except (OSError, ValueError):  # it ended while we looked, or is another user's
            continue


def _proportional(pid: int) -> int:
    """Answer how many bytes a process holds, its part of what it shares; 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
