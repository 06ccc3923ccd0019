"""A hub of one benchmark's own: a fresh database on the server of DATABASE_URL (or SQLite), a folder, and web processes."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4


@contextmanager
def own_hub(**environment: str) -> Iterator[Path]:
    """Point the environment at a fresh database and folder, set Django up and migrate; all of it goes at the end.

    `environment` adds to it, such as STORE_URL.
    """
    url = os.environ.get("DATABASE_URL", "")
    with tempfile.TemporaryDirectory(prefix="command-centre-bench-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": "", "STORE_URL": ""}
        os.environ |= environment
        with _own_database(url):
            subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
            import django

            django.setup()
            yield Path(folder)
            from django.db import connections

            connections.close_all()


@contextmanager
def _own_database(url: str) -> Iterator[None]:
    if not url:
        yield
        return
    import psycopg

    name = f"bench_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        os.environ["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        try:
            yield
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def resident_mb(pid: int) -> int:
    """Answer the largest resident memory of a process or one of its children, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    sizes = []
    for each in (str(pid), *children):
        status = Path(f"/proc/{each}/status").read_text()
        sizes.append(int(status.partition("VmRSS:")[2].split()[0]))
    return max(sizes) // 1024


def cpu_seconds(pid: int) -> float:
    """Answer what a process and its children have used of the processors: on a busy machine it says more than the clock."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for each in (str(pid), *children):
        used = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(used[11]) + int(used[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def load() -> dict[str, list[float]]:
    """Answer the machine's load over one, five and fifteen minutes: a figure taken beside other work says little."""
    return {"load": [round(each, 1) for each in os.getloadavg()]}
