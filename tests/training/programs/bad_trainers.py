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


def shot(folder):
    os.kill(os.getpid(), signal.SIGKILL)


def eaten(folder):
    """Ends as the kernel would end it for want of memory: counted, and killed."""
    (folder.parent / "vmstat").write_text("pgfault 9\noom_kill 4\n")
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


def mute(folder):
    """Ignores SIGTERM and says nothing, as if it read data for ever, with a child in a group of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import os, signal, time; os.setpgid(0, 0); signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code])
    (folder.parent / "pids").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def interrupted(folder):
    sys.exit(75)


def endless(folder):
    while True:
        say(event="progress", percent=50)
        time.sleep(0.05)


def hungry(folder):
    """Holds more memory than it may, half of it in a child."""
    child = "import time; held = b'x' * (80 << 20); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", child])
    held = b"x" * (80 << 20)
    time.sleep(600 + len(held) * 0)


def exhausted(folder):
    say(event="error", text="CUDA out of memory.", reason="oom")
    sys.exit(1)


def writer(folder):
    """Fills the disk."""
    with (folder / "huge").open("wb") as out:
        while True:
            out.write(b"x" * (1 << 20))
            out.flush()
            time.sleep(0.01)


def saving(folder):
    """Keeps checkpoints until it is asked to stop, and says from where it goes on."""
    found = json.loads((folder / "job.json").read_text()).get("checkpoint")
    if found:
        say(event="error", text=f"went on from {(folder / found).read_text()}")
        sys.exit(1)
    (folder / "checkpoint").mkdir()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
    for step in range(1, 1000):
        (folder / "checkpoint" / str(step)).write_text(f"step {step}")
        say(event="checkpoint", step=step, file=f"checkpoint/{step}")
        say(event="checkpoint", step=step, file="../../../etc/passwd" if step == 1 else f"checkpoint/{step}")
        say(event="progress", percent=min(99, step))
        time.sleep(0.3)


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

    KINDS = [
        "silent",
        "empty",
        "garbage",
        "flood",
        "dies",
        "eaten",
        "shot",
        "unfit",
        "stubborn",
        "mute",
        "interrupted",
        "endless",
        "hungry",
        "exhausted",
        "writer",
        "saving",
    ]
    globals().update({kind.upper(): Bad(kind) for kind in KINDS})
