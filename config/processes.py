"""The hub's own processes on one machine: the web, the default worker with the only beat, and the training worker."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from core.errors import Conflict

READY_SECONDS = 30
STOP_SECONDS = 15
RESTART_SECONDS = 2
ONE_HEAP = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "262144"}
"""Sixteen threads would each keep a heap as large as the largest request it ever served; large pieces go back at once."""


def free_port() -> int:
    """Answer a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def alone() -> Iterator[None]:
    """Hold the folder of this hub; raises Conflict where another hub runs on it."""
    settings.VAR.mkdir(parents=True, exist_ok=True)
    with (settings.VAR / "hub.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict("A hub runs on this folder already; end it first (Ctrl-C where it was started).") from error
        yield


@dataclass
class Processes:
    """Web and workers, each in a process group of its own, with its output in a log file.

    `environment` adds to the environment they start with; `bind` is host:port of the web.
    """

    bind: str
    logs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    web_workers: int = 1
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started_at: dict[str, float] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the web answers."""
        return f"http://{self.bind}"

    def commands(self) -> dict[str, list[str]]:
        """Answer the command line of each process."""
        python = sys.executable
        worker = [
            python,
            "-m",
            "celery",
            "-A",
            "config",
            "worker",
            "--concurrency",
            "1",
            "--loglevel",
            "warning",
            "--without-mingle",
        ]
        web = [
            "--config",
            str(settings.BASE_DIR / "config" / "gunicorn.py"),
            "--bind",
            self.bind,
            "--workers",
            str(self.web_workers),
            "--threads",
            "16",
            "--preload",
            "--no-control-socket",
        ]
        return {
            "web": [python, "-m", "gunicorn", "config.wsgi", *web, "--timeout", "60", "--log-level", "warning"],
            "default": [*worker, "--queues", "default", "--hostname", "default@%h", "--beat"],
            "training": [*worker, "--queues", "training.cpu", "--hostname", "training@%h"],
        }

    def start(self, *names: str) -> None:
        """Start the named processes (all where none is named) that do not run."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for name in names or self.commands():
            if name in self.running and self.running[name].poll() is None:
                continue
            with (self.logs / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    self.commands()[name],
                    cwd=settings.BASE_DIR,
                    env={**ONE_HEAP, **os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.started_at[name] = time.monotonic()

    def wait_ready(self) -> None:
        """Return once the web answers /ready; raises RuntimeError with the end of its log where it does not."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.running["web"].poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as answer:  # noqa: S310  (our own address)
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        tail = (self.logs / "web.log").read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"The web did not become ready:\n{tail}")

    def restart_dead(self) -> list[str]:
        """Start again what ended by itself, at most every two seconds; answers what it was."""
        now = time.monotonic()
        dead = [name for name, process in self.running.items() if process.poll() is not None]
        due = [name for name in dead if now - self.started_at[name] > RESTART_SECONDS]
        if due:
            self.start(*due)
        return due

    def kill(self, name: str) -> None:
        """End one process and all it started, as a power cut would."""
        self._signal(name, signal.SIGKILL)
        self.running.pop(name).wait()

    def stop(self) -> None:
        """Ask all to end, and after fifteen seconds do not ask any more."""
        for name in self.running:
            self._signal(name, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for name, process in self.running.items():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._signal(name, signal.SIGKILL)
                process.wait()
        self.running.clear()

    def _signal(self, name: str, number: int) -> None:
        process = self.running[name]
        try:
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)  # a worker's children are in its group
            else:
                process.send_signal(number)
        except ProcessLookupError:
            pass
