"""Playing the demo in a process of its own, on a database that nobody else uses."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from django.conf import settings

from config.services import object_store
from core.s3_store import S3Store
from tests import templates

PATIENCE = 240


@contextmanager
def own_database(migrated_in: Path | None = None) -> Iterator[str]:
    """Answer the address of a new database beside the given one, or "" for a file of its own, which lies in `migrated_in`.

    Where that is given and the suite has a migrated database to copy, this one is migrated too.
    """
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        if migrated_in:
            templates.copy_to(migrated_in / "hub.sqlite3")
        yield ""
        return
    name = f"demo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {templates.of_postgresql() if migrated_in else ''}")
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_store() -> Iterator[str]:
    """Answer the address of a new bucket beside the given one, or "" for a folder of its own; other stores are shared."""
    url = os.environ.get("STORE_URL", "")
    if not url.startswith("s3:"):
        yield url
        return
    parts = urlsplit(url)
    name = f"own-{uuid.uuid4().hex[:12]}"
    address = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{name}"))
    made = S3Store(**object_store(address, "", "", Path(), "")["OPTIONS"])
    made.client.create_bucket(Bucket=name)
    try:
        yield address
    finally:
        for listed in made.listing():
            made.remove(listed.name)
        made.client.delete_bucket(Bucket=name)


@contextmanager
def own_queue() -> Iterator[str]:
    """Answer the address of a Redis database that nobody else has, or "" for a folder of its own."""
    url = os.environ.get("REDIS_URL", "")
    if not url:
        yield ""
        return
    for number in range(1, 16):
        address = urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
        with redis.Redis.from_url(address) as connection:
            if connection.dbsize() or not connection.setnx("taken", "by a test"):
                continue
            try:
                yield address
            finally:
                connection.flushdb()
            return
    raise RuntimeError("No database of Redis is empty.")


def environment(var: Path, database: str) -> dict[str, str]:
    return {**os.environ, "VAR_DIR": str(var), "DATABASE_URL": database}


def ended(var: Path, database: str) -> subprocess.CompletedProcess[str]:
    """Play to the end, without staying up."""
    command = [sys.executable, "manage.py", "demo", "--no-serve"]
    facts = {"cwd": settings.BASE_DIR, "env": environment(var, database), "capture_output": True, "text": True}
    return subprocess.run(command, timeout=PATIENCE, check=False, **facts)


@contextmanager
def staying(var: Path, database: str) -> Iterator[dict[str, Any]]:
    """Play, and answer what the demo says of itself while its portal is up."""
    said, log = var / "demo.json", var / "demo.log"
    command = [sys.executable, "manage.py", "demo"]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment(var, database), stdout=out, stderr=out)
    try:
        yield _facts(process, said, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _facts(process: subprocess.Popen[bytes], said: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if said.exists() and "links" in (facts := json.loads(said.read_text() or "{}")):
            return facts
        time.sleep(0.2)
    raise AssertionError(f"The demo did not come up:\n{log.read_text()[-4_000:]}")
