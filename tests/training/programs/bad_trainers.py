"""Trainers that misbehave, installed for tests as entry points by bad_trainers-1.dist-info; run as `bad_trainers.py KIND FOLDER`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def silent(folder):
    """Exits 0, and says done, without a model."""
    say(event="done", metrics={"accuracy": 1.0})


def empty(folder):
    """Exits 0 and says nothing."""


def garbage(folder):
    """Says everything but events, and then that it is done, with a bundle that is none."""
    out = sys.stdout.buffer
    out.write(b'\xff\xfe\x00 not text\n[1, 2]\n{"event": "boom"}\n{"event": "metric", "name": "x", "step": 1, "value": NaN}\n')
    out.write(b'{"event": "metric", "name": "x", "step": 1, "value": 1e999}\n{"event": "log", "text": "half \\ud800"}\n')
    out.write(b'{"event": "progress", "percent": -5e17, "epoch": "many", "epochs": 1e300}\n' + b"{" * 100_000 + b"\n")
    out.write(b'{"event": "metric", "name": "loss", "step": 1, "value": 0.5}\n')
    out.write(b"x" * 300_000 + b"\n")
    out.flush()
    sys.stderr.write("a library warns\n")
    (folder / "artifact").mkdir()
    (folder / "artifact" / "bundle.zip").write_bytes(b"PK no zip")
    say(event="done", metrics={"accuracy": "very good", "f1": 0.5})


def flood(folder):
    for number in range(30_000):
        say(event="log", text=f"line {number}")
    sys.exit(3)


def dies(folder):
    say(event="progress", percent=10)
    sys.stderr.write("Segmentation fault in the third layer\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGSEGV)


def eaten(folder):
    os.kill(os.getpid(), signal.SIGKILL)


def unfit(folder):
    say(event="error", text="There are no pictures of cats.")
    sys.exit(1)


def stubborn(folder):
    """Ignores SIGTERM, with a child that does so too; writes both process ids to where the test looks."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
    say(event="log", text=f"pids {os.getpid()} {child.pid}")
    say(event="progress", percent=30, epoch=3, epochs=10)
    time.sleep(600)


def interrupted(folder):
    sys.exit(75)


def endless(folder):
    while True:
        say(event="progress", percent=50)
        time.sleep(0.05)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
else:
    from dataclasses import dataclass

    from training.trainers.base import Trainer

    @dataclass(frozen=True)
    class Nothing:
        """No hyperparameters."""

    class Bad(Trainer):
        title = "A trainer that misbehaves"
        tasks = ("classification",)
        hyperparameters = Nothing

        def __init__(self, kind):
            self.name = kind
            self.command = (sys.executable, __file__, kind)

        def prepare(self, work, settings):
            raise NotImplementedError

        def train(self, work, settings, data):
            raise NotImplementedError

        def export(self, work, settings, data, model):
            raise NotImplementedError

    SILENT, EMPTY, GARBAGE, FLOOD, DIES, EATEN, UNFIT, STUBBORN, INTERRUPTED, ENDLESS = (
        Bad(kind)
        for kind in ("silent", "empty", "garbage", "flood", "dies", "eaten", "unfit", "stubborn", "interrupted", "endless")
    )
