"""What the long tests stand on: a hub of their own, with its database, folder and processes, none of them pytest's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from config.processes import Processes, free_port
from tests.config.playing import own_database, own_queue, own_store


@dataclass
class OwnHub:
    """A hub that no other test sees; `processes` are its web and workers, not started."""

    environment: dict[str, str]
    processes: Processes

    def manage(self, *arguments: object) -> Any:
        """Run a command and answer what it printed, as JSON; None where it printed nothing."""
        return self._run("manage.py", *arguments)

    def inside(self, function: str, *arguments: object) -> Any:
        """Call a function of tests/long/inside.py in a process on this hub's database, and answer what it returned."""
        return self._run("-m", "tests.long.inside", function, *arguments)

    def start_inside(self, function: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.long.inside", function, *map(str, arguments)]
        return subprocess.Popen(command, cwd=settings.BASE_DIR, env=self.environment, stdout=subprocess.PIPE, text=True)

    def _run(self, *arguments: object) -> Any:
        command = [sys.executable, *map(str, arguments)]
        said = subprocess.run(
            command, cwd=settings.BASE_DIR, env=self.environment, stdout=subprocess.PIPE, check=True, timeout=600
        ).stdout
        return json.loads(said) if said.strip() else None


@pytest.fixture
def own_hub(tmp_path: Path) -> Iterator[OwnHub]:
    with own_database() as database, own_store() as bucket, own_queue() as queue:
        port = free_port()
        places = {"VAR_DIR": str(tmp_path / "var"), "DATABASE_URL": database, "STORE_URL": bucket, "REDIS_URL": queue}
        facts = {**places, "PUBLIC_URL": f"http://127.0.0.1:{port}"}
        environment = {**os.environ, **facts}
        hub = OwnHub(environment, Processes(f"127.0.0.1:{port}", tmp_path / "logs", environment))
        hub.manage("migrate", "--verbosity", "0")
        try:
            yield hub
        finally:
            hub.processes.stop()
