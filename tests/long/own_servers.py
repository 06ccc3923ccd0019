"""Servers of one test's own, each to be killed as a power cut would, and begun again: PostgreSQL and Redis on free ports."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from config.processes import free_port

PATIENCE = 60.0


@dataclass(frozen=True)
class Postgresql:
    """A cluster below `folder`; as root it runs as the user postgres, since it refuses root."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "postgres", "--no-sync")

    def start(self) -> None:
        """Start it, and again while what the killed one shared is still held by one of its processes."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c max_connections=60"
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", options, "start")
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def kill(self) -> None:
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def _run(self, program: str, *arguments: object) -> None:
        found = max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), default=Path(shutil.which(program) or program))
        as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_other, str(found), *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE, cwd="/")


@dataclass(frozen=True)
class Redis:
    """A broker that keeps nothing: what was on its way when it is killed is lost."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        files = [
            "--dir",
            str(self.folder),
            "--pidfile",
            str(self.folder / "redis.pid"),
            "--logfile",
            str(self.folder / "redis.log"),
        ]
        command = ["redis-server", "--daemonize", "yes", "--bind", "127.0.0.1", "--port", str(self.port), *files]
        subprocess.run([*command, "--save", "", "--appendonly", "no"], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        os.kill(int((self.folder / "redis.pid").read_text()), signal.SIGKILL)

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.url) as connection:
            return bool(connection.ping())
        return False


Servers = dict[str, Postgresql | Redis]


@contextmanager
def own_servers() -> Iterator[Servers]:
    """Start both, and end them; none where the suite runs without servers."""
    if not os.environ.get("DATABASE_URL"):
        yield {}
        return
    folder = Path(tempfile.mkdtemp(prefix="cc-servers-", dir="/tmp"))  # where the user postgres can reach it
    folder.chmod(0o755)
    for name in ("postgresql", "redis"):
        (folder / name).mkdir()
    database, broker = Postgresql(folder / "postgresql", free_port()), Redis(folder / "redis", free_port())
    database.create()
    try:
        database.start()
        broker.start()
        yield {"database": database, "broker": broker}
    finally:
        for server in (database, broker):
            if server.answers():
                server.kill()
        shutil.rmtree(folder, ignore_errors=True)
