"""The real hub of a test over HTTP, and `cc-edge` as a process of its own beside it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings as django_settings
from django.core.files.storage import storages

PROGRAM = [sys.executable, "-c", "import sys; from cc_edge.cli import main; sys.exit(main())"]
PATIENCE = 60.0


def serve_store_at(url: str, settings) -> None:
    """Have the file store sign addresses of the live server; another store has its own."""
    if "location" in settings.STORAGES["objects"]["OPTIONS"]:
        options = {**settings.STORAGES["objects"]["OPTIONS"], "public_url": url}
        settings.STORAGES = {**django_settings.STORAGES, "objects": {**settings.STORAGES["objects"], "OPTIONS": options}}
        storages._storages = {}


def until(done: Callable[[], object]) -> object:
    """Wait for something to be true, and answer it."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := done()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    return answer


@dataclass
class Ended:
    """How a process ended: its exit code, its JSON lines, what it said to the person."""

    code: int
    lines: list[dict]
    said: str


def start(*arguments: object, key: str = "") -> subprocess.Popen:
    environment = {**os.environ, "CC_KEY": key}
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def end(process: subprocess.Popen) -> Ended:
    out, said = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, [json.loads(line) for line in out.splitlines()], said)


def run(*arguments: object, key: str = "") -> Ended:
    return end(start(*arguments, key=key))
