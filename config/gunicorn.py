"""How gunicorn runs the web: its processes count into one folder that goes with them, and one that ends is noticed there."""

import os
import shutil
import tempfile
from typing import Any

from config.logging import LOGGING

_own = {"level": "WARNING", "handlers": ["stderr"], "propagate": False}
logconfig_dict = {**LOGGING, "loggers": {**LOGGING["loggers"], "gunicorn.error": _own, "gunicorn.access": _own}}
_folder = tempfile.mkdtemp(prefix="command-centre-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _folder  # before anything imports the client that reads it


def child_exit(server: Any, worker: Any) -> None:
    """Let go of what only a living process says."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Remove the folder."""
    shutil.rmtree(_folder, ignore_errors=True)
